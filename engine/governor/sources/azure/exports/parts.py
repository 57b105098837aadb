"""Definitions and initiatives whose rule, members or parameters lie in files of their own.

The portal's export and the samples of Microsoft have a file with name and id, and beside it `policy.rules.json`,
`policy.parameters.json`, `policyset.definitions.json`… The file that has the name may have everything: then its own
counts, as it does for the action that deploys such folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from governor.sources.azure import ids
from governor.sources.azure.exports.found import Found, Raw
from governor.sources.azure.exports.objects import Fields

_PARTS = {"policyrule", "parameters", "policydefinitions", "policydefinitiongroups", "mode", "metadata", "$schema"}
_RULE = {"if", "then"}

NEEDED = {ids.DEFINITIONS: "policyRule", ids.INITIATIVES: "policyDefinitions"}
"""What makes a definition, or an initiative, whole."""


def is_part(keys: set[str]) -> bool:
    """Whether a file that has such keys, lower-case, may be a part of a definition or an initiative."""
    return keys == _RULE or (bool(keys & {"policyrule", "parameters", "policydefinitions"}) and keys <= _PARTS)


def is_whole(kind: str, raw: Raw) -> bool:
    """Whether an object has what its kind needs."""
    return _value(raw, NEEDED[kind]) is not None


def joined(
    heads: Sequence[tuple[str, Raw]], parts: Sequence[Raw], whole: Iterable[str], found: Found
) -> Iterator[tuple[str, Raw]]:
    """Whole objects, with their kinds: of heads and the parts beside them, and of rules that no head lies beside.

    `whole`: folders in which an object lies that needs no part.
    """
    beside: dict[str, list[Raw]] = {}
    for part in parts:
        beside.setdefault(_folder(part), []).append(part)
    lying: dict[str, list[tuple[str, Raw]]] = {}
    for kind, head in heads:
        lying.setdefault(_folder(head), []).append((kind, head))
    for folder, there in lying.items():
        for kind, head in there:
            one = _joined(kind, head, beside.get(folder, [])) if len(there) == 1 else None
            if one:
                yield kind, one
            else:
                found.gap(head, f"this has no {NEEDED[kind]}, and no file beside it has the one that is missing")
    taken = {*whole, *lying}
    for folder, left in beside.items():
        if folder not in taken:
            yield from ((ids.DEFINITIONS, rule) for part in left if (rule := _as_definition(part)))


def _joined(kind: str, head: Raw, parts: Sequence[Raw]) -> Raw | None:
    needed = NEEDED[kind]
    main = [part for part in map(_as_definition if kind == ids.DEFINITIONS else _same, parts) if part]
    main = [part for part in main if _value(part, needed) is not None]
    if len(main) != 1:
        return None
    value = {key: inner for key, inner in head.value.items() if key.lower() != "properties"}
    value |= next((inner for key, inner in head.value.items() if key.lower() == "properties"), None) or {}
    value[needed] = _value(main[0], needed)
    for other in ("parameters", "policyDefinitionGroups"):
        told = [inner for part in parts if (inner := _value(part, other)) is not None]
        if _value(head, other) is None and len(told) == 1:
            value[other] = told[0]
    return Raw(value, main[0].file, ())


def _same(part: Raw) -> Raw:
    return part


def _as_definition(part: Raw) -> Raw | None:
    """A part that has a rule, or is one."""
    if {key.lower() for key in part.value} == _RULE:
        return part._replace(value={"policyRule": part.value})
    return part if _value(part, "policyRule") is not None else None


def _value(raw: Raw, name: str) -> Any:
    return Fields(raw, Found()).value(name)


def _folder(raw: Raw) -> str:
    return os.path.dirname(raw.file.name)
