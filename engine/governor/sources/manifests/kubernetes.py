"""Kubernetes objects: one resource for each that launches pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from governor.catalog.accelerators import accelerator_of
from governor.catalog.prices import PriceBook
from governor.model import Accelerator, Resource
from governor.sources.manifests.cost import ON_CLUSTER, Priced, by_model, by_type, shown
from governor.sources.manifests.pods import Need, need
from governor.sources.manifests.reading import FILLED_IN_LATER, is_open, mappings, string
from governor.sources.manifests.workloads import Launch, Pods, launch
from governor.sources.terraform_plan.reading import at, mapping, number

PREFIX = "governor.dev/"
"""Of labels and annotations that carry a tag."""

_SECONDS_PER_HOUR = 3600
_NAMESAKES = frozenset({"batch.volcano.sh/Job", "serving.knative.dev/Service"})

_SCALERS = {
    "autoscaling/HorizontalPodAutoscaler": (("minReplicas", "1"), ("maxReplicas", None)),
    "keda.sh/ScaledObject": (("minReplicaCount", "0"), ("maxReplicaCount", "100")),
}
"""Autoscaler → its fields for the least and the most, each with its default."""

Scalers = Mapping[tuple[str, str, str], tuple[int | None, int | None]]
"""(kind, namespace, name) of what is scaled → (least, most)."""


def type_of(document: Mapping[str, Any]) -> str:
    """`apps/Deployment`, `Pod`: the group without its version, and the kind."""
    group, _, _ = string(document.get("apiVersion")).rpartition("/")
    kind = string(document.get("kind"))
    return f"{group}/{kind}" if group else kind


def address(document: Mapping[str, Any], type: str) -> str:
    """`Job/team/train`; without its namespace where the manifest leaves that to the command that applies it.

    A kind that is called like one of Kubernetes' own is written with its group, as kubectl does.
    """
    metadata = mapping(mapping(document).get("metadata"))
    name = string(metadata.get("name")) or string(metadata.get("generateName")) or "unnamed"
    namespace = string(metadata.get("namespace"))
    kind = string(mapping(document).get("kind")) or type
    if type in _NAMESAKES:
        kind = f"{kind}.{type.partition('/')[0]}"
    return "/".join(part for part in (kind, namespace, name) if part)


def scalers(documents: Iterable[Any]) -> Scalers:
    """What the autoscalers among the documents say of others."""
    found: dict[tuple[str, str, str], tuple[int | None, int | None]] = {}
    for document in documents:
        if not isinstance(document, dict):
            continue
        type = type_of(document)
        if type not in _SCALERS:
            continue
        least, most = _SCALERS[type]
        spec, target = mapping(document.get("spec")), mapping(at(document, "spec.scaleTargetRef"))
        kind, name = string(target.get("kind")) or "Deployment", string(target.get("name"))
        found[kind, string(at(document, "metadata.namespace")), name] = (
            number(spec.get(*least)),
            number(spec.get(*most)),
        )
    return found


def owners(document: Mapping[str, Any]) -> list[str]:
    """Addresses of what made an object that a cluster printed: `kubectl get` shows Pods beside their Deployment."""
    metadata = mapping(document.get("metadata"))
    if not string(metadata.get("uid")):
        return []
    namespace = metadata.get("namespace")
    return [
        address({"kind": owner.get("kind"), "metadata": {"name": owner.get("name"), "namespace": namespace}}, type)
        for owner in mappings(metadata.get("ownerReferences"))
        for type in (type_of(owner),)
        if owner.get("controller") is True
    ]


def resource(type: str, document: Mapping[str, Any], known_scalers: Scalers, prices: PriceBook) -> Resource | None:
    """The facts of an object that launches pods; None for another kind."""
    found = launch(type, document)
    if found is None:
        return None
    metadata = mapping(document.get("metadata"))
    key = string(document.get("kind")), string(metadata.get("namespace")), string(metadata.get("name"))
    if key in known_scalers and len(found.pods) == 1:
        _scale(found.pods[0], mapping(document.get("spec")), *known_scalers[key])
    return assemble(address(document, type), type, found, metadata, prices)


def _scale(pods: Pods, spec: Mapping[str, Any], least: int | None, most: int | None) -> None:
    if spec.get("replicas") is None and least is not None:
        pods.count = least
    pods.max_count = most


def assemble(id: str, type: str, found: Launch, metadata: Mapping[str, Any], prices: PriceBook) -> Resource:
    """The resource of what an object launches."""
    unknown = dict(found.unknown)
    needs = [(pods, need(mapping(pods.template.get("spec")))) for pods in found.pods]
    provider, region = _where(needs, unknown)
    priced = [(pods, one, _priced(one, provider, prices)) for pods, one in needs]
    accelerator = _dearest(priced)
    for _, one, cost in priced:
        if one.unknown:
            unknown.setdefault("hourly_usd", one.unknown)
            unknown.setdefault("accelerator", one.unknown)
        if cost.unknown_model:
            unknown.setdefault("accelerator.model", cost.unknown_model)
        if one.share:
            unknown.setdefault("accelerator.count", one.share)
            unknown.setdefault("hourly_usd", one.share)
        if cost.why_no_price:
            unknown.setdefault("hourly_usd", cost.why_no_price)
    if accelerator is None and "accelerator" not in unknown:
        unknown.pop("hourly_usd", None)  # what computes without one has no price here, however many there are
    tags, delivered = _tags(found, metadata, unknown)
    attributes: dict[str, Any] = {"delivered_tags": delivered}
    types = [*dict.fromkeys(name for _, one, cost in priced for name in cost.types or one.placement.types)]
    if types:
        attributes["instance_type"] = types[0]
        if len(types) > 1:
            attributes["instance_types"] = types
    if found.deadline_seconds:
        attributes["deadline_hours"] = round(found.deadline_seconds / _SECONDS_PER_HOUR, 4)
    counted = [(pods, cost) for pods, one, cost in priced if accelerator is None or cost.accelerator]
    count, most = _counts(pods for pods, _ in counted)
    hourly_usd, max_hourly_usd = _sums(counted) if "hourly_usd" not in unknown else (None, None)
    return Resource(
        id=id,
        kind=found.kind,
        type=type,
        provider=provider,
        region=region,
        tags=tags,
        accelerator=accelerator,
        purchase="spot" if accelerator and all(_spot(one) for _, one, c in priced if c.accelerator) else "on_demand",
        count=count,
        max_count=most if most != count else None,
        price=None if hourly_usd is None else next((cost.price for _, cost in counted if cost.price), None),
        hourly_usd=hourly_usd,
        max_hourly_usd=max_hourly_usd if max_hourly_usd != hourly_usd else None,
        attributes=attributes,
        unknown=unknown,
    )


def _spot(one: Need) -> bool:
    return one.placement.purchase == "spot"


def _where(needs: list[tuple[Pods, Need]], unknown: dict[str, str]) -> tuple[str, str | None]:
    """The cloud and the region in which all pods run."""
    clouds = dict.fromkeys(cloud for _, one in needs if (cloud := one.placement.provider or one.provider))
    provider = next(iter(clouds)) if len(clouds) == 1 else ON_CLUSTER
    regions = {region for _, one in needs for region in one.placement.regions}
    waiting = next((one.placement.open for _, one in needs if one.placement.open), "")
    if len(regions) == 1 and "" not in regions and all(one.placement.regions for _, one in needs):
        return provider, regions.pop()
    if regions - {""}:
        unknown["region"] = f"it may be {' or '.join(sorted(regions - {''}))}"
        if not all(one.placement.regions for _, one in needs):
            unknown["region"] = "some of its pods select no region"
    elif waiting:
        unknown["region"] = f"{waiting} is {FILLED_IN_LATER}"
    elif regions:
        unknown["region"] = "its zone is not in the region catalogue"
    else:
        unknown["region"] = "it selects no region: it lies where its cluster lies"
    return provider, None


def _priced(one: Need, provider: str, prices: PriceBook) -> Priced:
    if not one.count and not one.share:
        return Priced()
    place, count = one.placement, one.count or Fraction(1)
    region = place.regions[0] if len(place.regions) == 1 and place.regions[0] else None
    types = tuple(type for type in place.types if accelerator_of(provider, type)) if provider != ON_CLUSTER else ()
    if types:
        return by_type(prices, provider, region, types, count, place.purchase)
    if models := place.models or ((one.model,) if one.model else ()):
        return by_model(prices, provider, region, models, count, place.purchase, place.families, place.per_node)
    if place.types and provider != ON_CLUSTER:
        return by_type(prices, provider, region, place.types, count, place.purchase)
    why = "no selector tells the accelerator's model"
    return Priced(Accelerator("unknown", shown(count)), unknown_model=why, why_no_price=why)


def _dearest(priced: list[tuple[Pods, Need, Priced]]) -> Accelerator | None:
    """That of the dearest pods, or of those that take most: one object has one accelerator here."""
    found = [cost for pods, _, cost in priced if cost.accelerator and pods.count != 0] or [
        cost for _, _, cost in priced if cost.accelerator
    ]
    best = max(found, key=_weight, default=None)
    return best.accelerator if best else None


def _weight(cost: Priced) -> tuple[Decimal, float]:
    return cost.hourly_usd or Decimal(0), cost.accelerator.count if cost.accelerator else 0


def _counts(groups: Iterable[Pods]) -> tuple[int | None, int | None]:
    """Pods, desired and at most, of those that carry accelerators where any do."""
    listed = list(groups)
    if not listed or any(pods.count is None for pods in listed):
        return None, None
    count = sum(pods.count or 0 for pods in listed)
    return count, sum(max(pods.count or 0, pods.max_count or 0) for pods in listed)


def _sums(counted: list[tuple[Pods, Priced]]) -> tuple[Decimal | None, Decimal | None]:
    """USD per hour of all pods, desired and at most; None where nothing has a price."""
    with_price = [(pods, cost.hourly_usd) for pods, cost in counted if cost.hourly_usd is not None]
    if not with_price:
        return None, None
    desired = sum((usd * (pods.count or 0) for pods, usd in with_price), Decimal(0))
    most = sum((usd * max(pods.count or 0, pods.max_count or 0) for pods, usd in with_price), Decimal(0))
    return desired, most


def _tags(found: Launch, metadata: Mapping[str, Any], unknown: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The tags of the object, and those that reach its pods.

    Of one key the pods' value counts: they are what is paid for, and what cost reports see.
    """
    on_pods = [{**_carried({"labels": found.labels}), **_carried(pods.template.get("metadata"))} for pods in found.pods]
    everywhere = {
        key: value for key, value in (on_pods[0] if on_pods else {}).items() if all(key in tags for tags in on_pods)
    }
    tags = dict(_carried(metadata))
    for carried in on_pods:
        tags |= carried
    for key, value in tags.items():
        if is_open(value):
            unknown[f"tags.{key}"] = FILLED_IN_LATER
    if found.templates_elsewhere and not tags.keys() <= everywhere.keys():
        unknown["attributes.delivered_tags"] = found.templates_elsewhere
    return tags, everywhere


def _carried(metadata: Any) -> dict[str, str]:
    """The tags in an object's metadata: its labels, and the annotations that stand in for labels.

    A value that no label can hold is written as an annotation, under the key alone or under `governor.dev/KEY`.
    Annotations of other tools have a prefix of their own, and are no tags.
    """
    tags = {}
    annotations, labels = mapping(mapping(metadata).get("annotations")), mapping(mapping(metadata).get("labels"))
    for key, value in annotations.items():
        if isinstance(value, str) and ("/" not in key or key.startswith(PREFIX)):
            tags[key.removeprefix(PREFIX)] = value
    for key, value in labels.items():
        if isinstance(value, str):
            tags[key.removeprefix(PREFIX)] = value
    return tags
