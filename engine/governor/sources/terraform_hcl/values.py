"""The values of Terraform's language: what Python has, and what it lacks: the unknown, the sensitive, the set.

Null is None, a number int or (exact) Fraction, a list or tuple a list, a map or object a dict. An unknown may stand
anywhere inside; nothing is ever guessed in its place.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from types import NoneType
from typing import Any

AFTER_APPLY = "known after apply"


class Fault(Exception):  # noqa: N818
    """An expression that Terraform would refuse, or that is not evaluated here: its value is not known."""


class Missing(Fault):
    """What is asked for is not there, and Terraform would say so, too: `try` takes its next argument."""


class Unknown:
    """A value that the code alone does not tell, and why."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Sensitive:
    """A value that is marked sensitive."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Lazy:
    """A resource, or a module: its attributes are asked for one by one, and as a whole it is not known."""

    __slots__ = ("attribute", "name")

    def __init__(self, name: str, attribute: Callable[[str], Any]) -> None:
        self.name = name
        self.attribute = attribute


class Set(list[Any]):
    """Sorted, each value once."""


def set_of(found: Iterable[Any]) -> Set:
    """The set of values that are all primitives. Raises Fault for others."""
    unique: dict[tuple[type, Any], Any] = {}
    for value in found:
        if value is None or isinstance(value, (list, dict)):
            raise Fault("a set of collections is not evaluated")
        unique[type(value), value] = value
    kinds = {kind_of(value) for value in unique.values()}
    if len(kinds) > 1 and str not in kinds:
        raise Fault("elements of one type are wanted")
    if len(kinds) > 1:
        return Set(sorted({as_string(value) for value in unique.values()}))
    return Set(sorted(unique.values()))


def joined(parts: Iterable[str], separator: str = "") -> str:
    """Texts as one. Raises Fault when it would be too large."""
    texts = list(parts)
    if sum(map(len, texts)) + len(separator) * len(texts) > LARGEST:
        raise Fault("it is too large")
    return normal(separator.join(texts))


def kind_of(value: Any) -> type:
    """The type of a primitive; every number is int."""
    if value is None:
        return NoneType
    return str if isinstance(value, str) else bool if isinstance(value, bool) else int


def kinds_inside(value: Any) -> set[type]:
    """The types of all primitives that are known in a value, null aside."""
    if isinstance(value, Sensitive):
        return kinds_inside(value.value)
    if isinstance(value, (list, dict)):
        parts = value.values() if isinstance(value, dict) else value
        return {kind for part in parts for kind in kinds_inside(part)}
    return set() if value is None or isinstance(value, (Unknown, Lazy)) else {kind_of(value)}


def marked(value: Any) -> Sensitive:
    """The value, marked once."""
    return value if isinstance(value, Sensitive) else Sensitive(value)


def unmarked(value: Any) -> tuple[Any, bool]:
    """(the value without marks at any depth, whether there were any)."""
    if isinstance(value, Sensitive):
        return unmarked(value.value)[0], True
    if isinstance(value, dict):
        parts = {key: unmarked(item) for key, item in value.items()}
        return {key: part for key, (part, _) in parts.items()}, any(mark for _, mark in parts.values())
    if isinstance(value, list):
        found = [unmarked(item) for item in value]
        return type(value)(part for part, _ in found), any(mark for _, mark in found)
    return value, False


def unknown_in(value: Any) -> Unknown | None:
    """The first unknown anywhere inside a value."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Lazy):
        return Unknown(AFTER_APPLY)
    if isinstance(value, Sensitive):
        return unknown_in(value.value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := unknown_in(part))), None)


LARGEST = 1_000_000
"""Characters and elements of a value: beyond, it is not built, and so not known."""


def size_of(value: Any) -> int:
    """Characters and elements. Raises Fault for more than any code needs: each name may hold its predecessor twice."""
    left = LARGEST
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Sensitive):
            part = part.value
        if isinstance(part, (dict, list)):
            waiting.extend(part.values() if isinstance(part, dict) else part)
        left -= len(part) + 1 if isinstance(part, (dict, list, str)) else 1
        if left < 0:
            raise Fault("it is too large")
    return LARGEST - left


def normal(text: str) -> str:
    """Text as Terraform keeps it: in Unicode's normal form C, without halves of characters."""
    return text if text.isascii() else unicodedata.normalize("NFC", _HALVES.sub("\ufffd", text))


_HALVES = re.compile("[\ud800-\udfff]")


