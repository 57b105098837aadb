"""ARM templates, also those that Bicep makes: the objects of Azure Policy that deploying one would make.

Where a template does not say which management group, subscription or resource group it is deployed to, that part of an
id is `(unknown)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from governor.sources.azure import ids
from governor.sources.azure.deployment import UNKNOWN_GROUP, UNKNOWN_SUBSCRIPTION, Deployment, Placed
from governor.sources.azure.exports.found import Found, Pointer, Raw


class Made(NamedTuple):
    """An object of Azure Policy, with its expressions worked out."""

    kind: str
    """Of `ids.KINDS`."""
    raw: Raw


def is_parameters_file(value: Mapping[str, Any]) -> bool:
    """Whether an object is the parameters of a deployment."""
    schema = value.get("$schema")
    return isinstance(schema, str) and "deploymentparameters.json" in schema.lower()


def made(raw: Raw, parameters: Mapping[str, Any], found: Found) -> Iterator[Made]:
    """The objects of Azure Policy in a template; `parameters` are those of a parameters file."""

    def gap(pointer: Pointer, _what: str, reason: str) -> None:
        found.gap(Raw({}, raw.file, pointer), reason)

    metadata = raw.value.get("metadata")
    told = metadata.get("deploymentScope") if isinstance(metadata, dict) else None
    scope = told if isinstance(told, str) else _deployed_to(str(raw.value.get("$schema", "")))
    given = {name: partial(_given, value) for name, value in parameters.items()}
    # What one refers to may stand below it: all are placed before any is worked out.
    for placed in list(Deployment(gap, ids=True).resources(raw.value, scope, given, raw.pointer)):
        if kind := ids.kind_of(placed.id):
            for key, reason in placed.doubts.items():
                gap((*placed.pointer, key), "", reason)
            yield Made(kind, Raw(_shown(placed, kind), raw.file, placed.pointer))


def _given(value: Any) -> Any:
    return value


def _deployed_to(schema: str) -> str:
    schema = schema.lower()
    if "managementgroupdeployment" in schema:
        return f"{ids.MANAGEMENT_GROUPS}{ids.UNKNOWN}"
    if "subscriptiondeployment" in schema:
        return UNKNOWN_SUBSCRIPTION
    return "" if "tenantdeployment" in schema else UNKNOWN_GROUP


def _shown(placed: Placed, kind: str) -> dict[str, Any]:
    """The resource as Azure would show it."""
    shown: dict[str, Any] = {"id": placed.id, "name": ids.name_of(placed.id)}
    shown |= {key: placed.value(key) for key in ("properties", "identity", "location") if key in placed.written}
    if kind == ids.ASSIGNMENTS and isinstance(shown.get("properties"), dict):
        shown["properties"] = {**shown["properties"], "scope": ids.scope_of(placed.id)}
    return shown
