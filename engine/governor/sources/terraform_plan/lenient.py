"""A plan that is not quite as Terraform writes it in, what can be read of it out, and a note of what cannot.

Other programs trim plans, fill them with nulls and write numbers as text. What explains (configuration, state,
variables) may be missing a part; a change that cannot be read is named, so that it never passes for judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources.terraform_plan.decode import (
    SHOW,
    Configuration,
    Drift,
    Expressions,
    Module,
    ModuleCall,
    Output,
    OutputChange,
    Plan,
    ProviderConfig,
    ResourceChange,
    State,
    Value,
    Variable,
)

T = TypeVar("T")

_PARTS = msgspec.json.Decoder(dict[str, Raw])
_NO_PLAN = f"this JSON is no Terraform plan: {SHOW}"


def plan(document: bytes, place: str) -> Plan:
    """Read what can be read. Raises Refusal when it is no plan, and DecodeError when it is no JSON."""
    try:
        parts = _PARTS.decode(document)
    except msgspec.ValidationError:
        raise Refusal(_NO_PLAN, place=place, code=CANNOT_JUDGE) from None
    untyped = {name: _cleaned(msgspec.json.decode(raw)) for name, raw in parts.items() if name in _EXPLAIN}
    result = Plan()
    version = msgspec.json.decode(parts.get("format_version", b"null"))
    result.format_version = None if version is None else str(version)
    if isinstance(terraform := msgspec.json.decode(parts.get("terraform_version", b"null")), str):
        result.terraform_version = terraform
    result.errored = bytes(parts.get("errored", b"")) == b"true"
    result.complete = {b"true": True, b"false": False}.get(bytes(parts.get("complete", b"")))
    for name in ("planned_values", "values", "lineage"):
        if name in parts and bytes(parts[name]) != b"null":
            setattr(result, name, parts[name])
    damage = result.damage = []
    result.resource_changes = _changes(parts.get("resource_changes"), damage, place)
    result.resource_drift = [d for item in _items(untyped.get("resource_drift")) if (d := _as(Drift, item))]
    result.deferred_changes = [Raw(b"null") for _ in _items(untyped.get("deferred_changes"))]
    result.configuration = _configuration(untyped.get("configuration"), damage, place)
    result.variables = _entries(Value, untyped.get("variables"))
    result.output_changes = _entries(OutputChange, untyped.get("output_changes"))
    if "prior_state" in untyped:
        result.prior_state = _as(State, untyped["prior_state"])
        if result.prior_state is None:
            damage.append((place, "its prior_state cannot be read: regions and default tags may be unknown for it"))
    return result


_EXPLAIN = ("configuration", "prior_state", "variables", "output_changes", "resource_drift", "deferred_changes")


def _changes(raw: Raw | None, damage: list[tuple[str, str]], place: str) -> list[ResourceChange] | None:
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        items = msgspec.json.decode(raw, type=list[Raw])
    except msgspec.ValidationError:
        raise Refusal(
            "its resource_changes is no list: this is no plan as Terraform writes it", place=place, code=CANNOT_JUDGE
        ) from None
    found = []
    for number, item in enumerate(items, 1):
        try:
            found.append(msgspec.json.decode(item, type=ResourceChange))
        except msgspec.ValidationError:
            change = _mended(msgspec.json.decode(item))
            if change is None:
                damage.append((place, f"resource change {number} cannot be read, so it was not judged"))
            else:
                found.append(change)
    return found


def _mended(item: Any) -> ResourceChange | None:
    """A change with nulls left out, numbers where text belongs as text, and an address when it can be made."""
    if not isinstance(item, dict):
        return None
    text = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name in ("address", "type", "name", "mode", "module_address", "previous_address", "deposed")
        if (value := item.get(name)) is not None
    }
    if "address" not in text and "type" in text and "name" in text:
        local = f"{text['type']}.{text['name']}"
        text["address"] = f"{text['module_address']}.{local}" if text.get("module_address") else local
    if "address" not in text or "type" not in text:
        return None
    change = {name: value for name, value in _mapping(item.get("change")).items() if value is not None}
    actions = change.get("actions")
    change["actions"] = [str(action) for action in (actions if isinstance(actions, list) else [actions]) if action]
    return msgspec.json.decode(
        msgspec.json.encode({**text, "index": item.get("index"), "change": change}), type=ResourceChange
    )


def _configuration(value: Any, damage: list[tuple[str, str]], place: str) -> Configuration | None:
    if value is None:
        return None
    found = _as(Configuration, value)
    if found is None:
        damage.append((place, "parts of its configuration cannot be read: regions and default tags may be unknown"))
        written = _mapping(value)
        found = Configuration(
            _entries(ProviderConfig, written.get("provider_config")), _module(written.get("root_module"))
        )
    return found


def _module(value: Any) -> Module:
    written = _mapping(value)
    calls = {
        name: ModuleCall(_module(call.get("module")), dict(_mapping(call.get("expressions"))))
        for name, call in _mapping(written.get("module_calls")).items()
        if isinstance(call, dict)
    }
    return Module(
        [block for item in _items(written.get("resources")) if (block := _as(Expressions, item))],
        calls,
        _entries(Output, written.get("outputs")),
        _entries(Variable, written.get("variables")),
    )


def _entries(type: type[T], value: Any) -> dict[str, T]:
    return {name: found for name, item in _mapping(value).items() if (found := _as(type, item)) is not None}


def _as(type: type[T], value: Any) -> T | None:
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=type)
    except msgspec.ValidationError:
        return None


def _cleaned(value: Any) -> Any:
    """Without the nulls that stand for parts left out."""
    if isinstance(value, dict):
        return {name: _cleaned(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> Iterator[Any]:
    return iter(value if isinstance(value, list) else [])
