"""Where pods may run, by what they select: cloud, region, instance types, accelerator, way of purchase."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from governor.catalog import regions
from governor.catalog.accelerators import accelerator_of, model_named
from governor.model import Purchase
from governor.sources.manifests.reading import is_open, mappings, string
from governor.sources.terraform_plan.reading import items, mapping

REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.gke.io/zone")
INSTANCE_TYPE = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
FAMILY = ("karpenter.k8s.aws/instance-family", "eks.amazonaws.com/instance-family", "cloud.google.com/machine-family")
MODEL = (
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "karpenter.k8s.aws/instance-accelerator-name",
    "eks.amazonaws.com/instance-gpu-name",
    "eks.amazonaws.com/instance-accelerator-name",
    "karpenter.azure.com/sku-gpu-name",
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
)
PER_NODE = (
    "cloud.google.com/gke-accelerator-count",
    "karpenter.k8s.aws/instance-gpu-count",
    "karpenter.k8s.aws/instance-accelerator-count",
    "eks.amazonaws.com/instance-gpu-count",
    "karpenter.azure.com/sku-gpu-count",
    "nvidia.com/gpu.count",
)
"""How many accelerators a node has."""
MEMORY_MIB = ("karpenter.k8s.aws/instance-gpu-memory", "eks.amazonaws.com/instance-gpu-memory", "nvidia.com/gpu.memory")
SPOT = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "cloud.google.com/gke-provisioning": "spot",
    "kubernetes.azure.com/scalesetpriority": "spot",
}

_CLOUDS = {
    "cloud.google.com/": "gcp", "topology.gke.io/": "gcp", "karpenter.k8s.aws/": "aws", "eks.amazonaws.com/": "aws",
    "alpha.eksctl.io/": "aws", "kubernetes.azure.com/": "azure", "karpenter.azure.com/": "azure", "agentpool": "azure",
}  # fmt: skip
"""Prefix of a label → the cloud whose nodes carry it."""

# https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus
_TPUS = {
    "tpu-v3-device": "tpu-v3-device",
    "tpu-v3-slice": "tpu-v3-pod",
    "tpu-v4-podslice": "tpu-v4-pod",
    "tpu-v5-lite-device": "tpu-v5e",
    "tpu-v5-lite-podslice": "tpu-v5e",
    "tpu-v5p-slice": "tpu-v5p",
    "tpu-v6e-slice": "tpu-v6e",
    "tpu7x": "tpu-v7",
}

_AWS_TYPE = re.compile(
    r"[a-z][a-z0-9-]*\.(?:metal|nano|micro|small|medium|[0-9]*x?large|metal-[0-9]+xl)(?:-[a-z0-9]+)?"
)
_GCP_TYPE = re.compile(r"(?:[a-z][0-9][a-z]{0,2}|ct[0-9][a-z]*|tpu[0-9][a-z]?)-[a-z]+(?:-[a-z0-9]+)*")
_AZURE_ZONE = re.compile(r"(.+)-[0-9]")

_BY_MEMORY = {("A100", 40): "A100", ("A100", 80): "A100-80GB", ("V100", 16): "V100", ("V100", 32): "V100-32GB"}
"""Models that one name stands for, by memory of one, GB."""


class Placement(Struct):
    """What is known of the nodes that pods may run on. Empty where nothing is selected."""

    provider: str = ""
    regions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """As the price book writes them; `unknown` for a name that is not in the catalogue."""
    per_node: int | None = None
    purchase: Purchase = "on_demand"
    open: str = ""
    """A label whose value is filled in later."""


def placement(spec: Mapping[str, object]) -> Placement:
    """Read a pod's `nodeSelector` and the node affinity it requires. What it only prefers is not counted on."""
    selected = _selected(spec)
    found = Placement()
    for key, values in selected.items():
        if any(is_open(value) for value in values):
            found.open = key
    found.types = _of(selected, INSTANCE_TYPE)
    found.families = _of(selected, FAMILY)
    found.regions = _regions(selected)
    found.provider = _provider(selected, found)
    found.models = _models(selected)
    counts = _of(selected, PER_NODE)
    found.per_node = int(counts[0]) if len(counts) == 1 and counts[0].isdecimal() else None
    if any(selected.get(key) == (value,) for key, value in SPOT.items()):
        found.purchase = "spot"
    return found


