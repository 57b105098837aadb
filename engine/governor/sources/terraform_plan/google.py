"""Facts of Google's types that no plain path gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from governor.catalog import endpoints, regions
from governor.catalog.accelerators import accelerator_of, facts
from governor.model import Accelerator
from governor.sources.terraform_plan.draft import AFTER_APPLY, NOT_YET, Draft
from governor.sources.terraform_plan.reading import (
    amount,
    as_text,
    at,
    block,
    blocks,
    is_unknown,
    items,
    mapping,
    number,
    text,
)
from governor.sources.terraform_plan.siblings import Target


def compute_instance(draft: Draft) -> None:
    _spot(draft, "scheduling.0.")
    path = "source_instance_template"
    if not draft.get("machine_type") and not draft.written("machine_type") and draft.written(path):
        _from_templates(draft, _templates(draft, path), 1, 1)
    else:
        _launches(draft, "machine_type")
    _attached(draft, "guest_accelerator")


def instance_template(draft: Draft) -> None:
    draft.says("instance_type", "machine_type")
    if machine := _last(draft.get("machine_type")):
        draft.attributes["instance_type"] = machine
    draft.delivered = dict(draft.tags)


def instance_group(draft: Draft) -> None:
    """The type stands in the instance template of its version. It takes no labels: its machines have the template's."""
    desired = draft.counts("target_size", 1)
    most = desired
    for scaler in _SCALERS:
        for target in draft.plan.referring(scaler, "target", draft.resource):
            policy = block(target.after.get("autoscaling_policy"))
            least, most = number(policy.get("min_replicas")), number(policy.get("max_replicas"))
            if draft.get("target_size") is None:
                desired = least if least is not None else desired
                for path in ("count", "hourly_usd"):
                    draft.unknown.pop(path, None)
    _from_templates(draft, _templates(draft, "version"), desired, most)
    labels = block(draft.get("all_instances_config")).get("labels")
    draft.delivered = {**(draft.delivered or {}), **{k: as_text(v) for k, v in mapping(labels).items()}}
    draft.tags = dict(draft.delivered)
    if why := draft.unknown.get("attributes.delivered_tags"):
        draft.unknown["tags"] = why


_SCALERS = ("google_compute_autoscaler", "google_compute_region_autoscaler")
_TEMPLATES = ("google_compute_instance_template", "google_compute_region_instance_template")


def _templates(draft: Draft, path: str) -> list[Target]:
    found = [t for t in draft.leads_to(path) if t.resource.type in _TEMPLATES]
    if found:
        return found
    written = [v.get("instance_template") for v in blocks(draft.get(path))] or [draft.get(path)]
    return [
        t
        for name in written
        for type in _TEMPLATES
        for key in ("self_link", "id")
        for t in draft.named(type, key, name)
    ]


def _from_templates(draft: Draft, found: list[Target], desired: int | None, most: int | None) -> None:
    """One or, while a new version is rolled out, several templates: the dearest counts."""
    if not found:
        why = "the machine type stands in its instance template, which this plan does not hold"
        draft.type_unknown(why)
        draft.unknown["attributes.delivered_tags"] = why
        return
    types = []
    delivered: dict[str, str] | None = None
    for template in found:
        if machine := _last(template.after.get("machine_type")):
            types.append(machine)
        else:
            draft.type_unknown(f"{template.resource.address} does not tell its machine type")
        if any(at(template.after, f"scheduling.0.{name}") in (True, "SPOT") for name in _SPOT):
            draft.purchase = "spot"
        labels, why = _labels(draft, template)
        delivered = labels if delivered is None else {k: v for k, v in delivered.items() if k in labels}
        if why:
            draft.unknown["attributes.delivered_tags"] = why
    draft.launches_any(list(dict.fromkeys(types)), desired, most)
    for template in found:
        unknown = partial(is_unknown, at(template.unknown_after, "guest_accelerator"))
        _note_attached(draft, template.after.get("guest_accelerator"), unknown)
    draft.delivered = delivered


