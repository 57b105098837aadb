"""The 19 operators of conditions, in two semantics.

`documented` follows Microsoft's documentation and its linter; `regorus` follows microsoft/regorus where that differs:
it coerces where the documentation fails, and folds by Unicode's full rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from governor.azure_model import Unknown, unknown_in
from governor.languages.azure_policy.syntax import truth

Semantics = Literal["documented", "regorus"]


class Doubt(Struct, frozen=True):
    """Neither true nor false."""

    error: bool
    """Whether evaluation fails, which Azure takes for a denial; else something is not known."""
    reason: str


Truth = bool | Doubt
Test = Callable[[Any], Truth]
"""A left side's value in, whether the condition holds out."""


def comparison(operator: str, right: Any, semantics: Semantics) -> Test:
    """The test of an operator (lower-case) with what it compares with. Raises ValueError for what it cannot."""
    return (_DOCUMENTED if semantics == "documented" else _REGORUS)[operator](right)


_FOUND = {"contains": True, "notcontains": False, "in": True, "notin": False}
"""What the operators that seek something say when it is found: what else there is does not matter then."""
_KEYS = frozenset({"exists", "containskey", "notcontainskey"})
"""Operators that ask for no values."""


def partly(operator: str, test: Test, left: Any) -> Truth:
    """What a test says of an array or an object, parts of which may not be known."""
    unknown = None if operator in _KEYS else unknown_in(left)
    return test(left) if unknown is None else _unless_found(operator, test, left, unknown)


def partly_right(operator: str, right: list[Any] | dict[str, Any], unknown: Unknown, semantics: Semantics) -> Test:
    """The test of an operator that compares with an array or an object, parts of which are not known."""
    doubt = Doubt(False, unknown.reason)
    if operator not in ("in", "notin") or type(right) is not list:
        return lambda left: doubt
    test = comparison(operator, [item for item in right if unknown_in(item) is None], semantics)
    return lambda left: _unless_found(operator, test, left, unknown)


def _unless_found(operator: str, test: Test, left: Any, unknown: Unknown) -> Truth:
    held = test(left)
    return held if held is _FOUND.get(operator) else Doubt(False, unknown.reason)


def negated(made: Callable[[Any], Test]) -> Callable[[Any], Test]:
    """The operator that is true where another is false."""

    def make(right: Any) -> Test:
        holds = made(right)

        def test(left: Any) -> Truth:
            held = holds(left)
            return not held if held is True or held is False else held

        return test

    return make