Selected = Mapping[str, tuple[str, ...]]
"""Label of a node → the values it may have."""


def _selected(spec: Mapping[str, object]) -> Selected:
    chosen: dict[str, tuple[str, ...]] = {
        key: (string(value),) for key, value in mapping(spec.get("nodeSelector")).items()
    }
    required = mapping(mapping(spec.get("affinity")).get("nodeAffinity")).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = [_term(term) for term in mappings(mapping(required).get("nodeSelectorTerms"))]
    if not terms:
        return chosen
    # A node has to fit one of the terms: only what each of them asks for is sure.
    for key in set.intersection(*(set(term) for term in terms)):
        values = tuple(dict.fromkeys(value for term in terms for value in term[key]))
        both = tuple(value for value in values if value in chosen[key]) if key in chosen else values
        chosen[key] = both or values
    return chosen


def _term(term: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for expression in mappings(term.get("matchExpressions")):
        if expression.get("operator") == "In":
            key = string(expression.get("key"))
            values = tuple(string(value) for value in items(expression.get("values")))
            found[key] = tuple(value for value in found[key] if value in values) if key in found else values
    return found


def _of(selected: Selected, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The values of the first of these labels that is selected and known."""
    for key in keys:
        values = selected.get(key, ())
        if values and not any(is_open(value) for value in values):
            return values
    return ()


def _regions(selected: Selected) -> tuple[str, ...]:
    named = tuple(value.lower() for value in _of(selected, REGION))
    return named or tuple(dict.fromkeys(region_of(zone) or "" for zone in _of(selected, ZONE) if zone))


def region_of(zone: str) -> str | None:
    """The region of a zone of any cloud; a zone in Azure is `westeurope-1`."""
    zone = zone.lower()
    found = regions.region_of_zone("aws", zone) or regions.region_of_zone("gcp", zone)
    if found is None and (match := _AZURE_ZONE.fullmatch(zone)) and (region := regions.find("azure", match[1])):
        return region.name
    return found


def _provider(selected: Selected, found: Placement) -> str:
    for prefix, cloud in _CLOUDS.items():
        if any(key.startswith(prefix) for key in selected):
            return cloud
    for type in found.types:
        if cloud := cloud_of_type(type):
            return cloud
    return next((cloud for region in found.regions if (cloud := cloud_of_region(region))), "")


def cloud_of_region(region: str) -> str:
    """The cloud that has a region of this name."""
    return next((cloud for cloud in ("aws", "azure", "gcp") if regions.find(cloud, region)), "")


def cloud_of_type(type: str) -> str:
    """The cloud whose instance types are written like this."""
    if type.lower().startswith(("standard_", "basic_")):
        return "azure"
    if _AWS_TYPE.fullmatch(type):
        return "aws"
    return "gcp" if _GCP_TYPE.fullmatch(type) else ""


def _models(selected: Selected) -> tuple[str, ...]:
    for key in MODEL:
        names = _of(selected, (key,))
        if names:
            google = key.startswith("cloud.google.com/")
            models = dict.fromkeys(
                _TPUS.get(name) or (_google(name) if google else model_named(name)) for name in names
            )
            return _by_memory(tuple(model or "unknown" for model in models), selected)
    return ()


def _google(name: str) -> str:
    known = accelerator_of("gcp", name)
    return known.model if known else ""


def _by_memory(models: tuple[str, ...], selected: Selected) -> tuple[str, ...]:
    """The same, without those whose memory is another than what is selected."""
    memory = _of(selected, MEMORY_MIB)
    if len(memory) != 1 or not memory[0].isdecimal():
        return models
    gigabytes = round(int(memory[0]) / 1024 / 8) * 8
    return tuple(_BY_MEMORY.get((model.partition("-")[0], gigabytes), model) for model in models)