def _labels(draft: Draft, template: Target) -> tuple[dict[str, str], str]:
    """What a template labels its machines with, the provider's default labels merged in."""
    for name in ("effective_labels", "terraform_labels"):
        if (labels := template.after.get(name)) is not None and not is_unknown(template.unknown_after, name):
            return {k: as_text(v) for k, v in mapping(labels).items() if k != "goog-terraform-provisioned"}, ""
    if is_unknown(template.unknown_after, "labels") and template.after.get("labels") is None:
        return {}, f"labels of {template.resource.address} are {AFTER_APPLY}"
    defaults: dict[str, str] | None = {}
    why = ""
    if is_unknown(template.unknown_after, "effective_labels"):
        defaults, why = draft.plan.providers.default_labels(template.block.provider_key if template.block else "")
    labels = {k: as_text(v) for k, v in mapping(template.after.get("labels")).items()}
    unknown = {k: NOT_YET for k, mark in mapping(at(template.unknown_after, "labels")).items() if mark}
    return {**(defaults or {}), **labels, **unknown}, why


def compute_reservation(draft: Draft) -> None:
    count = draft.counts("specific_reservation.0.count", 1)
    _launches(draft, "specific_reservation.0.instance_properties.0.machine_type", count, count)
    _attached(draft, "specific_reservation.0.instance_properties.0.guest_accelerators")


def gke_cluster(draft: Draft) -> None:
    """Its inline pools, or the default pool, which a cluster without a pool of its own starts in each zone."""
    if draft.get("enable_autopilot") is True:
        return
    unknown = draft.why_unknown("node_locations") and draft.written("node_locations")
    zones = None if unknown else _zones(draft.after, text(draft.get("location")) or "", of_cluster=True)
    if blocks(draft.get("node_pool")):
        prefixes = _inline_pools(draft)
        _spot(draft, *(f"{prefix}node_config.0." for prefix in prefixes))
        for prefix in prefixes:
            own = draft.why_unknown(f"{prefix}node_locations") and draft.written(f"{prefix}node_locations")
            places = len(set(map(str, items(draft.get(f"{prefix}node_locations")))))
            _nodes(draft, None if own else places or zones, prefix)
    elif items(draft.get("node_config")) and draft.get("remove_default_node_pool") is not True:
        _spot(draft, "node_config.0.")
        _nodes(draft, zones)


def _inline_pools(draft: Draft) -> list[str]:
    """The state of a cluster lists all its pools: those that are resources of their own are counted there."""
    pools = enumerate(items(draft.get("node_pool")))
    if draft.written("node_pool") or draft.resource.change.actions == ["create"]:
        return [f"node_pool.{position}." for position, _ in pools]
    return [
        f"node_pool.{position}."
        for position, pool in pools
        if not draft.plan.named(
            draft.resource, "google_container_node_pool", "name", str(mapping(pool).get("name")), True
        )
    ]


def gke_node_pool(draft: Draft) -> None:
    """Its labels are those of its machines: `resource_labels`, in the block that describes them."""
    clusters = [t for t in draft.leads_to("cluster") if t.resource.type == "google_container_cluster"]
    _spot(draft, "node_config.0.")
    _nodes(draft, _pool_zones(draft, clusters[0] if len(clusters) == 1 else None))
    draft.delivered = dict(draft.tags)
    for path in ("tags", "tags.*"):
        if path in draft.unknown:
            draft.unknown["attributes.delivered_tags"] = draft.unknown[path]
    if len(clusters) == 1 and draft.region is None and (region := draft.plan.region_of(clusters[0].resource)):
        draft.region = region


_ZONES_OF_A_REGION = 3
"""https://cloud.google.com/kubernetes-engine/docs/concepts/regional-clusters: nodes in three zones by default."""


def _zones(after: Mapping[str, Any], location: str, *, of_cluster: bool) -> int | None:
    """In how many zones machines start; None when that is not known. A zonal cluster lists its further zones only."""
    written = {z for z in items(after.get("node_locations")) if isinstance(z, str)}
    if not location:
        return None
    if regions.region_of_zone("gcp", location):
        return len(written | {location}) if of_cluster else max(1, len(written))
    return len(written) or _ZONES_OF_A_REGION


