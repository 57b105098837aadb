"""format(): the composite formatting of .NET, in the invariant culture.

https://learn.microsoft.com/dotnet/standard/base-types/composite-formatting and standard-numeric-format-strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from governor.arm.functions.values import (
    LONGEST,
    Function,
    NotComputed,
    TemplateError,
    by_name,
    json_of,
    limited,
    number_text,
    text_of,
    within,
)

_DIGITS = 1_000
"""The most decimals, or digits in front, that a number is written with here; .NET goes further."""

_EXACTLY = Context(prec=2 * _DIGITS, rounding=ROUND_HALF_UP)


def _formatted(quote: Callable[[str], str]) -> Callable[[Sequence[Any]], str]:
    """The function; `quote` makes of the JSON of an array or object what is written."""

    def formatted(arguments: Sequence[Any]) -> str:
        pattern, values = text_of("format", arguments[0]), arguments[1:]
        parts: list[str] = []
        length = place = 0
        while place < len(pattern):
            opening, closing = pattern.find("{", place), pattern.find("}", place)
            brace = min((found for found in (opening, closing) if found >= 0), default=len(pattern))
            part = pattern[place:brace]
            place = brace
            if pattern[brace : brace + 2] in ("{{", "}}"):
                part += pattern[brace]
                place += 2
            elif brace == closing:
                raise TemplateError(f"format: unmatched closing brace at character {brace + 1}")
            elif brace == opening:
                if closing < 0:
                    raise TemplateError(f"format: unmatched opening brace at character {brace + 1}")
                part += _placed(pattern[brace + 1 : closing], values, quote)
                place = closing + 1
            parts.append(part)
            length += len(part)
            within("format", length)
        return "".join(parts)

    return formatted


def _placed(placeholder: str, values: Sequence[Any], quote: Callable[[str], str]) -> str:
    """`index[,width][:specifier]`, filled in."""
    before, _, specifier = placeholder.partition(":")
    digits, comma, width = before.partition(",")
    number = _whole(digits.rstrip(" "))
    if number is None:
        raise TemplateError(f"format: {{{placeholder[:40]}}} names no argument: write {{0}}")
    if number >= len(values):
        raise TemplateError(f"format: {{{number}}} refers to an argument that is not there: there are {len(values)}")
    text = _written(values[number], specifier, quote)
    if not comma:
        return text
    bare = width.strip(" ")
    columns = _whole(bare.removeprefix("-"))
    if columns is None:
        raise TemplateError(f"format: {{{placeholder[:40]}}} has no width after the comma: write {{0,10}}")
    within("format", columns)
    return text.ljust(columns) if bare.startswith("-") else text.rjust(columns)


def _whole(text: str) -> int | None:
    """The number of some digits; of ten and more, one that is beyond all bounds."""
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) < 10 else 10 * LONGEST


def _written(value: Any, specifier: str, quote: Callable[[str], str]) -> str:
    kind = type(value)
    if kind is str:
        return limited("format", value)
    if kind is int or kind is float:
        return _number(value, specifier) if specifier else number_text("format", value)
    if kind is bool:
        return str(value)
    return "" if value is None else quote(json_of("format", value))


def _number(value: float, specifier: str) -> str:
    letter, digits = specifier[0], specifier[1:]
    precision = _whole(digits) if digits else None
    if not letter.isascii() or not letter.isalpha() or (digits and precision is None):
        raise NotComputed(f"format: governor does not work out custom number formats ({{0:{specifier[:40]}}})")
    if precision is not None and precision > _DIGITS:
        raise TemplateError(f"format: a number is written with no more than {_DIGITS:,} digits")
    try:
        return _standard(value, letter, precision)
    except (ArithmeticError, ValueError):
        raise TemplateError("format: the number has too many digits") from None


def _standard(value: float, letter: str, precision: int | None) -> str:
    kind = letter.upper()
    if kind in ("C", "B") or (kind == "G" and precision):
        raise NotComputed(f"format: governor does not work out the number format {letter}{precision or ''}")
    if kind in ("D", "X") and type(value) is float:
        raise TemplateError(f"format: {letter} is for whole numbers")
    if kind == "D":
        return f"{'-' * (value < 0)}{str(abs(int(value))).zfill(precision or 0)}"
    if kind == "X":
        return f"{int(value) % 2**64:{letter}}".zfill(precision or 0)
    if kind == "F":
        return f"{_rounded(value, precision):f}"
    if kind == "N":
        return f"{_rounded(value, precision):,f}"
    if kind == "P":
        return f"{_rounded(Decimal(value) * 100, precision):,f} %"
    if kind == "E":
        return _scientific(value, letter, 6 if precision is None else precision)
    if kind in ("G", "R"):
        return number_text("format", value)
    raise TemplateError(f"format: {letter} is no number format")


def _rounded(value: float | Decimal, precision: int | None) -> Decimal:
    return Decimal(value).quantize(Decimal(1).scaleb(-(2 if precision is None else precision)), context=_EXACTLY)


def _scientific(value: float, letter: str, precision: int) -> str:
    rounded = Context(prec=precision + 1, rounding=ROUND_HALF_UP).plus(Decimal(value))
    mantissa, _, exponent = f"{rounded:.{precision}E}".partition("E")
    return f"{mantissa}{letter}{exponent[0]}{exponent[1:].zfill(3)}"


DOCUMENTED = by_name([Function("format", _formatted(lambda text: text.replace('"', "'")), 1, None)])

REGORUS = by_name([Function("format", _formatted(lambda text: text), 1, None)])
