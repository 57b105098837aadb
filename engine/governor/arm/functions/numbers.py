"""Functions on numbers: whole ones of 64 bits, and those with decimals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from governor.arm.functions.values import Function, TemplateError, by_name, long, refused, whole

_MOST = 10_000
"""Numbers of range(): Microsoft's limit."""

_DECIMAL = frozenset("0123456789.eE+-")


def add(arguments: Sequence[Any]) -> int:
    one, other = arguments
    return long("add", whole("add", one) + whole("add", other))


def sub(arguments: Sequence[Any]) -> int:
    one, other = arguments
    return long("sub", whole("sub", one) - whole("sub", other))


def mul(arguments: Sequence[Any]) -> int:
    one, other = arguments
    return long("mul", whole("mul", one) * whole("mul", other))


def div(arguments: Sequence[Any]) -> int:
    """Without the remainder, towards zero."""
    one, other = _divided("div", arguments)
    return long("div", abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1))


def mod(arguments: Sequence[Any]) -> int:
    """With the sign of the number that is divided."""
    one, other = _divided("mod", arguments)
    return long("mod", abs(one) % abs(other) * (-1 if one < 0 else 1))


def _divided(function: str, arguments: Sequence[Any]) -> tuple[int, int]:
    one, other = (whole(function, argument) for argument in arguments)
    if other == 0:
        raise TemplateError(f"{function}: nothing can be divided by zero")
    return one, other


def number(function: str, value: Any) -> float:
    if type(value) is int or type(value) is float:
        return value
    raise refused(function, value, "number")


def _lenient(function: str, work: Callable[[Any, Any], Any]) -> Callable[[Sequence[Any]], Any]:
    """Takes numbers with decimals, too."""

    def worked(arguments: Sequence[Any]) -> Any:
        one, other = (number(function, argument) for argument in arguments)
        try:
            result = work(one, other)
        except OverflowError:
            result = math.inf
        if type(result) is int:
            return long(function, result)
        if not math.isfinite(result):
            raise TemplateError(f"{function}: the result is no number")
        return result

    return worked


def truncating(call: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """The same function for those who cut the decimals off their numbers."""

    def cut(arguments: Sequence[Any]) -> Any:
        return call([int(value) if type(value) is float and math.isfinite(value) else value for value in arguments])

    return cut


def smallest(arguments: Sequence[Any]) -> float:
    return min(_numbers("min", arguments))


def largest(arguments: Sequence[Any]) -> float:
    return max(_numbers("max", arguments))


def _numbers(function: str, arguments: Sequence[Any]) -> Sequence[float]:
    values = arguments[0] if len(arguments) == 1 and type(arguments[0]) is list else arguments
    if not values:
        raise TemplateError(f"{function}: the array is empty")
    return [number(function, value) for value in values]


def count_up(arguments: Sequence[Any]) -> list[int]:
    start, count = (whole("range", argument) for argument in arguments)
    if not 0 <= count <= _MOST:
        raise TemplateError(f"range: it counts from 0 to {_MOST:,} numbers")
    if not -(2**31) <= start <= 2**31 - count:
        raise TemplateError("range: its numbers have no more than 32 bits")
    return list(range(start, start + count))


def to_int(arguments: Sequence[Any]) -> int:
    """Decimals are cut off, of a text as of a number."""
    value = arguments[0]
    if type(value) is str:
        value = _read("int", value)
    elif type(value) is not int and type(value) is not float:
        raise refused("int", value, "number")
    if type(value) is float and not math.isfinite(value):
        raise TemplateError("int: the number is not finite")
    return long("int", int(value))


def to_float(arguments: Sequence[Any]) -> float:
    value = arguments[0]
    try:
        found = float(_read("float", value) if type(value) is str else number("float", value))
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise TemplateError("float: the number is not finite")
    return found


def _read(function: str, text: str) -> float:
    """The number that a text holds, with blanks around it: nothing that only Python reads as one."""
    bare = text.strip()
    if len(bare) <= 400 and _DECIMAL.issuperset(bare):
        try:
            return float(bare) if "." in bare or "e" in bare or "E" in bare else int(bare)
        except ValueError:
            pass
    raise refused(function, text, "number")


def to_bool(arguments: Sequence[Any]) -> bool:
    value = arguments[0]
    if type(value) is bool:
        return value
    if type(value) is int or type(value) is float:
        return value != 0
    word = value.strip().lower() if type(value) is str else ""
    if word in ("true", "false"):
        return word == "true"
    raise refused("bool", value, "boolean")


def to_bool_of_digits(arguments: Sequence[Any]) -> bool:
    """`1` and `0` are booleans, too; with blanks around it nothing is."""
    value = arguments[0]
    if type(value) is str:
        word = value.lower()
        if word in ("true", "1", "false", "0"):
            return word in ("true", "1")
        raise refused("bool", value, "boolean")
    return to_bool(arguments)


_BOTH = by_name(
    [
        Function("min", smallest, 1, None),
        Function("max", largest, 1, None),
        Function("int", to_int, 1, 1),
        Function("float", to_float, 1, 1),
    ]
)

DOCUMENTED = _BOTH | by_name(
    [
        Function("add", add, 2, 2),
        Function("sub", sub, 2, 2),
        Function("mul", mul, 2, 2),
        Function("div", div, 2, 2),
        Function("mod", mod, 2, 2),
        Function("range", count_up, 2, 2),
        Function("bool", to_bool, 1, 1),
    ]
)

REGORUS = _BOTH | by_name(
    [
        Function("add", _lenient("add", lambda one, other: one + other), 2, 2),
        Function("sub", _lenient("sub", lambda one, other: one - other), 2, 2),
        Function("mul", _lenient("mul", lambda one, other: one * other), 2, 2),
        Function("div", truncating(div), 2, 2),
        Function("mod", truncating(mod), 2, 2),
        Function("range", truncating(count_up), 2, 2),
        Function("bool", to_bool_of_digits, 1, 1),
    ]
)
