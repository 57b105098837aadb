"""SkyPilot tasks: one resource for each, of the machines that may be taken for it.

Fields are those of https://docs.skypilot.co/en/latest/reference/yaml-spec.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from governor.catalog import regions
from governor.catalog.accelerators import accelerator_of, facts, model_named
from governor.catalog.prices import PriceBook
from governor.model import Accelerator, Purchase, Resource
from governor.sources.manifests.cost import ON_CLUSTER, Priced, shown
from governor.sources.manifests.placement import cloud_of_type, region_of
from governor.sources.manifests.reading import FILLED_IN_LATER, is_open, mappings, quantity, string
from governor.sources.manifests.workloads import Launch
from governor.sources.terraform_plan.reading import at, items, mapping

TYPE = "skypilot/Task"

_FIELDS = frozenset(
    {
        "name", "workdir", "num_nodes", "resources", "envs", "secrets", "file_mounts", "volumes", "service", "pool",
        "setup", "run", "config", "experimental", "inputs", "outputs", "event_callback", "execution", "depends_on",
    }
)  # fmt: skip
_TELLING = frozenset({"resources", "run", "setup", "num_nodes", "file_mounts", "workdir"})
_CLUSTERS = frozenset({"kubernetes", "k8s", "ssh", "slurm"})


class Option(Struct):
    """One kind of machine that may be taken."""

    provider: str
    region: str | None
    zone: str = ""
    type: str = ""
    name: str = ""
    """An accelerator, as SkyPilot writes it."""
    count: Fraction = Fraction(0)
    purchase: Purchase = "on_demand"
    why_unknown: str = ""


def is_task(document: Any) -> bool:
    """Whether a document without a kind is a task: all its fields are a task's, and one of them tells what it needs."""
    return isinstance(document, dict) and {*document} <= _FIELDS and bool({*document} & _TELLING)


def resource(task: Mapping[str, Any], file: str, prices: PriceBook) -> Resource:
    """The facts of a task. `file` names it where it has no name."""
    unknown: dict[str, str] = {}
    options = [*_options(mapping(task.get("resources")))]
    priced = [_priced(option, prices) for option in options]
    clouds = {option.provider for option in options}
    provider = clouds.pop() if len(clouds) == 1 else "skypilot"
    region = _region(options, unknown)
    best = max(priced, key=lambda cost: cost.hourly_usd or Decimal(0))
    for option, cost in zip(options, priced, strict=True):
        if option.why_unknown:
            unknown.setdefault("accelerator", option.why_unknown)
            unknown.setdefault("hourly_usd", option.why_unknown)
        if cost.why_no_price:
            unknown.setdefault("hourly_usd", cost.why_no_price)
        if cost.unknown_model:
            unknown.setdefault("accelerator.model", cost.unknown_model)
    accelerator = best.accelerator or next((cost.accelerator for cost in priced if cost.accelerator), None)
    count, most = _counts(task, unknown)
    if accelerator is None and "accelerator" not in unknown:
        unknown.pop("hourly_usd", None)
    each = best.hourly_usd if "hourly_usd" not in unknown else None
    types = [*dict.fromkeys(type for cost in priced for type in cost.types)]
    attributes: dict[str, Any] = {}
    if types:
        attributes["instance_type"] = best.types[0] if best.types else types[0]
        if len(types) > 1:
            attributes["instance_types"] = types
    tags = _tags(task, unknown)
    return Resource(
        id=f"Task/{string(task.get('name')) or file}",
        kind="model_endpoint" if mapping(task.get("service")) else "workload",
        type=TYPE,
        provider=provider,
        region=region,
        tags=tags,
        accelerator=accelerator,
        purchase="spot" if all(option.purchase == "spot" for option in options) else "on_demand",
        count=count,
        max_count=most if most != count else None,
        price=best.price if each is not None else None,
        hourly_usd=None if each is None or count is None else each * count,
        max_hourly_usd=None if each is None or most is None or most == count else each * most,
        attributes=attributes,
        unknown=unknown,
    )


