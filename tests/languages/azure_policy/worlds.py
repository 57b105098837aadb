"""Small worlds of Azure for tests: exports, estates, aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from governor.azure_model import (
    ArmResource,
    Assignment,
    Definition,
    Estate,
    Export,
    Initiative,
    PolicyExemption,
    Result,
)
from governor.catalog.azure_aliases import Aliases, from_providers
from governor.languages.azure_policy.evaluation import Evaluation, Policies

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/ml"
VM = "Microsoft.Compute/virtualMachines"

ALIASES: Aliases = from_providers(
    [
        {
            "namespace": "Microsoft.Compute",
            "resourceTypes": [
                {
                    "resourceType": "virtualMachines",
                    "capabilities": "SupportsTags, SupportsLocation",
                    "aliases": [
                        {"name": f"{VM}/sku.name", "defaultPath": "properties.hardwareProfile.vmSize"},
                        {"name": f"{VM}/dataDisks[*]", "defaultPath": "properties.storageProfile.dataDisks[*]"},
                        {
                            "name": f"{VM}/dataDisks[*].name",
                            "defaultPath": "properties.storageProfile.dataDisks[*].name",
                        },
                        {
                            "name": f"{VM}/dataDisks[*].managedDisk.id",
                            "defaultPath": "properties.storageProfile.dataDisks[*].managedDisk.id",
                        },
                        {
                            "name": f"{VM}/vmId",
                            "defaultPath": "properties.vmId",
                            "defaultMetadata": {"attributes": "None"},
                        },
                    ],
                },
                {"resourceType": "virtualMachines/extensions", "capabilities": "SupportsTags, SupportsLocation"},
            ],
        }
    ]
)


def vm(name: str = "trainer", group: str = GROUP, **body: Any) -> ArmResource:
    """A virtual machine; `tags`, `properties` and so on as keywords."""
    return resource(VM, name, group, **{"location": "westeurope", **body})


def resource(kind: str, name: str, group: str = GROUP, **body: Any) -> ArmResource:
    """A resource of a type in a group; a child's name is `parent/child`."""
    namespace, *types = kind.split("/")
    pairs = "/".join(f"{one}/{each}" for one, each in zip(types, name.split("/"), strict=True))
    whole = {"name": name.rpartition("/")[2], "type": kind, **body}
    return ArmResource(id=f"{group}/providers/{namespace}/{pairs}", type=kind, body=whole)


def group(name: str = "ml", subscription: str = SUBSCRIPTION, **body: Any) -> ArmResource:
    """A resource group."""
    kind = "Microsoft.Resources/subscriptions/resourceGroups"
    whole = {"name": name, "type": kind, "location": "westeurope", **body}
    return ArmResource(id=f"{subscription}/resourceGroups/{name}", type=kind, body=whole)


def definition(name: str, condition: Any, effect: str = "deny", *, details: Any = None, **more: Any) -> Definition:
    """A policy definition of a condition and an effect."""
    then = {"effect": effect} if details is None else {"effect": effect, "details": details}
    return Definition(
        id=f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/{name}",
        name=name,
        rule={"if": condition, "then": then},
        **more,
    )


def assignment(target: Definition | Initiative, scope: str = SUBSCRIPTION, name: str = "", **more: Any) -> Assignment:
    """A definition or an initiative on a scope."""
    name = name or f"use-{target.name}"
    identity = f"{scope}/providers/Microsoft.Authorization/policyAssignments/{name}"
    return Assignment(id=identity, name=name, scope=scope, target=target.id, **more)


def export(
    assignments: Sequence[Assignment],
    definitions: Sequence[Definition],
    initiatives: Sequence[Initiative] = (),
    exemptions: Sequence[PolicyExemption] = (),
    ancestors: Mapping[str, tuple[str, ...]] | None = None,
) -> Export:
    """An export of all that."""
    return Export(
        assignments=tuple(assignments),
        definitions=tuple(definitions),
        initiatives=tuple(initiatives),
        exemptions=tuple(exemptions),
        ancestors=ancestors or {},
    )


def evaluation(
    written: Export, *resources: ArmResource, aliases: Aliases = ALIASES, listed: Sequence[str] = (), **estate: Any
) -> Evaluation:
    """Policies asked about resources, at noon of one day."""
    whole = Estate(resources=resources, listed=frozenset(kind.lower() for kind in listed), **estate)
    return Evaluation(Policies(written, aliases, NOW), whole)


def results(
    written: Export, *resources: ArmResource, aliases: Aliases = ALIASES, listed: Sequence[str] = (), **estate: Any
) -> list[Result]:
    """Every result, in order."""
    asked = evaluation(written, *resources, aliases=aliases, listed=listed, **estate)
    return [result for _, found in asked.results() for _, result in found]


def single(condition: Any, one: ArmResource, effect: str = "deny", **more: Any) -> Result | None:
    """What one policy, assigned to the subscription, says of one resource."""
    policy = definition("one", condition, effect, **more)
    found = results(export([assignment(policy)], [policy]), one)
    return found[0] if found else None


def state(condition: Any, one: ArmResource, effect: str = "deny", **more: Any) -> str:
    """The state of it; empty when the policy does not apply."""
    found = single(condition, one, effect, **more)
    return found.state if found else ""
