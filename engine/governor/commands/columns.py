"""Rows and lines of text for a terminal: figures in columns, findings that are listed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from governor.history import Seen
from governor.model import Finding
from governor.reports.grouping import count, plain, usd
from governor.reports.page import cells, pad

_SHOWN = 20
"""Findings that are listed."""


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


def listed(title: str, findings: Sequence[Finding | Seen]) -> str:
    """How many findings, and the first of them, a line each; nothing where there are none."""
    if not findings:
        return ""
    more = len(findings) - _SHOWN
    return (
        f"\n{title}: {count(len(findings), 'finding')}\n"
        + "".join(map(_line, findings[:_SHOWN]))
        + (f"  and {more} more: -f json has them\n" if more > 0 else "")
    )


def _line(finding: Finding | Seen) -> str:
    said = plain(finding.msg.removeprefix(finding.resource)).lstrip(" :")
    money = f"  {usd(finding.hourly_usd)}" if finding.hourly_usd else ""
    return f"  {finding.policy}  {plain(finding.resource)}  {said}{money}\n"