def plain(value: Any) -> str | None:
    """A value as a string, as the documentation compares it; None for arrays and objects."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    return None if kind is list or kind is dict else repr(value)


def _folded(value: Any) -> Any:
    """A value to compare as a whole, without case."""
    if type(value) is dict:
        return {key.lower(): _folded(item) for key, item in value.items()}
    if type(value) is list:
        return [_folded(item) for item in value]
    text = plain(value)
    return text.lower() if text is not None else value


def _fails(reason: str) -> Test:
    doubt = Doubt(True, reason)
    return lambda left: doubt


def _equals(right: Any) -> Test:
    if right is None:
        return _fails("compared with null")
    if type(right) is list or type(right) is dict:
        whole = _folded(right)
        return lambda left: type(left) is type(right) and _folded(left) == whole
    wanted = (plain(right) or "").lower()
    instant = _instant(wanted)

    def test(left: Any) -> Truth:
        if type(left) is str:
            return left.lower() == wanted
        text = plain(left)
        return text is not None and text.lower() == wanted

    if instant is None:
        return test
    # Moments are equal however many digits of a second they are written with.
    return lambda left: test(left) is True or (type(left) is str and _instant(left) == instant)


def _instant(text: str) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()).replace("Z", "+00:00"))
    except ValueError:
        return None


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


def _in(right: Any) -> Test:
    if right is None:
        return _fails("`in` null")
    if type(right) is not list:
        raise ValueError("`in` takes an array")
    wanted = frozenset(text.lower() for text in map(plain, right) if text is not None)
    wholes = [_folded(item) for item in right if type(item) is list or type(item) is dict]

    def test(left: Any) -> Truth:
        if type(left) is str:
            return left.lower() in wanted
        text = plain(left)
        return text.lower() in wanted if text is not None else _folded(left) in wholes

    return test


def _glob(pattern: str, joker: bool) -> Callable[[str], bool]:
    """Whether a text is like a pattern: `*` any run, with `joker` `?` one character. Both in one case.

    Linear: each part is sought once, after the one before it."""
    first, *others = pattern.split("*")
    if not joker or "?" not in pattern:
        if not others:
            return lambda text: text == first
        *middle, last = others
        if not any(middle):
            least = len(first) + len(last)
            return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)

    def compiled(part: str) -> re.Pattern[str]:
        return re.compile("".join("." if joker and sign == "?" else re.escape(sign) for sign in part), re.DOTALL)

    head, parts, size = compiled(first), [compiled(part) for part in others[:-1]], len(others[-1]) if others else 0
    tail = compiled(others[-1]) if others else None

    def holds(text: str) -> bool:
        if tail is None:
            return head.fullmatch(text) is not None
        if not (found := head.match(text)):
            return False
        at = found.end()
        for part in parts:
            if not (found := part.search(text, at)):
                return False
            at = found.end()
        return len(text) - size >= at and tail.fullmatch(text, len(text) - size) is not None

    return holds


def _like(right: Any) -> Test:
    if right is None:
        return _fails("`like` null")
    if type(right) is not str:
        raise ValueError("`like` takes a string")
    holds = _glob(right.lower(), joker=False)
    # What is missing is like nothing, not even like `*`: built-in policies ask so whether something is there.
    return lambda left: left is not None and (text := plain(left)) is not None and holds(text.lower())


def _match(sensitive: bool) -> Callable[[Any], Test]:
    def make(right: Any) -> Test:
        if right is None:
            return _fails("`match` null")
        if type(right) is not str:
            raise ValueError("`match` takes a string")
        signs = {"#": "[0-9]", "?": "[A-Za-z]", ".": "."}
        pattern = "".join(signs.get(sign) or re.escape(sign) for sign in right)
        compiled = re.compile(pattern, re.DOTALL if sensitive else re.DOTALL | re.IGNORECASE)
        return lambda left: (
            left is not None and (text := plain(left)) is not None and compiled.fullmatch(text) is not None
        )

    return make


def _contains(right: Any) -> Test:
    if right is None:
        return _fails("`contains` null")
    part = plain(right)
    if part is None:
        whole = _folded(right)
        return lambda left: type(left) is list and whole in [_folded(item) for item in left]
    part = part.lower()

    def test(left: Any) -> Truth:
        if type(left) is str:
            return part in left.lower()
        if type(left) is list:
            return any((text := plain(item)) is not None and text.lower() == part for item in left)
        return left is not None and (text := plain(left)) is not None and part in text.lower()

    return test


def _contains_key(right: Any) -> Test:
    if right is None:
        return _fails("`containsKey` null")
    if type(right) is not str:
        raise ValueError("`containsKey` takes a string")
    wanted = right.lower()
    return lambda left: type(left) is dict and any(key.lower() == wanted for key in left)


def _orders(operator: str) -> Callable[[Any], Test]:
    holds = _ORDERS[operator]

    def make(right: Any) -> Test:
        if type(right) is str:
            wanted = right.lower()

            def text(left: Any) -> Truth:
                if type(left) is str:
                    return holds(left.lower(), wanted)
                return Doubt(True, f"{_name(left)} is compared by order with a string")

            return text
        if type(right) is int or type(right) is float:

            def number(left: Any) -> Truth:
                if type(left) is int or type(left) is float:
                    return holds(left, right)
                return Doubt(True, f"{_name(left)} is compared by order with a number")

            return number
        return _fails(f"compared by order with {_name(right)}")

    return make


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "less": lambda left, right: left < right,
    "lessorequals": lambda left, right: left <= right,
    "greater": lambda left, right: left > right,
    "greaterorequals": lambda left, right: left >= right,
}


def _exists(right: Any) -> Test:
    if right is None:
        return _fails("`exists` null")
    wanted = truth(right)
    if wanted is None:
        raise ValueError("`exists` takes true or false")
    return (lambda left: left is not None) if wanted else (lambda left: left is None)


def _name(value: Any) -> str:
    if value is None:
        return "what is missing"
    names = {bool: "a boolean", list: "an array", dict: "an object", str: "a string"}
    return names.get(type(value), "a number")


# What regorus does otherwise.


def _loose_equal(left: Any, right: Any) -> bool:
    """Numbers equal the strings that write them, booleans theirs, null the empty string."""
    if left is None or right is None:
        other = right if left is None else left
        return other is None or other == ""
    kinds = type(left), type(right)
    if kinds == (str, str):
        return left.casefold() == right.casefold()  # type: ignore[no-any-return]
    if bool in kinds:
        one, other = plain(left), plain(right)
        return one is not None and other is not None and one.casefold() == other.casefold()
    numbers = _number(left), _number(right)
    if None not in numbers:
        return numbers[0] == numbers[1]
    if list in kinds or dict in kinds:
        return kinds[0] is kinds[1] and _equal_wholes(left, right)
    return False


def _equal_wholes(left: Any, right: Any) -> bool:
    if type(left) is list:
        return len(left) == len(right) and all(_loose_equal(one, other) for one, other in zip(left, right, strict=True))
    return left.keys() == right.keys() and all(_loose_equal(left[key], right[key]) for key in left)


def _number(value: Any) -> float | int | None:
    if type(value) is str:
        try:
            return float(value) if re.fullmatch(r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*", value) else None
        except ValueError:
            return None
    return value if type(value) is int or type(value) is float else None


def _loose_contains(right: Any) -> Test:
    def test(left: Any) -> Truth:
        if type(left) is list:
            return any(_loose_equal(item, right) for item in left)
        if type(left) is dict:
            return type(right) is str and any(key.casefold() == right.casefold() for key in left)
        whole, part = plain(left), plain(right)
        if left is None or whole is None or part is None:
            return False
        return part.casefold() in whole.casefold()

    return test


def _loose_like(right: Any) -> Test:
    text = plain(right)
    if text is None:
        return lambda left: False
    holds = _glob(text.casefold(), joker=True)
    return lambda left: left is not None and (text := plain(left)) is not None and holds(text.casefold())


def _loose_match(sensitive: bool) -> Callable[[Any], Test]:
    strict = _match(sensitive)
    return lambda right: strict(right) if type(right) is str else (lambda left: False)


def _loose_orders(operator: str) -> Callable[[Any], Test]:
    holds = _ORDERS[operator]

    def make(right: Any) -> Test:
        def test(left: Any) -> Truth:
            if type(left) is str and type(right) is str:
                return holds(left.casefold(), right.casefold())
            if type(left) is bool or type(right) is bool:
                return False
            numbers = _number(left), _number(right)
            return None not in numbers and holds(*numbers)

        return test

    return make


def _and_opposites(operators: dict[str, Callable[[Any], Test]]) -> dict[str, Callable[[Any], Test]]:
    return operators | {f"not{name}": negated(operator) for name, operator in operators.items()}


_DOCUMENTED: dict[str, Callable[[Any], Test]] = {
    **_and_opposites(
        {
            "equals": _equals,
            "like": _like,
            "match": _match(True),
            "matchinsensitively": _match(False),
            "contains": _contains,
            "in": _in,
            "containskey": _contains_key,
        }
    ),
    "exists": _exists,
    **{operator: _orders(operator) for operator in _ORDERS},
}


def _any_equal(right: Any) -> Test:
    wanted: Sequence[Any] = right if type(right) is list else [right]
    return lambda left: left is not None and any(_loose_equal(left, item) for item in wanted)


def _loose_equals(right: Any) -> Test:
    return lambda left: _loose_equal(left, right)


def _loose_key(right: Any) -> Test:
    wanted = plain(right)
    return lambda left: (
        type(left) is dict and wanted is not None and any(key.casefold() == wanted.casefold() for key in left)
    )


def _loose_exists(right: Any) -> Test:
    wanted = truth(right) is True
    return lambda left: (left is not None) is wanted


_REGORUS: dict[str, Callable[[Any], Test]] = {
    **_and_opposites(
        {
            "equals": _loose_equals,
            "like": _loose_like,
            "match": _loose_match(True),
            "matchinsensitively": _loose_match(False),
            "contains": _loose_contains,
            "in": _any_equal,
            "containskey": _loose_key,
        }
    ),
    "exists": _loose_exists,
    **{operator: _loose_orders(operator) for operator in _ORDERS},
}


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "…"
