"""A small tenant, as `az` exports it: policies and resources in, files out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SUB = "/subscriptions/5f0c0f5e-0000-4000-8000-000000000001"
AUTHORIZATION = f"{SUB}/providers/Microsoft.Authorization"
VM = "Microsoft.Compute/virtualMachines"
ACCOUNT = "Microsoft.CognitiveServices/accounts"
VNET = "Microsoft.Network/virtualNetworks"


def definition(
    name: str,
    condition: Any,
    effect: str = "deny",
    *,
    mode: str = "Indexed",
    parameters: Mapping[str, Any] | None = None,
    details: Any = None,
) -> dict[str, Any]:
    """A definition; `{name: value}` of `parameters` are strings or lists, with that default."""
    then = {"effect": effect} | ({"details": details} if details else {})
    return {
        "id": f"{AUTHORIZATION}/policyDefinitions/{name}",
        "name": name,
        "displayName": name.replace("-", " ").capitalize(),
        "mode": mode,
        "parameters": {
            key: {"type": "Array" if isinstance(value, list) else "String", "defaultValue": value}
            for key, value in (parameters or {}).items()
        },
        "policyRule": {"if": condition, "then": then},
        "policyType": "Custom",
        "type": "Microsoft.Authorization/policyDefinitions",
    }


def assignment(
    target: str, name: str = "", *, initiative: bool = False, scope: str = SUB, **more: Any
) -> dict[str, Any]:
    """An assignment of a definition or an initiative, by its name or id."""
    kind = "policySetDefinitions" if initiative else "policyDefinitions"
    name = name or f"a-{target}"
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/policyAssignments/{name}",
        "name": name,
        "displayName": name,
        "scope": scope,
        "policyDefinitionId": target if target.startswith("/") else f"{AUTHORIZATION}/{kind}/{target}",
        "parameters": {},
        "type": "Microsoft.Authorization/policyAssignments",
        **more,
    }


def initiative(name: str, **members: str) -> dict[str, Any]:
    """An initiative: reference → name of a definition."""
    return {
        "id": f"{AUTHORIZATION}/policySetDefinitions/{name}",
        "name": name,
        "displayName": name,
        "policyType": "Custom",
        "type": "Microsoft.Authorization/policySetDefinitions",
        "policyDefinitions": [
            {
                "policyDefinitionReferenceId": reference,
                "policyDefinitionId": f"{AUTHORIZATION}/policyDefinitions/{target}",
                "parameters": {},
            }
            for reference, target in members.items()
        ],
    }


def exemption(of: str, scope: str, expires: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/policyExemptions/{of}-waived",
        "name": f"{of}-waived",
        "displayName": f"{of} waived",
        "exemptionCategory": "Waiver",
        "expiresOn": expires or None,
        "policyAssignmentId": f"{AUTHORIZATION}/policyAssignments/{of}",
        "type": "Microsoft.Authorization/policyExemptions",
        **more,
    }


def record(
    resource: Mapping[str, Any], of: str, state: str, reference: str = "", at: str = "2026-11-20T06:00:00Z"
) -> Any:
    """A compliance record, with ids in lower case as Azure writes them."""
    return {
        "resourceId": resource["id"].lower(),
        "resourceType": resource["type"],
        "policyAssignmentId": f"{AUTHORIZATION}/policyAssignments/{of}".lower(),
        "policyDefinitionId": f"{AUTHORIZATION}/policyDefinitions/x".lower(),
        "policyDefinitionReferenceId": reference.lower(),
        "complianceState": state,
        "isCompliant": state == "Compliant",
        "timestamp": at,
    }


def row(
    type: str, name: str, tags: Mapping[str, str] | None = None, group: str = "rg-ml", **more: Any
) -> dict[str, Any]:
    """A row of Resource Graph."""
    return {
        "id": f"{SUB}/resourceGroups/{group}/providers/{type}/{name}",
        "identity": None,
        "kind": "",
        "location": "westeurope",
        "name": name,
        "properties": {},
        "resourceGroup": group,
        "sku": None,
        "subscriptionId": SUB.rpartition("/")[2],
        "tags": dict(tags or {}),
        "type": type.lower(),
        **more,
    }


def vm(name: str = "train", tags: Mapping[str, str] | None = None, size: str = "Standard_D2s_v3", **more: Any) -> Any:
    return row(VM, name, tags, properties={"hardwareProfile": {"vmSize": size}}, **more)


def save(folder: Path, name: str, objects: Sequence[Any]) -> Path:
    """A list as `az` prints it."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(list(objects), indent=2), "utf-8")
    return file


def exists(tag: str) -> dict[str, Any]:
    """True where a tag is missing."""
    return {"field": f"tags['{tag}']", "exists": "false"}


def outside(*locations: str) -> dict[str, Any]:
    return {"field": "location", "notIn": list(locations)}
