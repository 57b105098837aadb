"""Functions that compare and decide. All arguments are here already: who evaluates lazily does so before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from typing import Any

from governor.arm.functions.numbers import number, to_float
from governor.arm.functions.values import (
    Function,
    TemplateError,
    by_name,
    collated,
    number_text,
    refused,
    same,
    text_or_null,
)
from governor.azure_model import Unknown


def equals(arguments: Sequence[Any]) -> bool:
    """The same JSON, case counts; numbers by their value."""
    one, other = arguments
    if type(one) in (int, float) and type(other) in (int, float):
        return bool(one == other)
    return same("equals", one, other)


def _ordered(function: str, holds: Callable[[Any, Any], bool]) -> Callable[[Sequence[Any]], bool]:
    """Texts, with null for an empty one, by the invariant culture with case; numbers by value."""

    def compared(arguments: Sequence[Any]) -> bool:
        one, other = arguments
        if type(one) is str or type(other) is str or one is None or other is None:
            return holds(collated(text_or_null(function, one)), collated(text_or_null(function, other)))
        return holds(number(function, one), number(function, other))

    return compared


def _boolean(function: str, value: Any) -> bool:
    if type(value) is bool:
        return value
    raise refused(function, value, "boolean")


def both(arguments: Sequence[Any]) -> bool:
    values = [_boolean("and", argument) for argument in arguments]
    return all(values)


def either(arguments: Sequence[Any]) -> bool:
    values = [_boolean("or", argument) for argument in arguments]
    return any(values)


def opposite(arguments: Sequence[Any]) -> bool:
    return not _boolean("not", arguments[0])


def choose(arguments: Sequence[Any]) -> Any:
    condition, then, otherwise = arguments
    return then if _boolean("if", condition) else otherwise


def coalesce(arguments: Sequence[Any]) -> Any:
    """The first that is not null."""
    return next((argument for argument in arguments if argument is not None), None)


# Regorus answers with the operators of conditions: without case, and with text that reads as a number.


def _loosely_equal(one: Any, other: Any) -> bool:
    _known("equals", one, other)
    if one is None or other is None:
        return (one or "") == (other or "") if type(one or "") is type(other or "") is str else False
    if type(one) is str and type(other) is str:
        return one.casefold() == other.casefold()
    if type(one) is str:
        one, other = other, one
    if type(other) is str:
        if type(one) is bool:
            return other.lower() == ("true" if one else "false")
        read = _as_number(other)
        return read is not None and type(one) in (int, float) and read == one
    return equals((one, other))


def _loosely_ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Sequence[Any]], bool]:
    def compared(arguments: Sequence[Any]) -> bool:
        one, other = arguments
        _known("compare", one, other)
        if type(one) is str and type(other) is str:
            return holds(one.casefold(), other.casefold())
        if type(one) is bool and type(other) is bool:
            return holds(one, other)
        one, other = (_as_number(value) if type(value) is str else value for value in (one, other))
        return type(one) in (int, float) and type(other) in (int, float) and holds(one, other)

    return compared


def _as_number(text: str) -> float | None:
    try:
        return to_float((text,))
    except TemplateError:
        return None


def _known(function: str, *values: Any) -> None:
    for value in values:
        if type(value) is Unknown:
            raise refused(function, value, "JSON value")


def _loosely_contains(arguments: Sequence[Any]) -> bool:
    held, sought = arguments
    _known("contains", held, sought)
    if type(held) is list:
        return any(_loosely_equal(item, sought) for item in held)
    one, other = _as_text(held), _as_text(sought)
    return one is not None and other is not None and other.casefold() in one.casefold()


def _as_text(value: Any) -> str | None:
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, float):
        return number_text("contains", value)
    return value if type(value) is str else None


def _true(value: Any) -> bool:
    _known("if", value)
    return value is True


_BOTH = by_name(
    [
        Function("coalesce", coalesce, 1, None),
        Function("true", lambda arguments: True, 0, 0),
        Function("false", lambda arguments: False, 0, 0),
    ]
)

DOCUMENTED = _BOTH | by_name(
    [
        Function("equals", equals, 2, 2),
        Function("less", _ordered("less", lt), 2, 2),
        Function("lessOrEquals", _ordered("lessOrEquals", le), 2, 2),
        Function("greater", _ordered("greater", gt), 2, 2),
        Function("greaterOrEquals", _ordered("greaterOrEquals", ge), 2, 2),
        Function("and", both, 2, None),
        Function("or", either, 2, None),
        Function("not", opposite, 1, 1),
        Function("if", choose, 3, 3),
        Function("null", lambda arguments: None, 0, 0),
    ]
)

REGORUS = _BOTH | by_name(
    [
        Function("equals", lambda arguments: _loosely_equal(*arguments), 2, 2),
        Function("less", _loosely_ordered(lt), 2, 2),
        Function("lessOrEquals", _loosely_ordered(le), 2, 2),
        Function("greater", _loosely_ordered(gt), 2, 2),
        Function("greaterOrEquals", _loosely_ordered(ge), 2, 2),
        Function("contains", _loosely_contains, 2, 2),
        Function("and", lambda arguments: all(map(_true, arguments)), 0, None),
        Function("or", lambda arguments: any(map(_true, arguments)), 0, None),
        Function("not", lambda arguments: not _true(arguments[0]), 1, 1),
        Function("if", lambda arguments: arguments[1] if _true(arguments[0]) else arguments[2], 3, 3),
    ]
)
