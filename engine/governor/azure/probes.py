"""Made-up resources, and what is asked with them.

Each differs from a harmless one in one respect: a tag that it lacks, where it lies, its size. What a policy says of the
one and not of the other, it says of that respect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from governor.azure.wanted import KINDS, Wanted
from governor.azure_model import ArmResource
from governor.catalog import tables

Name = Literal["requires_tags", "locations", "gpu", "global_processing", "local_auth"]

TYPES = {
    "virtualMachines": "Microsoft.Compute/virtualMachines",
    "virtualMachineScaleSets": "Microsoft.Compute/virtualMachineScaleSets",
    "managedClusters": "Microsoft.ContainerService/managedClusters",
    "agentPools": "Microsoft.ContainerService/managedClusters/agentPools",
    "computes": "Microsoft.MachineLearningServices/workspaces/computes",
    "accounts": "Microsoft.CognitiveServices/accounts",
    "deployments": "Microsoft.CognitiveServices/accounts/deployments",
    "searchServices": "Microsoft.Search/searchServices",
    "storageAccounts": "Microsoft.Storage/storageAccounts",
}
"""Last part of a type → the type."""

SIZED = ("virtualMachines", "virtualMachineScaleSets", "agentPools", "managedClusters", "computes")
"""What has machines of a size."""

KEYED = ("accounts", "searchServices", "storageAccounts")
"""What takes keys unless it is told not to."""

GPU = "Standard_NC24ads_A100_v4"
_PLAIN = ("Standard_D4s_v5", "Standard_DS2_v2", "Standard_B2s", "Standard_E4s_v5", "Standard_F4s_v2")

GROUP = "governor-probe"
"""The resource group that a made-up resource lies in, where it is asked about a subscription."""

_ABOUT: Mapping[Name, re.Pattern[str]] = {
    "requires_tags": re.compile("tags"),
    "locations": re.compile("location"),
    "gpu": re.compile(r"sku|vmsize|virtualmachinesize|accelerat"),
    "global_processing": re.compile("sku|deployment"),
    "local_auth": re.compile("disablelocalauth|allowsharedkeyaccess|authoptions"),
}
"""What the conditions of a policy name that is about a question."""

_LEFT = re.compile(r'"(?:field|value|count)":\s*("[^"]*"|.)')
_TYPES = frozenset({'"type"', '"kind"', "\"[field('type')]\""})


class Probe(Struct, frozen=True):
    """A made-up resource."""

    kind: str
    """One of TYPES."""
    location: str = "westeurope"
    size: str = _PLAIN[0]
    sku: str = "Standard"
    """Of a deployment."""
    keys: Literal["refused", "taken", "unsaid"] = "refused"
    tags: tuple[tuple[str, str], ...] = ()

    def lacking(self, tag: str) -> Probe:
        """The same without a tag."""
        return replace(self, tags=tuple((name, value) for name, value in self.tags if name != tag))

    def at(self, place: str, number: int) -> ArmResource:
        """It, in a resource group (its id)."""
        type = TYPES[self.kind]
        namespace, *parts = type.split("/")
        name = f"probe{number:05}"
        names = [*(["probe00000"] * (len(parts) - 1)), name]
        steps = "/".join(f"{part}/{given}" for part, given in zip(parts, names, strict=True))
        body = {
            "name": name,
            "type": type,
            "location": self.location,
            "tags": dict(self.tags),
            **_BODIES[self.kind](self),
        }
        if self.kind in ("agentPools", "deployments"):
            del body["location"], body["tags"]
        return ArmResource(id=f"{place}/providers/{namespace}/{steps}", type=type, body=body)


def _account(probe: Probe) -> dict[str, Any]:
    return {"kind": "OpenAI", "sku": {"name": "S0"}, "properties": _auth(probe, "disableLocalAuth", True)}


def _auth(probe: Probe, key: str, refusing: bool) -> dict[str, Any]:
    return {} if probe.keys == "unsaid" else {key: refusing is (probe.keys == "refused")}


_BODIES: Mapping[str, Callable[[Probe], dict[str, Any]]] = {
    "virtualMachines": lambda probe: {"properties": {"hardwareProfile": {"vmSize": probe.size}}},
    "virtualMachineScaleSets": lambda probe: {"sku": {"name": probe.size, "capacity": 1}, "properties": {}},
    "managedClusters": lambda probe: {
        "properties": {"agentPoolProfiles": [{"name": "probe", "vmSize": probe.size, "count": 1}]}
    },
    "agentPools": lambda probe: {"properties": {"vmSize": probe.size, "count": 1}},
    "computes": lambda probe: {
        "properties": {"computeType": "AmlCompute", "disableLocalAuth": True, "properties": {"vmSize": probe.size}}
    },
    "accounts": _account,
    "deployments": lambda probe: {
        "sku": {"name": probe.sku, "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
    },
    "searchServices": lambda probe: {
        "sku": {"name": "standard"},
        "properties": _auth(probe, "disableLocalAuth", True),
    },
    "storageAccounts": lambda probe: {
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": _auth(probe, "allowSharedKeyAccess", False),
    },
}


class Question(Struct, frozen=True):
    """What is asked of one type."""

    name: Name
    kind: str
    asked: Mapping[str, tuple[Probe, ...]]
    """What the answer is of → probes, all of which have to be stopped."""
    harmless: tuple[Probe, ...]
    """A policy that objects to all of these alike is about something else."""

    def probes(self) -> Iterator[Probe]:
        """All of them."""
        yield from _all(self.asked)
        yield from self.harmless


def questions(wanted: Wanted, sizes: Iterable[str]) -> list[Question]:
    """All there is to ask; `sizes` are those of machines that policies name."""
    tags = tuple((name, tag.value) for name, tag in wanted.tags.items())
    plain = [*_PLAIN, *(size for size in sizes if size.lower() not in {gpu.lower() for gpu in gpu_sizes()})]
    found = []
    for kind in KINDS:
        whole = Probe(kind, size=GPU, tags=tags)
        asked = {name: (whole.lacking(name),) for name, tag in wanted.tags.items() if kind in tag.on}
        found.append(Question("requires_tags", kind, asked, (whole,)))
        places = {region: (Probe(kind, location=region, tags=tags),) for region in wanted.regions}
        found.append(Question("locations", kind, places, _all(places)))
    for kind in SIZED:
        sized = {size: (Probe(kind, size=size, tags=tags),) for size in gpu_sizes()}
        harmless = tuple(Probe(kind, size=size, tags=tags) for size in plain)
        found.append(Question("gpu", kind, sized, (*harmless, *_all(sized))))
    selectors = {sku: (Probe("deployments", sku=sku),) for sku in leaving_skus()}
    others = tuple(Probe("deployments", sku=sku) for sku in ("Standard", "ProvisionedManaged"))
    found.append(Question("global_processing", "deployments", selectors, (*others, *_all(selectors))))
    for kind in KEYED:
        taken = (Probe(kind, keys="taken", tags=tags), Probe(kind, keys="unsaid", tags=tags))
        found.append(Question("local_auth", kind, {kind: taken}, (Probe(kind, tags=tags),)))
    return found


def _all(asked: Mapping[str, tuple[Probe, ...]]) -> tuple[Probe, ...]:
    return tuple(probe for probes in asked.values() for probe in probes)


@cache
def gpu_sizes() -> tuple[str, ...]:
    """Sizes of Azure's machines with an accelerator, as the price book lists them."""
    return tuple(sorted({row[2] for row in tables.records("gpu_prices.csv") if row[0] == "azure"}))


@cache
def leaving_skus() -> tuple[str, ...]:
    """SKUs of deployments whose requests may be processed outside the region."""
    return tuple(
        row[2]
        for row in tables.records("ai_endpoints.csv")
        if row[0] == "azure" and row[1] == "deployment_sku" and row[4] != "no"
    )


def topics(condition: str) -> frozenset[Name]:
    """What a policy may be about, by the text of its conditions (lower-case JSON). One that looks at nothing but types
    is about all that a resource of those may be."""
    if only_types(condition):
        return frozenset(name for name in _ABOUT if name != "requires_tags")
    return frozenset(name for name, pattern in _ABOUT.items() if pattern.search(condition))


def only_types(condition: str) -> bool:
    """Whether conditions look at nothing but types and kinds."""
    return _TYPES.issuperset(_LEFT.findall(condition))
