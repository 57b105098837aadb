"""Rows of text, laid out in columns for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from governor.reports.page import cells, pad


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others, which are figures, to the right."""
    lines = [head, *rows]
    widths = [max(cells(line[number]) for line in lines) for number in range(len(head))]
    text = ""
    for first, *others in lines:
        figures = [" " * (width - cells(cell)) + cell for cell, width in zip(others, widths[1:], strict=True)]
        text += "  ".join((pad(first, widths[0]), *figures)).rstrip() + "\n"
    return text


def usd_a_day(hourly: Decimal, unpriced: int = 0) -> str:
    """USD per hour as people read it by the day: `$1,235`; `≥ $1,235` where some of it has no known price."""
    shown = f"${hourly * 24:,.0f}"
    return f"≥ {shown}" if unpriced else shown


def signed(number: int) -> str:
    """`+3`, `-2`, `±0`."""
    return f"{number:+}" if number else "±0"