def _pool_zones(draft: Draft, cluster: Target | None) -> int | None:
    own = items(draft.get("node_locations"))
    if own:
        return len(set(map(str, own)))
    if draft.why_unknown("node_locations") and draft.written("node_locations"):
        return None
    if cluster is not None:
        return _cluster_zones(cluster)
    location = text(draft.get("location")) or ""
    return 1 if regions.region_of_zone("gcp", location) else None


def _cluster_zones(cluster: Target) -> int | None:
    expressions = cluster.block.expressions if cluster.block else {}
    if is_unknown(cluster.unknown_after, "node_locations") and "node_locations" in expressions:
        return None
    return _zones(cluster.after, text(cluster.after.get("location")) or "", of_cluster=True)


_DEFAULT_NODE = "e2-medium"
"""What the provider documents for pools whose block says no machine type; the plan calls it known after apply."""


def _nodes(draft: Draft, zones: int | None, prefix: str = "") -> None:
    """Counts are per zone, except where the provider calls them totals."""
    scaling = block(draft.get(f"{prefix}autoscaling"))
    if zones is None:
        draft.unknown["count"] = draft.unknown["hourly_usd"] = "the plan does not tell in how many zones its nodes are"
    times = zones or 1
    total_least, total_most = number(scaling.get("total_min_node_count")), number(scaling.get("total_max_node_count"))
    least = draft.counts(f"{prefix}initial_node_count", number(scaling.get("min_node_count")))
    per_zone = draft.counts(f"{prefix}node_count", least)
    count = times if total_least is None else total_least
    if per_zone is not None:
        count = per_zone * times
    most = total_most or (number(scaling.get("max_node_count")) or 0) * times
    path = f"{prefix}node_config.0.machine_type"
    if draft.get(path) is None and draft.written(path) is False:
        draft.launches_any([_DEFAULT_NODE], count, max(most, count))
    else:
        _launches(draft, path, count, max(most, count))
    _attached(draft, f"{prefix}node_config.0.guest_accelerator")


def tpu(draft: Draft) -> None:
    """`v5litepod-8` counts cores or chips by generation: the type names the accelerator, the price is per chip."""
    kind = _last(draft.get("accelerator_type"))
    if kind is None and (config := _tpu_config(draft)):
        draft.accelerator, kind = config
    elif kind is None:
        path = next((p for p in ("accelerator_type", *_TPU_CONFIG) if draft.written(p) and draft.why_unknown(p)), "")
        why = draft.why_unknown(path or "accelerator_type") or "not set"
        draft.type_unknown(f"{path or 'accelerator_type'} is {why}")
        return
    else:
        draft.accelerator = accelerator_of("gcp", kind) or Accelerator(f"tpu-{kind.partition('-')[0]}")
        draft.attributes["instance_type"] = kind
    draft.unknown["hourly_usd"] = f"the price book holds TPU prices per chip, not for {kind}"
    if block(draft.get("scheduling_config")).get("preemptible") or block(draft.get("scheduling_config")).get("spot"):
        draft.purchase = "spot"


_TPU_CONFIG = ("accelerator_config.0.type", "accelerator_config.0.topology")
_TPU_NAMES = {"V5LITE_POD": "v5e", "V5E": "v5e"}


def _tpu_config(draft: Draft) -> tuple[Accelerator, str] | None:
    """A generation and how its chips lie: the product of a topology is their number."""
    if any(draft.written(path) is not False and draft.why_unknown(path) for path in _TPU_CONFIG):
        return None
    generation, topology = (text(draft.get(path)) for path in _TPU_CONFIG)
    sides = [number(side) for side in (topology or "").split("x")]
    if generation is None or not all(sides):
        return None
    model = f"tpu-{_TPU_NAMES.get(generation.upper(), generation.lower())}"
    known = facts(model)
    chips = math.prod(side for side in sides if side)
    return Accelerator(model, chips, known.memory_gib if known else None), f"{generation} {topology}"


def cloud_run_service(draft: Draft) -> None:
    _cloud_run(draft, "template.0.node_selector.0.accelerator")


