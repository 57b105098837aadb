"""The estate in, governor's own inventory out: so that the policies that judge plans judge what runs.

A resource of Azure becomes the arguments that azurerm would have for it, and its facts are read where those of a plan
are. So the same machine has the same kind, attributes, price and cost in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog.kinds import SHAPES, Shape
from governor.catalog.prices import PriceBook
from governor.model import Inventory, Resource, Shard
from governor.sources.azure.estate.azurerm import BACK, TYPES, Arguments, Part, To
from governor.sources.azure.estate.rows import GROUP, SUBSCRIPTION
from governor.sources.terraform_plan import Collector, Seen
from governor.sources.terraform_plan.decode import Change, Plan, ResourceChange

_encode = msgspec.json.Encoder().encode
_CLUSTER = "microsoft.containerservice/managedclusters"
_ENDPOINT = "microsoft.machinelearningservices/workspaces/onlineendpoints"

_OF_AZURE: Mapping[str, Shape] = {
    _ENDPOINT: Shape("model_endpoint", "azure"),
    f"{_ENDPOINT}/deployments": Shape("model_endpoint", "azure", "instance_type", "instance_count"),
}
"""What azurerm has no type for."""


def inventory(estate: Estate, prices: PriceBook) -> Inventory:
    """What policies of the stage `live` judge. A type that governor has no kind for is counted."""
    by_id = {
        resource.id.lower().rstrip("/"): replace(resource, body=_folded(dict(resource.body)))
        for resource in estate.resources
    }
    reader = _Reader(by_id, prices)
    resources = tuple(reader.resources())
    return Inventory(
        stage="live",
        resources=resources,
        gaps=estate.gaps,
        shards=tuple(_shards(resources, {id for id, r in by_id.items() if r.type.lower() in estate.listed})),
        not_covered=dict(sorted(reader.not_covered.items())),
        notes=estate.notes,
        secrets=estate.secrets,
        source=estate.source,
    )


class _Ours(NamedTuple):
    """A resource in azurerm's words."""

    type: str
    values: dict[str, Any]
    """Arguments, an `Unknown` for each that is not known."""
    state: str = ""
    stopped: bool = False
    """It costs nothing as it is."""
    paid_by: str = ""
    """What its machines are counted and paid with."""


