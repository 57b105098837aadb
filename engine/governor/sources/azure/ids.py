"""Ids of Resource Manager: how those of Azure Policy's objects are made, and what can be told from them."""

from __future__ import annotations

import re

DEFINITIONS = "policyDefinitions"
INITIATIVES = "policySetDefinitions"
ASSIGNMENTS = "policyAssignments"
EXEMPTIONS = "policyExemptions"
KINDS = (DEFINITIONS, INITIATIVES, ASSIGNMENTS, EXEMPTIONS)

PROVIDER = "Microsoft.Authorization"
MANAGEMENT_GROUPS = "/providers/Microsoft.Management/managementGroups/"
UNKNOWN = "(unknown)"
"""A part of an id that an export does not tell."""

_OURS = re.compile(r"^(.*)/providers/microsoft\.authorization/(policy[a-z]*)/([^/]+)$", re.IGNORECASE | re.DOTALL)
_GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_DEPLOYED_TO = re.compile(
    r"^(?:/providers/microsoft\.management/managementgroups/[^/]+|/subscriptions/[^/]+(?:/resourcegroups/[^/]+)?)",
    re.IGNORECASE,
)


def made(scope: str, kind: str, name: str) -> str:
    """The id that Azure gives an object at a scope."""
    return f"{scope.rstrip('/')}/providers/{PROVIDER}/{kind}/{name}"


def kind_of(id: str) -> str:
    """Which of KINDS an id is of; empty for none."""
    found = _OURS.match(id)
    return next((kind for kind in KINDS if kind.lower() == found[2].lower()), "") if found else ""


def scope_of(id: str) -> str:
    """Where an object of Azure Policy lies: empty for the tenant, where built-in definitions are."""
    found = _OURS.match(id)
    return found[1] if found else ""


def name_of(id: str) -> str:
    """The last part of an id."""
    return id.rstrip("/").rpartition("/")[2]


def built_in(name: str, kind: str) -> str:
    """The id of a built-in definition or initiative; their names are GUIDs. Empty for any other name."""
    return made("", kind, name) if _GUID.match(name) else ""


def deployment_scope(scope: str) -> str:
    """The management group, subscription or resource group that a scope is or lies in; empty for the tenant."""
    found = _DEPLOYED_TO.match(scope)
    return found[0] if found else ""