def as_string(value: Any) -> str:
    """A primitive as Terraform writes it in a string. Raises Fault."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Fraction):
        return _decimal(value)
    raise Fault("a string is wanted")


def _decimal(value: Fraction) -> str:
    scale, rest = 0, value.denominator
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest, power = rest // prime, power + 1
        scale = max(scale, power)
    if rest != 1 or scale > 30:
        raise Fault("a number without an end is not evaluated")
    digits = str(abs(value.numerator) * 10**scale // value.denominator).rjust(scale + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-scale]}.{digits[-scale:]}" if scale else str(value.numerator)


def as_number(value: Any) -> int | Fraction:
    """A number, also when it is written as text. Raises Fault."""
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return number_of(value)
    raise Fault("a number is wanted")


def number_of(text: str) -> int | Fraction:
    """The number that a text writes."""
    if not _NUMBER.fullmatch(text):
        raise Fault("a number is wanted")
    found = whole(Fraction(text))
    return negated(-found) if text.startswith("-") else found


_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?")


def whole(number: int | Fraction) -> int | Fraction:
    """A whole number as int. Raises Fault for more digits than JSON's readers keep, or Terraform (512 bits)."""
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > (63 if number.denominator == 1 else 500):
        raise Fault("a number that long is not evaluated")
    return number.numerator if number.denominator == 1 else number


def negated(number: int | Fraction) -> int | Fraction:
    """The number below zero. Raises Fault for zero, which Terraform writes as -0."""
    if number == 0:
        raise Fault("-0 is not evaluated")
    return -number


def exact(value: Any) -> int | Fraction:
    """A number to calculate with. Raises Fault for one like 0.1, which Terraform rounds: it counts in powers of two."""
    number = as_number(value)
    if number.denominator & (number.denominator - 1):
        raise Fault("calculating with decimal fractions is not evaluated")
    return number


def as_bool(value: Any) -> bool:
    """A boolean, also when it is written as text. Raises Fault."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false") and isinstance(value, str):
        return value == "true"
    raise Fault("true or false is wanted")


def as_index(value: Any) -> int:
    """A whole number ≥ 0. Raises Fault."""
    number = as_number(value)
    if not isinstance(number, int) or number < 0:
        raise Fault("a whole number is wanted")
    return number


def attribute(value: Any, name: str) -> Any:
    """`value.name`. Raises Fault where there is none."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        raise Missing(f"there is no attribute {name}")
    if isinstance(value, Lazy):
        return value.attribute(name)
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Sensitive):
        return marked(attribute(value.value, name))
    raise Missing(f"there is no attribute {name}")


def item(value: Any, key: Any) -> Any:
    """`value[key]`. Raises Fault where there is none."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Sensitive) or isinstance(key, Sensitive):
        return marked(item(unmarked_top(value), unmarked_top(key)))
    if isinstance(key, Unknown):
        return key
    if isinstance(value, Set):
        raise Missing("a set has no indexes")
    if isinstance(value, list):
        position = as_index(key)
        if position < len(value):
            return value[position]
        raise Missing("there is no such element")
    if isinstance(value, dict):
        name = as_string(key)
        if name in value:
            return value[name]
        raise Missing("there is no such key")  # which one may be a secret
    return attribute(value, as_string(key))


def unmarked_top(value: Any) -> Any:
    """The value itself, marked or not; what is inside stays as it is."""
    return value.value if isinstance(value, Sensitive) else value


def pairs(value: Any) -> Iterator[tuple[Any, Any]]:
    """What `for k, v in value` goes through. Raises Fault for what is no collection."""
    if isinstance(value, Set):
        yield from ((element, element) for element in value)
    elif isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, dict):
        yield from sorted(value.items())
    else:
        raise Fault("a collection is wanted")


def plain(value: Any) -> Any:
    """A known, unmarked value as JSON has it."""
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value


def of_json(text: str | bytes) -> Any:
    """What JSON holds, as a value of Terraform. Raises ValueError or RecursionError for what is no JSON."""
    return normal_inside(json.loads(text, parse_int=_digits, parse_float=_digits, parse_constant=_digits))


def _digits(text: str) -> Any:
    try:
        return number_of(text)
    except Fault as fault:
        return Unknown(f"{fault}")


def normal_inside(value: Any) -> Any:
    """The value with all text in it as Terraform keeps text."""
    if isinstance(value, str):
        return normal(value)
    if isinstance(value, dict):
        return {normal(key): normal_inside(part) for key, part in value.items()}
    if isinstance(value, list):
        return type(value)(normal_inside(part) for part in value)
    return value