class _Reader:
    """Reads the facts of an estate."""

    def __init__(self, by_id: Mapping[str, ArmResource], prices: PriceBook) -> None:
        self._by_id = by_id
        self._collector = Collector(Plan(resource_changes=[]), b"", "Azure", prices, None)
        self._pools = {
            f"{_text(_at(resource.body, 'properties.nodeResourceGroup')).lower()}": resource
            for resource in by_id.values()
            if resource.type.lower() == _CLUSTER
        }
        self.not_covered: Counter[str] = Counter()

    def resources(self) -> Iterator[Resource]:
        for resource in self._by_id.values():
            kind = resource.type.lower()
            if kind in (GROUP.lower(), SUBSCRIPTION.lower()):
                continue
            read = _READERS.get(kind)
            ours = read(self, resource) if read else None
            if ours is None:
                if not (read and kind.endswith("/agentpools")):
                    self.not_covered[resource.type] += 1
                continue
            yield self._resource(resource, ours)

    def _resource(self, resource: ArmResource, ours: _Ours) -> Resource:
        shape = SHAPES.get(ours.type) or _OF_AZURE[ours.type.lower()]
        reasons: dict[str, str] = {}
        after, unknown = _split(ours.values, "", reasons)
        change = ResourceChange(
            address=resource.id,
            type=ours.type,
            change=Change(actions=["no-op"], after=Raw(_encode(after)), after_unknown=Raw(_encode(unknown or {}))),
            reasons=reasons,
        )
        if isinstance(location := self._location(resource), str):
            self._collector.facts.own_regions[resource.id] = location
        found = self._collector.resource(Seen(change, "none", shape, None, after, None), shape)[1]
        if "region" in found.unknown and isinstance(location, Unknown):
            found = replace(found, unknown={**found.unknown, "region": location.reason})
        created = _at(resource.body, "properties.timeCreated")
        account, service = subscription_of(resource.id), resource.type.partition("/")[0].lower()
        found = replace(
            found,
            account=account,
            shard=f"{account}/{found.region or 'global'}/{service}",
            state=ours.state or None,
            controller=ours.paid_by or None,
            created_at=created if isinstance(created, str) else None,
            previous_hourly_usd=None,
        )
        return _free(found) if (ours.stopped or ours.paid_by) and found.hourly_usd is not None else found

    def _location(self, resource: ArmResource) -> Any:
        """Where it lies, itself or with what it is a child of."""
        if (own := resource.body.get("location")) is not None:
            return own
        parent = self.parent(resource)
        return parent.body.get("location") if parent else None

    def parent(self, resource: ArmResource) -> ArmResource | None:
        """What a child lies in."""
        return self._by_id.get(resource.id.lower().rsplit("/", 2)[0])

    # One method a kind of thing

    def machine(self, resource: ArmResource) -> _Ours:
        system = _text(_at(resource.body, "properties.storageProfile.osDisk.osType")).lower()
        power = _text(_at(resource.body, "properties.extended.instanceView.powerState.code"))
        state = power.rpartition("/")[2]
        type = f"azurerm_{'windows' if system == 'windows' else 'linux'}_virtual_machine"
        return _Ours(type, arguments_of(resource, type), state, stopped=state in ("deallocated", "deallocating"))

    def scale_set(self, resource: ArmResource) -> _Ours:
        flexible = _text(_at(resource.body, "properties.orchestrationMode")).lower() == "flexible"
        system = _text(_at(resource.body, "properties.virtualMachineProfile.storageProfile.osDisk.osType")).lower()
        kind = "orchestrated" if flexible else "windows" if system == "windows" else "linux"
        type = f"azurerm_{kind}_virtual_machine_scale_set"
        values = arguments_of(resource, type)
        group = resource.id.lower().partition("/resourcegroups/")[2].partition("/")[0]
        if cluster := self._pools.get(group):
            return _Ours(type, values, paid_by=cluster.id)
        return _Ours(type, values, paid_by="its virtual machines" if flexible else "")

    def cluster(self, resource: ArmResource) -> _Ours:
        type = "azurerm_kubernetes_cluster"
        values = arguments_of(resource, type)
        pools = values.get("default_node_pool")
        if isinstance(pools, list):
            default = _default(pools)
            values["default_node_pool"] = [default] if default else []
        state = _text(_at(resource.body, "properties.powerState.code"))
        return _Ours(type, values, state, stopped=state == "Stopped")

    def pool(self, resource: ArmResource) -> _Ours | None:
        """The pool that is made with a cluster is the cluster's, as it is in Terraform."""
        cluster = self.parent(resource)
        pools = _at(cluster.body, "properties.agentPoolProfiles") if cluster else None
        default = _default(pools) if isinstance(pools, list) else None
        if default and default.get("name") == resource.body.get("name"):
            return None
        type = "azurerm_kubernetes_cluster_node_pool"
        state = _text(_at(resource.body, "properties.powerState.code"))
        return _Ours(type, arguments_of(resource, type), state, stopped=state == "Stopped")

    def compute(self, resource: ArmResource) -> _Ours | None:
        """Attached computes are what they are attached to, and stand there."""
        kind = _text(_at(resource.body, "properties.computeType")).lower()
        if kind == "amlcompute":
            type = "azurerm_machine_learning_compute_cluster"
            return _Ours(type, arguments_of(resource, type))
        if kind == "computeinstance":
            type = "azurerm_machine_learning_compute_instance"
            state = _text(_at(resource.body, "properties.properties.state"))
            return _Ours(type, arguments_of(resource, type), state, stopped=state == "Stopped")
        return None

    def endpoint(self, resource: ArmResource) -> _Ours:
        values = {
            "tags": resource.body.get("tags"),
            "instance_type": _at(resource.body, "properties.instanceType"),
            "instance_count": _at(resource.body, "sku.capacity"),
        }
        state = _text(_at(resource.body, "properties.provisioningState"))
        return _Ours(resource.type, values, state)

    def site(self, resource: ArmResource) -> _Ours | None:
        kinds = _text(resource.body.get("kind")).lower().split(",")
        if not {"functionapp", "linux"} <= set(kinds):
            return None
        return _plain("azurerm_linux_function_app")(self, resource)


def _plain(type: str) -> Callable[[_Reader, ArmResource], _Ours | None]:
    return lambda reader, resource: _Ours(type, arguments_of(resource, type))