def cloud_run_job(draft: Draft) -> None:
    _cloud_run(draft, "template.0.template.0.node_selector.0.accelerator")


def _cloud_run(draft: Draft, path: str) -> None:
    """An instance has one GPU: https://cloud.google.com/run/docs/configuring/services/gpu."""
    if (why := draft.why_unknown(path)) and draft.written(path) is not False:
        draft.unknown["accelerator"] = draft.unknown["hourly_usd"] = f"{path} is {why}"
    elif kind := _last(draft.get(path)):
        draft.accelerator = _card(kind, 1.0)
        draft.unknown["hourly_usd"] = "the price book has no prices of Cloud Run"


def workbench(draft: Draft) -> None:
    _launches(draft, "gce_setup.0.machine_type")
    _attached(draft, "gce_setup.0.accelerator_configs")


def notebooks_instance(draft: Draft) -> None:
    _launches(draft, "machine_type")
    _attached(draft, "accelerator_config")


def notebooks_runtime(draft: Draft) -> None:
    config = "virtual_machine.0.virtual_machine_config.0"
    _launches(draft, f"{config}.machine_type")
    _attached(draft, f"{config}.accelerator_config")


def vertex_endpoint(draft: Draft) -> None:
    _processing(draft)


def model_garden(draft: Draft) -> None:
    draft.says("model", "publisher_model_name")
    _processing(draft)
    _dedicated(draft, "deploy_config.0.dedicated_resources.0")


def vertex_pool(draft: Draft) -> None:
    _dedicated(draft, "dedicated_resources.0")


def _dedicated(draft: Draft, path: str) -> None:
    least = draft.counts(f"{path}.min_replica_count", 1)
    _launches(draft, f"{path}.machine_spec.0.machine_type", least, draft.counts(f"{path}.max_replica_count", least))
    _attached(draft, f"{path}.machine_spec")


def _processing(draft: Draft) -> None:
    if location := text(draft.get("location")) or text(draft.get("region")):
        draft.attributes["processing"] = endpoints.processing_of_location(location)


def regional_disk(draft: Draft) -> None:
    """Copies stay in its region."""


def disk_snapshot(draft: Draft) -> None:
    _places(draft, "storage_locations")


def storage_bucket(draft: Draft) -> None:
    """A dual-region bucket names where its copies lie."""
    _places(draft, "custom_placement_config.0.data_locations")


def _places(draft: Draft, path: str) -> None:
    if places := [p.lower() for p in items(draft.get(path)) if isinstance(p, str)]:
        draft.attributes["copies_to"] = places
    elif (why := draft.why_unknown(path)) and draft.written(path):
        draft.unknown["attributes.copies_to"] = f"{path} is {why}"


def transfer_job(draft: Draft) -> None:
    """A copy of what its source holds: it has the source's tags and region."""
    sources = _buckets(draft, "transfer_spec.0.gcs_data_source.0.bucket_name")
    sinks = _buckets(draft, "transfer_spec.0.gcs_data_sink.0.bucket_name")
    if len(sources) == 1:
        draft.stands_for = sources[0].resource
    else:
        draft.stands_for_none = "its source is no bucket of this plan"
    found = {draft.plan.region_of(t.resource) for t in sinks}
    if len(found) == 1 and None not in found:
        draft.attributes["copies_to"] = sorted(r for r in found if r)
    else:
        draft.unknown["attributes.copies_to"] = "the region of its destination lies outside this plan"


def _buckets(draft: Draft, path: str) -> list[Target]:
    found = [t for t in draft.leads_to(path) if t.resource.type == "google_storage_bucket"]
    return found or draft.named("google_storage_bucket", "name", draft.get(path))


def google_api_key(draft: Draft) -> None:
    key = {"provider": "gcp"}
    for ours, path in (("name", "name"), ("container", "project")):
        if value := text(draft.get(path)):
            key[ours] = value
    draft.attributes["key"] = key


def google_service_account_key(draft: Draft) -> None:
    key = {"provider": "gcp"}
    if why := draft.why_unknown("service_account_id"):
        draft.unknown["attributes.key.owner"] = why
    elif owner := text(draft.get("service_account_id")):
        key["owner"] = owner
    draft.attributes["key"] = key


