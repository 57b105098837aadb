"""The data of our policies in, what they would have Azure Policy do out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from governor.catalog import regions

KINDS = {"virtualMachines": "compute_instance", "accounts": "ai_account", "storageAccounts": "bucket"}
"""What made-up resources stand for that lie somewhere and carry tags: last part of their type → our kind."""

_VALUES = ("a", "a1", "1", "100", "5000", "2026-12-31", "true", "a@example.com", "A", "a-1", "exp-1")
"""What a pattern may take."""


class Tag(Struct, frozen=True):
    """A tag that the taxonomy makes mandatory."""

    value: str
    """One that the taxonomy allows."""
    on: tuple[str, ...]
    """Those of KINDS that must carry it."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What Azure Policy should see to."""

    tags: Mapping[str, Tag] = {}
    locations: Mapping[str, frozenset[str]] = {}
    """One of KINDS → regions where it may lie; absent: anywhere."""
    regions: tuple[str, ...] = tuple(regions.document()["azure"])
    """Every region there is to ask about."""


def wanted(tagging: Mapping[str, Any], residency: Mapping[str, Any]) -> Wanted:
    """What the taxonomy and the residency data ask for. A concern that is not there asks for nothing."""
    jurisdictions = {
        **residency.get("regions", {}).get("azure", {}),
        **{name: facts["jurisdiction"] for name, facts in regions.document()["azure"].items()},
    }
    locations = {}
    for kind in KINDS:
        allowed = _allowed(residency, kind)
        if allowed is not None:
            locations[kind] = frozenset(name for name, where in jurisdictions.items() if where in allowed)
    return Wanted(tags=dict(_tags(tagging)), locations=locations, regions=tuple(sorted(jurisdictions)))


def _tags(tagging: Mapping[str, Any]) -> Iterable[tuple[str, Tag]]:
    """A virtual machine that is asked about has a GPU, and a stage that excuses from nothing."""
    for name, facts in tagging.get("tags", {}).items():
        demands = [demand for demand in tagging.get("mandatory", {}).values() if name in demand["tags"]]
        on = tuple(
            short
            for short, kind in KINDS.items()
            if any(kind in d["kinds"] and (short == "virtualMachines" or not d.get("accelerated")) for d in demands)
        )
        if on:
            yield name, Tag(_value(facts), on)


def _value(facts: Mapping[str, Any]) -> str:
    if facts.get("values"):
        return str(facts["values"][0])
    for bound in ("minimum", "maximum"):
        if bound in facts:
            return str(facts[bound])
    pattern = facts.get("pattern", ".*")
    try:
        return next((value for value in _VALUES if re.fullmatch(pattern, value)), _VALUES[0])
    except re.error:
        return _VALUES[0]  # a pattern of RE2 that Python does not take


def _allowed(residency: Mapping[str, Any], kind: str) -> set[str] | None:
    """Jurisdictions where a resource may lie, whatever its data; None where nothing binds it."""
    home = residency.get("ai_endpoints", {}).get("home_jurisdictions", ())
    if kind == "accounts" and home:
        return set(home)
    classes = residency.get("classes", {})
    names = [*residency.get("datasets", {}).values()]
    allowed: set[str] = set()
    for project in residency.get("projects", {}).values():
        allowed.update(project.get("jurisdictions", ()))
        names += [project["class"]] if "class" in project else []
    for name in [*names, residency.get("default_class", "")]:
        found = classes.get(name, {"any": True} if not classes else {})
        if found.get("any"):
            return None
        allowed.update(found.get("jurisdictions", ()))
    return allowed
