"""ARM templates, and what Bicep compiles to: the resources a deployment asks for.

A parameter has its default. What only the deployment decides is an `Unknown`; the subscription and the resource group
it goes to are `(unknown)` in ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog.tables import fold
from governor.model import Gap
from governor.sources.azure.deployment import UNKNOWN_GROUP, Deployment, Placed, Pointer
from governor.sources.azure.estate.rows import GROUP

_NOT_OF_THE_BODY = frozenset(
    {"apiversion", "name", "type", "dependson", "copy", "condition", "resources", "scope", "comments", "existing"}
)
_POLICY = "microsoft.authorization/policy"


def estate_of(template: Mapping[str, Any], place: str) -> Estate:
    """The resources of a template."""
    gaps: list[Gap] = []

    def gap(_pointer: Pointer, what: str, reason: str) -> None:
        gaps.append(Gap(f"{place} {what}".rstrip(), reason))

    deployment = Deployment(gap, ids=False)
    resources = []
    for placed in deployment.resources(template, UNKNOWN_GROUP, {}):
        for key in ("copy", "condition"):
            if key in placed.doubts:
                gap(placed.pointer, f"{placed.type} {placed.name}", placed.doubts[key])
        if not placed.type.lower().startswith(_POLICY):
            resources.append(_resource(placed))
    return Estate(
        resources=tuple(resources),
        gaps=tuple(gaps),
        secrets=tuple(sorted(deployment.secrets, key=len, reverse=True)),
        source=f"ARM template {place}",
    )


def _resource(placed: Placed) -> ArmResource:
    body = _present({key: placed.value(key) for key in placed.written if key.lower() not in _NOT_OF_THE_BODY})
    type = GROUP if placed.type.lower() == "microsoft.resources/resourcegroups" else placed.type
    unknown = placed.doubts.get("name")
    body["type"] = type
    body["name"] = Unknown(unknown) if unknown else placed.name.rpartition("/")[2]
    if isinstance(location := body.get("location"), str):
        body["location"] = fold(location)
    return ArmResource(id=placed.id, type=type, body=body, api_version=str(placed.written.get("apiVersion", "")))


def _present(value: Any) -> Any:
    """Without what is null: Azure takes that as if it were not written."""
    if isinstance(value, list):
        return [_present(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _present(inner) for key, inner in value.items() if inner is not None}
    return value
