"""Small readers of values that may hold anything: a wrong shape reads as absent, never as an exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec


def text(value: Any) -> str | None:
    """A non-empty string, else None."""
    return value if isinstance(value, str) and value else None


def as_text(value: Any) -> str:
    """A value as Terraform would write it in a map of strings."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list, else an empty one."""
    return value if isinstance(value, list) else []


def block(value: Any) -> Mapping[str, Any]:
    """The first (often only) nested block of a list of blocks; some providers write the block itself."""
    return mapping(value[0]) if isinstance(value, list) and value else mapping(value)


def blocks(value: Any) -> list[Mapping[str, Any]]:
    """All nested blocks."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> int | None:
    """A whole number ≥ 0, also when it is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**9 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and 0 <= value < 10**9 else None
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None


def amount(value: Any) -> Decimal | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def at(value: Any, path: str) -> Any:
    """The value at `a.0.b`; None where the path ends early."""
    if isinstance(value, dict) and "." not in path:
        return value.get(path)
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def is_unknown(unknown: Any, path: str) -> bool:
    """Whether `after_unknown` marks the path, or something it lies in."""
    if isinstance(unknown, dict) and "." not in path:
        return unknown.get(path) is True
    for step in path.split("."):
        if unknown is True:
            return True
        if isinstance(unknown, dict):
            unknown = unknown.get(step)
        elif isinstance(unknown, list) and step.isdigit():
            unknown = unknown[int(step)] if int(step) < len(unknown) else None
        else:
            return False
    return unknown is True


def marked(marks: Any, value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every (path, value) of `value` that a tree of sensitivity marks covers."""
    if marks is True:
        yield path, value
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            if mark and key in value:
                yield from marked(mark, value[key], f"{path}.{key}" if path else key)
    elif isinstance(marks, list) and isinstance(value, list):
        for position, (mark, item) in enumerate(zip(marks, value, strict=False)):
            if mark:
                yield from marked(mark, item, f"{path}.{position}" if path else str(position))


def strings(value: Any) -> Iterator[str]:
    """Every string in a value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
