"""Conditions of Azure Policy, as the language writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from governor.catalog.azure_kinds import GPU_SIZES, AzureKind

Condition = Mapping[str, Any]


def all_of(conditions: Iterable[Condition]) -> Condition:
    """All of them; one stands alone."""
    return _joined("allOf", conditions)


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Any of them; one stands alone."""
    return _joined("anyOf", conditions)


def _joined(operator: str, conditions: Iterable[Condition]) -> Condition:
    flat = [one for condition in conditions for one in condition.get(operator, [condition])]
    return flat[0] if len(flat) == 1 else {operator: flat}


def field_of(tag: str) -> str:
    """The field that holds a tag: an apostrophe in its name is doubled."""
    return "tags['{}']".format(tag.replace("'", "''"))


def read(tag: str) -> str:
    """The value of a tag inside an expression; "" where there is none."""
    return "field('{}')".format(field_of(tag).replace("'", "''"))


def text(value: str) -> str:
    """A value that is no expression, though it stand in brackets."""
    return f"[{value}" if value.startswith("[") and value.endswith("]") else value


def missing(tag: str) -> Condition:
    """The tag is not there, or holds nothing but blanks."""
    return {"anyOf": [{"field": field_of(tag), "exists": "false"}, {"value": _trimmed(tag), "equals": ""}]}


def present(tag: str) -> list[Condition]:
    """All of these hold where `missing` does not."""
    return [{"field": field_of(tag), "exists": "true"}, {"value": _trimmed(tag), "notEquals": ""}]


def _trimmed(tag: str) -> str:
    return f"[trim({read(tag)})]"


_META = re.compile(r"[#?.]")
"""What `match` does not read as it stands. Its `.` is any character."""


def exactly(tag: str, value: str) -> Condition:
    """The tag holds this very value. Only `match` minds case; where it knows no literal, `equals` says which it is."""
    pattern = _META.sub(".", value)
    same: Condition = {"field": field_of(tag), "match": text(pattern)}
    return {"allOf": [same, {"field": field_of(tag), "equals": text(value)}]} if "." in pattern else same


def one_of(tag: str, values: Iterable[str]) -> Condition:
    """The tag holds one of these values."""
    return any_of(exactly(tag, value) for value in values)


def none_of(tag: str, values: Iterable[str]) -> Condition:
    """The tag holds none of these values, or is missing."""
    return {"not": one_of(tag, values)}


def of_types(kinds: Sequence[AzureKind]) -> Condition:
    """The resource is of one of these."""
    plain = list(dict.fromkeys(kind.type for kind in kinds if not kind.only))
    told_apart = [
        all_of([_type([kind.type]), *({"field": field, operator: value} for field, operator, value in kind.only)])
        for kind in kinds
        if kind.only
    ]
    return any_of([*([_type(plain)] if plain else []), *told_apart])


def _type(types: Sequence[str]) -> Condition:
    return {"field": "type", "equals": types[0]} if len(types) == 1 else {"field": "type", "in": list(types)}


def mode_of(kinds: Iterable[AzureKind]) -> str:
    """The mode in which policies look at all of these."""
    return "Indexed" if all(kind.indexed for kind in kinds) else "All"


def accelerated(kind: AzureKind) -> Condition | None:
    """The resource is of this kind and has an accelerator; None where no policy can tell."""
    if kind.size:
        large = {"field": kind.size, "like": GPU_SIZES}
        if not kind.own:
            return all_of([of_types([kind]), large])
        own = {"field": kind.own[0], "equals": kind.own[1]}
        return all_of([of_types([kind]), _members(own, equals=1), _members(all_of([own, large]), equals=1)])
    if kind.gpu:
        return all_of([of_types([kind]), _members({"field": kind.gpu, "exists": "true"}, greater=0)])
    return None


def _members(where: Condition, **compared: int) -> Condition:
    """How many members of an array pass a test."""
    first = where["allOf"][0] if "allOf" in where else where
    array = first["field"].partition("[*]")[0]
    return {"count": {"field": f"{array}[*]", "where": where}, **compared}


def size(condition: Condition) -> int:
    """How many conditions it holds, as Azure counts them."""
    for key in ("allOf", "anyOf"):
        if key in condition:
            return sum(map(size, condition[key]))
    if "not" in condition:
        return size(condition["not"])
    where = condition["count"].get("where") if "count" in condition else None
    return 1 + (size(where) if where else 0)