_SPOT = ("preemptible", "spot", "provisioning_model")


def _spot(draft: Draft, *prefixes: str) -> None:
    """Spot where every one of the blocks is: what is not spot in all costs more than spot."""
    if prefixes and all(any(draft.get(f"{p}{name}") in (True, "SPOT") for name in _SPOT) for p in prefixes):
        draft.purchase = "spot"
        return
    for path in (f"{prefix}{name}" for prefix in prefixes for name in _SPOT):
        if (why := draft.why_unknown(path)) and draft.written(path):
            draft.unknown["purchase"] = f"{path} is {why}"


def _last(value: object) -> str | None:
    """The name of a type, which may be written as a URL or path: `zones/z/machineTypes/g2-standard-48`."""
    return text((text(value) or "").rpartition("/")[2])


def _launches(draft: Draft, path: str, count: int | None = 1, most: int | None = None) -> bool:
    """`draft.launches`, for types that may be written as URLs."""
    if draft.why_unknown(path):
        return draft.launches(path)
    return draft.launches_any([name] if (name := _last(draft.get(path))) else [], count, most)


def _attached(draft: Draft, path: str) -> None:
    if why := draft.why_unknown(path):
        # Computed on machine types that bring their own GPUs, and then the type tells.
        if draft.lines and not _brings_its_own(draft) and draft.expression(path) is not None:
            draft.unknown["accelerator"] = draft.unknown["hourly_usd"] = f"{path} is {why}"
        return
    _note_attached(
        draft,
        draft.get(path),
        lambda inner: draft.written(f"{path}.{inner}") is not False and bool(draft.why_unknown(f"{path}.{inner}")),
    )


_COUNTS = ("count", "core_count", "accelerator_count")
_CARDS = ("type", "accelerator_type")


def _note_attached(draft: Draft, value: object, unknown: Callable[[str], bool]) -> None:
    """GPUs hung onto a general machine. The price book holds machines, not single cards."""
    if _brings_its_own(draft):
        return
    several = isinstance(value, list)
    for position, accelerator in enumerate(items(value) if several else [value]):
        for name in (*_CARDS, *_COUNTS):
            if unknown(f"{position}.{name}" if several else name):
                why = f"{name} of its accelerators is not known before apply"
                draft.unknown["accelerator"] = draft.unknown["hourly_usd"] = why
                return
        card = mapping(accelerator)
        kind = next((kind for name in _CARDS if (kind := _last(card.get(name)))), None)
        count = next((count for name in _COUNTS if (count := amount(card.get(name)))), None)
        written = any(amount(card.get(name)) == 0 for name in _COUNTS)
        if kind and (count or not written):
            draft.accelerator = draft.accelerator or _card(kind, float(count or 1))
            draft.unknown["hourly_usd"] = f"the price book has no price for {kind} on a general machine"


def _brings_its_own(draft: Draft) -> bool:
    """Whether the machines noted last have accelerators by their type. A cluster has pools with and without."""
    return any(accelerator_of("gcp", type) for line in draft.lines[-1:] for type in line.types)


def _card(kind: str, count: float) -> Accelerator:
    """`nvidia-tesla-t4` or `NVIDIA_TESLA_T4`, as the catalogue writes it."""
    name = kind.lower().replace("_", "-")
    known = accelerator_of("gcp", name)
    whole = int(count) if count.is_integer() else count
    if known is None:
        return Accelerator(name.removeprefix("nvidia-").removeprefix("tesla-").upper(), whole)
    return Accelerator(known.model, whole, known.memory_gib)


READERS: dict[str, Callable[[Draft], None]] = {
    function.__name__: function
    for function in (
        compute_instance, instance_template, instance_group, compute_reservation, gke_cluster, gke_node_pool, tpu,
        cloud_run_service, cloud_run_job, workbench, notebooks_instance, notebooks_runtime, vertex_endpoint,
        model_garden, vertex_pool, regional_disk, disk_snapshot, storage_bucket, transfer_job, google_api_key,
        google_service_account_key,
    )
}  # fmt: skip
