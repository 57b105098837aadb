"""What days have cost in, what the rest of the month will cost out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct

Method = Literal["linear", "seasonal"]

_DAY = timedelta(days=1)
_WEEKS = 4
"""Whole weeks that a seasonal forecast looks back at most; with fewer than two there is no season to see."""


class Window(Struct, frozen=True):
    """The days that a forecast learns from."""

    method: Method
    start: datetime
    end: datetime
    """The first moment after it."""


def window(first: datetime, through: datetime) -> Window:
    """What to learn from where the first charge begins at `first` and bills are complete up to `through`.

    `seasonal`, the mean of each weekday over two to four whole weeks; `linear`, one mean of all days, with less.
    """
    end = _midnight(through)
    weeks = min(_WEEKS, (end - _midnight(first + _DAY - timedelta(microseconds=1))).days // 7)
    if weeks >= 2:
        return Window("seasonal", end - weeks * 7 * _DAY, end)
    # Of less than a day, no rate can be told: what ran for an hour does not run all month.
    return Window("linear", min(first, through - _DAY), through)


def rest(days: Mapping[date, Decimal], learnt: Window, through: datetime, month_end: datetime) -> Decimal:
    """What running cost will add from `through` to the end of the month, USD. `days` holds what each day has cost."""
    if through >= month_end:
        return Decimal(0)
    inside = {day: usd for day, usd in days.items() if learnt.start.date() <= day and _start(day) < learnt.end}
    if learnt.method == "linear":
        return sum(inside.values(), Decimal(0)) * _ratio(month_end - through, learnt.end - learnt.start)
    weeks = (learnt.end - learnt.start).days // 7
    by_weekday = [Decimal(0)] * 7
    for day, usd in inside.items():
        by_weekday[day.weekday()] += usd / weeks
    total, at = Decimal(0), through
    while at < month_end:
        until = min(_midnight(at) + _DAY, month_end)
        total += by_weekday[at.weekday()] * _ratio(until - at, _DAY)
        at = until
    return total


def _ratio(part: timedelta, whole: timedelta) -> Decimal:
    return Decimal(part // timedelta(seconds=1)) / Decimal(whole // timedelta(seconds=1))


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
