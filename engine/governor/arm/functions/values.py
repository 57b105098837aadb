"""What the functions share: errors, kinds of values, equality, order and text of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from governor.azure_model import Unknown

LONGEST = 131_072
"""Characters of a text that a function may return: Microsoft's limit."""

_LEAST, _MOST = -(2**63), 2**63 - 1

MISSING: Any = object()
"""What `member` gives for what is not there."""

_SHOWN = 60


class TemplateError(Exception):
    """A call that fails, in one line: `add: 'a' is no whole number`."""


class NotComputed(TemplateError):  # noqa: N818
    """What governor does not work out, or cannot know yet: the answer is unknown, not wrong."""


class Function(NamedTuple):
    """A function of templates. Called itself it counts the arguments and looks whether they are known; `call` is for
    whoever did both."""

    name: str
    """As Microsoft writes it."""
    call: Callable[[Sequence[Any]], Any]
    least: int
    """How many arguments it takes."""
    most: int | None
    """None: any number."""

    def __call__(self, arguments: Sequence[Any]) -> Any:
        if not self.takes(len(arguments)):
            raise TemplateError(f"{self.name}: takes {self.arity}, not {len(arguments)}")
        for argument in arguments:
            if type(argument) is Unknown:
                raise refused(self.name, argument, "JSON value")
        return self.call(arguments)

    def takes(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    @property
    def arity(self) -> str:
        """`2 arguments`, `1 to 3 arguments`, `at least 2 arguments`."""
        if self.most is None:
            number = f"at least {self.least}"
        else:
            number = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{number} argument{'s' * (number not in ('1', 'at least 1'))}"


def by_name(functions: Iterable[Function]) -> dict[str, Function]:
    return {function.name.lower(): function for function in functions}


def shown(value: Any) -> str:
    """A value as messages show it: whole or not at all, so that a secret in it is found and struck out."""
    if isinstance(value, str):
        whole = len(value) <= _SHOWN and value.isprintable()
        return f"'{value}'" if whole else f"a text of {len(value)} characters"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "an object"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) if isinstance(value, float) or _LEAST <= value <= _MOST else "a number of many digits"


def refused(function: str, value: Any, wanted: str) -> TemplateError:
    """`function: value is no wanted`; what is not known yet is not wrong."""
    if isinstance(value, Unknown):
        return NotComputed(f"{function}: a value is not known: {value.reason}")
    return TemplateError(f"{function}: {shown(value)} is no {wanted}")


def too_deep(function: str) -> TemplateError:
    return TemplateError(f"{function}: a value is nested too deeply")


def text_of(function: str, value: Any) -> str:
    if type(value) is str:
        return value
    raise refused(function, value, "text")


def text_or_null(function: str, value: Any) -> str:
    """Null counts as empty text, as in Microsoft's functions."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise refused(function, value, "text")


def whole(function: str, value: Any) -> int:
    if type(value) is int and _LEAST <= value <= _MOST:
        return value
    raise refused(function, value, "whole number" if type(value) is not int else "whole number of 64 bits")


def long(function: str, value: int) -> int:
    """A number that 64 bits hold."""
    if _LEAST <= value <= _MOST:
        return value
    raise TemplateError(f"{function}: the result has more than 64 bits")


def limited(function: str, text: str) -> str:
    within(function, len(text))
    return text


def within(function: str, length: int) -> None:
    if length > LONGEST:
        raise TemplateError(f"{function}: the result has more than {LONGEST:,} characters")


def encoded(function: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise TemplateError(f"{function}: the text holds half a character (a lone surrogate)") from None


def json_of(function: str, value: Any) -> str:
    """Compact JSON, characters as they are."""

    def of_others(other: Any) -> NoReturn:
        raise refused(function, other, "JSON value")

    try:
        return limited(function, json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=of_others))
    except RecursionError:
        raise too_deep(function) from None
    except (ValueError, TypeError):
        raise TemplateError(f"{function}: {shown(value)} cannot be written as JSON") from None


def number_text(function: str, value: float) -> str:
    """A number as .NET writes it in the invariant culture: the shortest text that reads back as it."""
    if type(value) is float and not (value.is_integer() and abs(value) < 1e15):
        return repr(value).upper()
    try:
        return str(int(value))
    except ValueError:
        raise TemplateError(f"{function}: the number has too many digits") from None


def same(function: str, one: Any, other: Any) -> bool:
    """Whether two values are the same JSON, in kind and case of letters. An Unknown that decides is NotComputed."""
    try:
        return _same(function, one, other)
    except RecursionError:
        raise too_deep(function) from None


def _same(function: str, one: Any, other: Any) -> bool:
    kind = type(one)
    if kind is Unknown or type(other) is Unknown:
        raise refused(function, one if kind is Unknown else other, "JSON value")
    if kind is not type(other):
        return False
    if kind is list:
        return len(one) == len(other) and all(_same(function, a, b) for a, b in zip(one, other, strict=True))
    if kind is dict:
        return one.keys() == other.keys() and all(_same(function, value, other[key]) for key, value in one.items())
    return bool(one == other)


def identity(function: str, value: Any) -> Any:
    """Something hashable that is equal for the same JSON only."""
    try:
        return _identity(function, value)
    except RecursionError:
        raise too_deep(function) from None


def _identity(function: str, value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value
    if kind is list:
        return (kind, tuple([_identity(function, item) for item in value]))
    if kind is dict:
        return (kind, frozenset([(key, _identity(function, item)) for key, item in value.items()]))
    if kind is Unknown:
        raise refused(function, value, "JSON value")
    return (kind, value)


def member(value: Mapping[str, Any], name: str) -> Any:
    """A member of an object by its name in any case, or MISSING."""
    found = value.get(name, MISSING)
    if found is MISSING:
        folded = name.casefold()
        for key, candidate in value.items():
            if key.casefold() == folded:
                return candidate
    return found


_ORDER = {
    ord(character): chr(rank + 1)
    for rank, character in enumerate("_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz", 31)
}
"""Marks, digits, letters: how the invariant culture orders them (Unicode's root collation), which ASCII does not."""


def collated(text: str) -> tuple[str, str]:
    """A key that orders texts as .NET's invariant culture does: letters first, then small ones before capitals.

    `collated(text)[0]` alone leaves case out. Beyond ASCII the order is that of code points.
    """
    return text.casefold().translate(_ORDER), text.swapcase()


def or_false(call: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """The same function for those who say false where it fails."""

    def lenient(arguments: Sequence[Any]) -> Any:
        try:
            return call(arguments)
        except NotComputed:
            raise
        except TemplateError:
            return False

    return lenient