def _tags(task: Mapping[str, Any], unknown: dict[str, str]) -> dict[str, str]:
    """The labels of its machines. Those that only some of what may be taken would carry are not known."""
    resources = mapping(task.get("resources"))
    common = _labels(resources)
    sets = [{**common, **_labels(option)} for name in ("any_of", "ordered") for option in mappings(resources.get(name))]
    tags = {key: value for key, value in (sets[0] if sets else common).items() if all(key in one for one in sets)}
    for one in sets:
        for key, value in one.items():
            if tags.get(key) != value:
                unknown[f"tags.{key}"] = "it depends on which of its resources is taken"
                tags.setdefault(key, value)
    for key, value in tags.items():
        if is_open(value):
            unknown[f"tags.{key}"] = FILLED_IN_LATER
    return tags


def _labels(resources: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in mapping(resources.get("labels")).items() if isinstance(value, str)}


def _options(resources: Mapping[str, Any]) -> Iterator[Option]:
    """Every kind of machine that may be taken: each of `any_of` and `ordered`, over what stands beside them."""
    choices = [*mappings(resources.get("any_of")), *mappings(resources.get("ordered"))] or [{}]
    for choice in choices:
        merged = {**resources, **choice}
        place = _place(merged)
        place.type = string(merged.get("instance_type"))
        place.purchase = "spot" if merged.get("use_spot") is True else "on_demand"
        wanted = merged.get("accelerators", merged.get("gpus"))
        found = [*_accelerators(wanted)]
        if wanted and not found:
            place.why_unknown = "its accelerators cannot be read"
        if is_open(place.type):
            place.type, place.why_unknown = "", f"instance_type is {FILLED_IN_LATER}"
        for name, count in found or [("", Fraction(0))]:
            option = replace(place, name=name, count=count)
            if is_open(name):
                option.name, option.why_unknown = "", f"accelerators is {FILLED_IN_LATER}"
            elif name and not count:
                option.why_unknown = f"how many {name} it takes is not a number"
            yield option


def _place(resources: Mapping[str, Any]) -> Option:
    """Cloud and region: `infra: aws/us-east-1/us-east-1a`, or `cloud`, `region` and `zone`. `*` stands for any."""
    infra = [part if part != "*" else "" for part in string(resources.get("infra")).split("/")]
    cloud, region, zone = (*infra, "", "")[:3]
    cloud = (cloud or string(resources.get("cloud"))).lower()
    region = (region or string(resources.get("region"))).lower()
    zone = (zone or string(resources.get("zone"))).lower()
    if cloud in _CLUSTERS:
        return Option(ON_CLUSTER, None)
    if not cloud and (type := string(resources.get("instance_type"))):
        cloud = cloud_of_type(type)
    if not region and zone:
        region = region_of(zone) or ""
    if not cloud and region:
        cloud = next((one for one in ("aws", "azure", "gcp") if regions.find(one, region)), "")
    return Option(cloud or "skypilot", None if is_open(region) else region or None, zone)


def _accelerators(wanted: Any) -> Iterator[tuple[str, Fraction]]:
    """`A100:8`, `{A100: 8}`, or a list or a set of them: (name, count) of each that may be taken."""
    if isinstance(wanted, str):
        name, colon, count = wanted.strip().partition(":")
        yield name.strip(), _count(count if colon else "1")
    elif isinstance(wanted, dict):
        for name, count in wanted.items():
            yield from [(name, _count(count))] if count is not None else _accelerators(name)
    else:
        for one in items(wanted):
            yield from _accelerators(one)


def _count(written: Any) -> Fraction:
    """How many, or part of one; 0 for what is no number."""
    found = quantity(written)
    return Fraction(found) if found is not None and found < 10**6 else Fraction(0)


