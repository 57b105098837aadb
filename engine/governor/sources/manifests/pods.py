"""What one pod asks for: accelerators, by its containers' requests, and nodes, by its selectors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec import Struct, field

from governor.sources.manifests.placement import Placement, placement
from governor.sources.manifests.reading import mappings, quantity, string
from governor.sources.terraform_plan.reading import items, mapping

_DEVICES: dict[str, str] = {
    "nvidia.com/gpu": "",
    "nvidia.com/gpu.shared": "",
    "amd.com/gpu": "",
    "google.com/tpu": "gcp",
    "aws.amazon.com/neuron": "aws",
    "aws.amazon.com/neurondevice": "aws",
    "aws.amazon.com/neuroncore": "aws",
    "habana.ai/gaudi": "",
}
"""Extended resource → the cloud that alone has it."""

_INTEL = "gpu.intel.com/"
_INTEL_DEVICES = ("i915", "xe")
_MIG = re.compile(r"nvidia\.com/mig-([1-7])g\.([0-9]+)gb(?:\.me(?:\.all)?)?", re.ASCII)
_SHARED = ("nvidia.com/gpu.shared", "aws.amazon.com/neuroncore")
"""Resources of which one is less than a device, by a share that the cluster decides."""
_FRACTIONS = ("nvidia.com/gpucores", "nvidia.com/gpumem", "nvidia.com/gpumem-percentage")
"""How a scheduler of shares (HAMi) asks for a part of a GPU."""

# https://docs.nvidia.com/datacenter/tesla/mig-user-guide: slices of one GPU, and the profiles only one model has.
_MIG_SLICES = 7
_MIG_SLICES_A30 = 4
_A30 = frozenset({(1, 6), (2, 12), (4, 24)})
_MIG_MODELS = {
    **dict.fromkeys([(1, 5), (3, 20), (4, 20), (7, 40)], "A100"),
    **dict.fromkeys([(1, 18), (1, 35), (2, 35), (3, 71), (4, 71), (7, 141)], "H200"),
    **dict.fromkeys([(1, 23), (1, 45), (2, 45), (3, 90), (4, 90), (7, 180)], "B200"),
}


class Need(Struct):
    """What one pod takes."""

    count: Fraction = Fraction(0)
    """Accelerators; a part of one for a slice."""
    model: str = ""
    """One that the name of the resource tells."""
    provider: str = ""
    """The cloud that alone has such a resource."""
    placement: Placement = field(default_factory=Placement)
    unknown: str = ""
    """Why it is not known how many accelerators it takes."""
    share: str = ""
    """Why it is not known what part of an accelerator it takes."""


def is_device(resource: str) -> bool:
    """Whether an extended resource is an accelerator, or a part of one."""
    return (
        resource in _DEVICES
        or resource.startswith("nvidia.com/mig-")
        or (resource.startswith(_INTEL) and resource.removeprefix(_INTEL) in _INTEL_DEVICES)
    )


def need(spec: Mapping[str, Any]) -> Need:
    """Read a pod's spec.

    Containers and sidecars run together, init containers one after another before them: of the two the larger counts,
    as the scheduler reckons.
    """
    found = Need(placement=placement(spec))
    together: dict[str, Decimal] = {}
    before: dict[str, Decimal] = {}
    for container in mappings(spec.get("initContainers")):
        asked = _asked(container, found)
        if container.get("restartPolicy") == "Always":
            _add(together, asked)
        else:
            for name, amount in asked.items():
                before[name] = max(before.get(name, Decimal(0)), together.get(name, Decimal(0)) + amount)
    for container in mappings(spec.get("containers")):
        _add(together, _asked(container, found))
    for name in together.keys() | before.keys():
        _take(found, name, max(together.get(name, Decimal(0)), before.get(name, Decimal(0))))
    if claims := [*_claims(spec)]:
        found.unknown = f"it claims devices by {', '.join(claims)}, whose class the cluster knows"
    return found


def _asked(container: Mapping[str, Any], found: Need) -> dict[str, Decimal]:
    """Devices that a container asks for. A limit without a request is the request."""
    resources = mapping(container.get("resources"))
    asked: dict[str, Decimal] = {}
    for side in ("requests", "limits"):
        for name, value in mapping(resources.get(side)).items():
            if name in _FRACTIONS:
                found.share = f"{name} asks for a part of a GPU"
            if not is_device(name):
                continue
            amount = quantity(value)
            if amount is None or amount % 1:
                found.unknown = f"its {name} is not a whole number"
            else:
                asked[name] = max(asked.get(name, Decimal(0)), amount)
    return asked


def _add(total: dict[str, Decimal], asked: Mapping[str, Decimal]) -> None:
    for name, amount in asked.items():
        total[name] = total.get(name, Decimal(0)) + amount


def _take(found: Need, name: str, amount: Decimal) -> None:
    if not amount:
        return
    if name in _SHARED:
        found.share = f"how many share one is not written beside {name}"
    whole = Fraction(amount)
    if match := _MIG.fullmatch(name):
        profile = int(match[1]), int(match[2])
        whole *= Fraction(profile[0], _MIG_SLICES_A30 if profile in _A30 else _MIG_SLICES)
        found.model = _MIG_MODELS.get(profile, "")
    elif name.startswith("nvidia.com/mig-"):
        found.share = f"{name} is no profile that is known"
    found.provider = _DEVICES.get(name, "") or found.provider
    found.count += whole


def _claims(spec: Mapping[str, Any]) -> Iterator[str]:
    """Names of dynamic resource claims. Which devices they stand for is said elsewhere."""
    for claim in mappings(spec.get("resourceClaims")):
        yield string(claim.get("name")) or "resourceClaims"


def asks(value: Any) -> bool:
    """Whether anything in a value reads like a request for an accelerator, or like a pod."""
    todo = [value]
    seen: set[int] = set()
    while todo:
        item = todo.pop()
        if isinstance(item, (dict, list)):
            if id(item) in seen:
                continue
            seen.add(id(item))
        if isinstance(item, dict):
            if any(is_device(key) for key in item) or any(isinstance(v, str) and is_device(v) for v in item.values()):
                return True
            if any("image" in c or "resources" in c for c in mappings(item.get("containers"))):
                return True
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(items(item))
    return False
