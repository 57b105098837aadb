"""Made-up resources of Azure and assignments of definitions, for benches and tests."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from governor.azure_model import ArmResource, Assignment, Definition, Estate, Export
from governor.catalog.azure_aliases import Aliases

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
TYPES = (
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Compute/disks",
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.MachineLearningServices/workspaces/computes",
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.CognitiveServices/accounts/deployments",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Search/searchServices",
    "Microsoft.Web/sites",
)
_VALUES = (True, False, "Enabled", "Disabled", "", None, 3, ["a"], [], {"a": "b"}, [{"name": "a"}], "10.0.0.0/8")


def definitions(file: Path) -> list[Definition]:
    """Definitions in the shape of Resource Manager, a line each; the file may be packed.

    Clouds share ids, so that one may stand there twice: the line makes each its own.
    """
    data = file.read_bytes()
    lines = (gzip.decompress(data) if file.suffix == ".gz" else data).decode().splitlines()
    return [_definition(json.loads(line), number) for number, line in enumerate(lines)]


def _definition(written: Mapping[str, Any], number: int) -> Definition:
    properties = written["properties"]
    return Definition(
        id=f"{written['id']}-{number}",
        name=f"{written['name']}-{number}",
        mode=properties.get("mode", "Indexed"),
        parameters=properties.get("parameters") or {},
        rule=properties["policyRule"],
    )


def export(found: list[Definition]) -> Export:
    """Every definition assigned to one subscription, with made-up values for parameters that have no default."""
    assignments = [
        Assignment(
            id=f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/{one.name}",
            name=one.name,
            scope=SUBSCRIPTION,
            target=one.id,
            parameters=dict(_given(one)),
        )
        for one in found
    ]
    return Export(definitions=tuple(found), assignments=tuple(assignments))


def _given(one: Definition) -> Iterator[tuple[str, Any]]:
    examples = {"string": "x", "array": ["x"], "object": {}, "boolean": True, "integer": 1, "float": 1.5}
    for name, declared in one.parameters.items():
        if "defaultValue" not in declared:
            kind, allowed = declared["type"].lower(), declared.get("allowedValues")
            value = examples.get(kind, "2026-01-01T00:00:00Z")
            yield name, value if not allowed else allowed if kind == "array" else allowed[0]


def estate(number: int, aliases: Aliases, seed: int = 0) -> Estate:
    """So many resources of the types that policies are mostly about, each with thirty properties that aliases name."""
    chosen = random.Random(seed)
    paths = {kind: [one.path for one in found.aliases.values()] for kind in TYPES if (found := aliases.type(kind))}
    return Estate(resources=tuple(_resource(at, TYPES[at % len(TYPES)], paths, chosen) for at in range(number)))


def _resource(at: int, kind: str, paths: Mapping[str, list[str]], chosen: random.Random) -> ArmResource:
    properties: dict[str, Any] = {}
    known = paths.get(kind, [])
    for path in chosen.sample(known, min(30, len(known))):
        _put(properties, path.replace("[*]", "").split(".")[1:], deepcopy(chosen.choice(_VALUES)))
    namespace, *types = kind.split("/")
    names = [f"r{at // 50}"] * (len(types) - 1) + [f"r{at}"]
    pairs = "/".join(f"{one}/{name}" for one, name in zip(types, names, strict=True))
    body = {
        "name": names[-1],
        "type": kind,
        "location": chosen.choice(("eastus", "westeurope", "swedencentral")),
        "tags": {chosen.choice("abcdefgh"): "x" for _ in range(4)},
        "properties": properties,
    }
    group = f"{SUBSCRIPTION}/resourceGroups/group{at % 50}"
    return ArmResource(id=f"{group}/providers/{namespace}/{pairs}", type=kind, body=body)


def _put(whole: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = whole.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        whole = inner
    if path:
        whole[path[-1]] = value