def _priced(option: Option, prices: PriceBook) -> Priced:
    """What one machine costs. Of several types that have what is asked for SkyPilot takes the cheapest first."""
    model, count = _model(option)
    found = Priced()
    if option.name:
        known = facts(model) if model else None
        found.accelerator = Accelerator(model or "unknown", shown(count), known.memory_gib if known else None)
        if not model:
            found.unknown_model = f"{option.name} is not in the catalogue"
    if option.type:
        found.types = (option.type,)
        found.accelerator = accelerator_of(option.provider, option.type) or found.accelerator
    if found.accelerator is None or option.why_unknown:
        return found
    if option.provider == ON_CLUSTER:
        found.why_no_price = "it runs in a cluster, whose nodes are not told"
    elif option.provider == "skypilot":
        found.why_no_price = "no cloud is named: SkyPilot takes whichever is enabled and cheapest"
    elif option.region is None:
        found.why_no_price = "no region is named: SkyPilot takes the cheapest it finds"
    elif option.type:
        found.why_no_price = prices.why_no_price(option.provider, option.region, option.type, option.purchase)
        found.price = prices.price(option.provider, option.region, option.type, option.purchase)
        found.hourly_usd = found.price.usd_per_hour if found.price else None
    else:
        _cheapest(found, option, option.region, model, count, prices)
    return found


def _cheapest(found: Priced, option: Option, region: str, model: str, count: Fraction, prices: PriceBook) -> None:
    rows = prices.with_accelerator(option.provider, region, model)
    chips = [row for row in rows if row.instance_type.endswith("-chip")]
    fitting = chips or [row for row in rows if Fraction(row.accelerator_count or 0) == count]
    known = [
        price for row in fitting if (price := prices.price(option.provider, region, row.instance_type, option.purchase))
    ]
    price = min(known, key=lambda price: price.usd_per_hour, default=None)
    if price is None:
        found.why_no_price = f"the price book has no machine with {shown(count)} × {model or option.name} in {region}"
        return
    note = f"one of {shown(count)} chips" if chips else ""
    if len(known) > 1:
        note = f"the cheapest of {len(known)} types with {shown(count)} × {model}, which SkyPilot takes first"
    found.price = replace(price, note=", ".join(part for part in (price.note, note) if part))
    found.hourly_usd = price.usd_per_hour * (int(count) if chips else 1)
    found.types = () if chips else (price.instance_type,)


def _model(option: Option) -> tuple[str, Fraction]:
    """The model, and how many: of a TPU the chips of its slice."""
    if option.name.lower().startswith("tpu-"):
        known = accelerator_of("gcp", option.name.lower().removeprefix("tpu-"))
        return (known.model, option.count * Fraction(known.count)) if known else ("", option.count)
    return model_named(option.name), option.count


def _region(options: list[Option], unknown: dict[str, str]) -> str | None:
    found = {option.region for option in options}
    named = sorted(region for region in found if region)
    if len(found) == 1 and named:
        return named[0]
    if all(option.provider == ON_CLUSTER for option in options):
        unknown["region"] = "it lies where its cluster lies"
    elif not named:
        unknown["region"] = "no region is named: SkyPilot chooses it"
    elif None in found:
        unknown["region"] = f"it may be {' or '.join(named)}, or another"
    else:
        unknown["region"] = f"it may be {' or '.join(named)}"
    return None


def _counts(task: Mapping[str, Any], unknown: dict[str, str]) -> tuple[int | None, int | None]:
    """Machines, desired and at most: nodes, times the replicas of a service or the workers of a pool."""
    reading = Launch("")
    nodes = reading.number(task.get("num_nodes"), 1, "num_nodes")
    policy = mapping(at(task, "service.replica_policy"))
    fixed = at(task, "service.replicas") or at(task, "pool.workers")
    least = reading.number(policy.get("min_replicas", fixed), 1, "replicas")
    most = reading.number(policy.get("max_replicas"), least, "max_replicas")
    unknown |= reading.unknown
    if nodes is None or least is None or most is None:
        return None, None
    return nodes * least, nodes * max(least, most)