_READERS: Mapping[str, Callable[[_Reader, ArmResource], _Ours | None]] = {
    "microsoft.compute/virtualmachines": _Reader.machine,
    "microsoft.compute/virtualmachinescalesets": _Reader.scale_set,
    "microsoft.compute/disks": _plain("azurerm_managed_disk"),
    "microsoft.compute/snapshots": _plain("azurerm_snapshot"),
    "microsoft.compute/capacityreservationgroups/capacityreservations": _plain("azurerm_capacity_reservation"),
    _CLUSTER: _Reader.cluster,
    f"{_CLUSTER}/agentpools": _Reader.pool,
    "microsoft.cognitiveservices/accounts": _plain("azurerm_cognitive_account"),
    "microsoft.cognitiveservices/accounts/deployments": _plain("azurerm_cognitive_deployment"),
    "microsoft.machinelearningservices/workspaces": _plain("azurerm_machine_learning_workspace"),
    "microsoft.machinelearningservices/workspaces/computes": _Reader.compute,
    _ENDPOINT: _Reader.endpoint,
    f"{_ENDPOINT}/deployments": _Reader.endpoint,
    "microsoft.search/searchservices": _plain("azurerm_search_service"),
    "microsoft.storage/storageaccounts": _plain("azurerm_storage_account"),
    "microsoft.containerinstance/containergroups": _plain("azurerm_container_group"),
    "microsoft.app/containerapps": _plain("azurerm_container_app"),
    "microsoft.web/sites": _Reader.site,
}


def arguments_of(resource: ArmResource, type: str) -> dict[str, Any]:
    """What azurerm would say of a resource as a type of its own, as far as `azurerm.TYPES` can be undone."""
    body = resource.body
    return {
        "name": body.get("name"),
        "location": body.get("location"),
        "tags": body.get("tags"),
        **_arguments(body, TYPES[type].arguments),
    }


def _arguments(body: Any, arguments: Arguments) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, goes in arguments.items():
        to = To(goes) if isinstance(goes, str) else goes
        value = _at(body, to.path)
        if isinstance(to, Part):
            if isinstance(value, Unknown):
                found[name] = value
                continue
            items = value if isinstance(value, list) else [value]
            found[name] = [
                item if isinstance(item, Unknown) else _arguments(item, to.arguments)
                for item in items
                if isinstance(item, (dict, Unknown))
            ]
        elif value is not None and not (to.change and to.change not in BACK and not isinstance(value, Unknown)):
            undo = BACK.get(to.change) if to.change else None
            found[name] = undo(value) if undo and not isinstance(value, Unknown) else value
    return {name: value for name, value in found.items() if value is not None}


def _default(pools: list[Any]) -> dict[str, Any] | None:
    known = [pool for pool in pools if isinstance(pool, dict)]
    system = [pool for pool in known if _text(pool.get("mode")).lower() == "system"]
    return next(iter(system or known), None)


def _split(value: Any, path: str, reasons: dict[str, str]) -> tuple[Any, Any]:
    """(the value with null for what is not known, marks of that as `after_unknown` has them)."""
    if isinstance(value, Unknown):
        reasons[path] = value.reason
        return None, True
    if isinstance(value, dict):
        both = {name: _split(item, f"{path}.{name}" if path else name, reasons) for name, item in value.items()}
        marks = {name: mark for name, (_, mark) in both.items() if mark}
        return {name: item for name, (item, _) in both.items()}, marks
    if isinstance(value, list):
        pairs = [_split(item, f"{path}.{position}", reasons) for position, item in enumerate(value)]
        return [item for item, _ in pairs], [mark for _, mark in pairs] if any(mark for _, mark in pairs) else []
    return value, None


def _folded(value: Any) -> Any:
    """The same with keys in lower case, but for those of tags: Azure writes its own names as it likes."""
    if isinstance(value, dict):
        return {name.lower(): item if name.lower() == "tags" else _folded(item) for name, item in value.items()}
    return [_folded(item) for item in value] if isinstance(value, list) else value


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.lower().split("."))


def _at(folded: Any, path: str) -> Any:
    """The value at `a.b` of what is folded; an `Unknown` on the way is what it is."""
    for step in _steps(path):
        if not isinstance(folded, dict):
            return folded if isinstance(folded, Unknown) else None
        folded = folded.get(step)
    return folded


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _free(resource: Resource) -> Resource:
    most = None if resource.max_hourly_usd is None else Decimal(0)
    return replace(resource, hourly_usd=Decimal(0), max_hourly_usd=most)


def _shards(resources: Iterable[Resource], whole: Container[str]) -> Iterator[Shard]:
    """One provider of one region of one subscription each."""
    by_place: dict[str, list[Resource]] = {}
    for resource in resources:
        by_place.setdefault(resource.shard, []).append(resource)
    for place, found in sorted(by_place.items()):
        known = [resource for resource in found if not {"tags", "tags.*"} & resource.unknown.keys()]
        tagged = sum(bool(resource.tags) for resource in known)
        yield Shard(
            place=place,
            standing="whole" if all(resource.id.lower() in whole for resource in found) else "incomplete",
            resources=len(found),
            tagged=tagged,
            untagged=len(known) - tagged,
        )


def subscription_of(id: str) -> str | None:
    """The subscription that an id lies in."""
    steps = id.split("/")
    return steps[2] if len(steps) > 2 and steps[1].lower() == "subscriptions" else None
