"""Exports of Azure Policy for tests, made by hand; and what is found in them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from governor import library
from governor.azure.posture import posture
from governor.azure.wanted import Wanted, wanted
from governor.azure_model import (
    Assignment,
    Definition,
    Estate,
    Export,
    Initiative,
    Member,
    PolicyExemption,
    Written,
)
from governor.catalog import azure_aliases
from governor.judge import judge
from governor.languages.azure_policy.evaluation import Policies
from governor.model import Exemption, Inventory, Resource

TODAY = date(2026, 8, 1)
CORP = "/providers/Microsoft.Management/managementGroups/corp"
ONE = "/subscriptions/00000000-0000-0000-0000-000000000001"
TWO = "/subscriptions/00000000-0000-0000-0000-000000000002"
LAB = f"{ONE}/resourceGroups/lab"
BELOW_CORP = {ONE: ("corp",), TWO: ("corp",)}

ALLOWED_LOCATIONS = "e56962a6-4747-49cd-b67b-bf8b01975c4c"
ALLOWED_SIZES = "cccc23c7-8427-4f53-ad12-b6a63eb452b3"
REQUIRE_TAG = "871b6d14-10aa-478d-b590-94f262ecfa99"
REQUIRE_TAG_AND_VALUE = "1e30110a-5ceb-460c-a204-c1c3969c6d62"
INHERIT_TAG = "ea3f2387-9b95-492a-a190-fcdc54f7b070"
NO_LOCAL_AUTH = "71ef260a-8f18-47b7-abcb-62d0673d94dc"
TURN_LOCAL_AUTH_OFF = "55eff01b-f2bd-4c32-9203-db285f709d30"
NOT_ALLOWED_TYPES = "6c112d4e-5bc7-47ae-a041-ea2d9dccd749"

_BUILT_IN = Path(__file__).parents[3] / "shared" / "samples" / "azure" / "builtin_definitions.jsonl.gz"
needs_built_in = pytest.mark.skipif(
    not _BUILT_IN.is_file(), reason="the built-in definitions of Azure are not beside this checkout"
)
PROVIDER = "providers/Microsoft.Authorization"


@cache
def _built_in() -> Mapping[str, Any]:
    with gzip.open(_BUILT_IN, "rt", encoding="utf-8") as lines:
        return {found["name"]: found.get("properties", found) for found in map(json.loads, lines)}


def built_in(name: str) -> Definition:
    """One of Microsoft's."""
    found = _built_in()[name]
    return Definition(
        id=f"/{PROVIDER}/policyDefinitions/{name}", name=name, display_name=found["displayName"], policy_type="BuiltIn",
        mode=found["mode"], parameters=found.get("parameters", {}), rule=found["policyRule"],
        metadata=found.get("metadata", {}),
    )  # fmt: skip


def definition(name: str, condition: Any, effect: str = "deny", **facts: Any) -> Definition:
    """One of an organisation's own."""
    details = facts.pop("details", None)
    then = {"effect": effect} | ({"details": details} if details else {})
    return Definition(
        id=f"{CORP}/{PROVIDER}/policyDefinitions/{name}", name=name, rule={"if": condition, "then": then},
        **{"mode": "All", **facts},
    )  # fmt: skip


def initiative(name: str, *members: Member, **facts: Any) -> Initiative:
    return Initiative(id=f"{CORP}/{PROVIDER}/policySetDefinitions/{name}", name=name, members=members, **facts)


def assigned(name: str, to: Definition | Initiative, scope: str, *, line: int = 0, **facts: Any) -> Assignment:
    """An assignment; `line` is where it stands in its file."""
    written = Written("assignments.json", line) if line else None
    return Assignment(
        id=f"{scope}/{PROVIDER}/policyAssignments/{name}", name=name, scope=scope, target=to.id, written=written,
        **facts,
    )  # fmt: skip


def exempted(assignment: Assignment, scope: str, **facts: Any) -> PolicyExemption:
    id = f"{scope}/{PROVIDER}/policyExemptions/one"
    return PolicyExemption(id=id, name="one", scope=scope, assignment=assignment.id, **facts)


def no(tag: str) -> dict[str, Any]:
    """The condition that a tag is missing."""
    return {"field": f"tags['{tag}']", "exists": "false"}


def data(concern: str, **over: Any) -> Mapping[str, Any]:
    """The shipped data of a concern, with some of it replaced."""
    return {**library.read_concerns([library.builtin()])[concern].config, **over}


def of_ours(**residency: Any) -> Wanted:
    """What our own data asks for."""
    return wanted(data("tagging"), data("residency", **residency))


def collected(
    export: Export,
    *,
    estate: Estate | None = None,
    wanted: Wanted | None = None,
    exemptions: Sequence[Exemption] = (),
    known: Mapping[str, Resource] = {},
) -> Inventory:
    policies = Policies(export, azure_aliases.shipped(), datetime.combine(TODAY, time.min, UTC))
    return posture(
        export, policies, estate, today=TODAY, wanted=wanted or of_ours(), exemptions=exemptions, known=known
    )  # fmt: skip


def by_id(inventory: Inventory) -> dict[str, Resource]:
    return {resource.id: resource for resource in inventory.resources}


def scope(inventory: Inventory, id: str) -> Mapping[str, Any]:
    """What is found of a scope."""
    return by_id(inventory)[id].attributes


def tags(inventory: Inventory, id: str) -> dict[str, str]:
    """Tag → effect of what asks for it, `(not enforced)` where it does not; tags that nothing asks for are left out."""
    return {
        name: answer["effect"] + ("" if answer["enforced"] else " (not enforced)")
        for name, answer in scope(inventory, id)["requires_tags"].items()
        if answer["effect"]
    }


def open_in(inventory: Inventory, id: str, kind: str) -> set[str]:
    """Regions in which a type may lie."""
    return {region for region, effect in scope(inventory, id)["locations"][kind].items() if not effect}


def found(inventory: Inventory, *policies: str, **config: Any) -> list[tuple[str, str, str, bool]]:
    """Policy, resource, message without its id, and whether it is certain, of every finding of the shipped policies."""
    overlay = {"azure": config} if config else None
    loaded = library.load([library.builtin()], only=["azure"], overlay=overlay)
    judgement = judge(inventory, loaded.evaluators, TODAY)
    assert not judgement.failures
    return sorted(
        (f.policy, f.resource, f.msg.replace(f.resource, "").lstrip(": "), not f.reason)
        for f in judgement.findings
        if not policies or f.policy in policies
    )
