"""A ledger and the day in, what policies see of spend out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from governor.model import Spend, Tagged
from governor.spend.forecast import Window, rest, window
from governor.tagged import KEYS, of_bills

if TYPE_CHECKING:
    from governor.spend.ledger import Day, Ledger


def facts(ledger: Ledger, today: date) -> list[Spend]:
    """Records of the month of `today` and the one before, dearest first. What begins after that day does not count."""
    fields = [field for field, key in KEYS.items() if key in ledger.taxonomy.names]
    this = today.replace(day=1)
    since = (this - timedelta(days=1)).replace(day=1)
    return records(ledger.days([KEYS[field] for field in fields], since, today), fields, this, today)


def records(days: Iterable[Day], fields: Sequence[str], this: date, today: date) -> list[Spend]:
    """The same of days; `this` is the first day of the month that is forecast.

    A forecast learns from the days on which its project had cost, on the bills of one provider: so the records of a
    project add up to the forecast of the project.
    """
    found: dict[tuple[date, tuple[str, ...], bool], list[Day]] = {}
    learnt: dict[tuple[str, str], datetime] = {}
    complete: dict[str, datetime] = {}
    last: dict[date, date] = {}
    number = fields.index("project") if "project" in fields else None

    def project(day: Day) -> str:
        return day.values[number] if number is not None else ""

    now = _midnight(today) + timedelta(days=1)
    running: dict[tuple[str, tuple[str, ...], bool], dict[date, Decimal]] = {}
    for day in days:
        found.setdefault((day.month, day.values, day.tags_unknown), []).append(day)
        last[day.month] = max(last.get(day.month, day.day), day.day)
        if day.first is None or day.through is None:
            continue
        of = (day.provider, project(day))
        learnt[of] = min(learnt.get(of, day.first), day.first)
        complete[day.provider] = min(now, max(complete.get(day.provider, day.through), day.through))
        costs = running.setdefault((day.provider, day.values, day.tags_unknown), {})
        costs[day.day] = costs.get(day.day, Decimal(0)) + day.running_usd
    month_end = _midnight((this + timedelta(days=31)).replace(day=1))
    windows = {of: window(first, complete[of[0]]) for of, first in learnt.items()}
    rests: dict[tuple[tuple[str, ...], bool], _Rest] = {}
    for (provider, values, unknown), costs in running.items():
        of = (provider, values[number] if number is not None else "")
        at = max(complete[provider], _midnight(this))
        more = rest(costs, windows[of], at, month_end)
        so_far = rests.setdefault((values, unknown), _Rest())
        so_far.usd += more
        so_far.windows.append(windows[of])
    for values, unknown in rests:
        # A run that has ended and the one that follows it have different tags, and the project goes on.
        found.setdefault((this, values, unknown), [])
    made = []
    for (month, values, unknown), parts in found.items():
        usd = sum((part.usd for part in parts), Decimal(0))
        ahead = rests.get((values, unknown), _Rest()) if month == this else None
        made.append(
            Spend(
                month=f"{month:%Y-%m}",
                **dict(zip(fields, values, strict=True)),
                tags_unknown=unknown,
                usd=usd,
                taggable_usd=sum((part.taggable_usd for part in parts), Decimal(0)),
                untagged_usd=sum((part.untagged_usd for part in parts), Decimal(0)),
                through=last.get(month) or max(last.values()),
                forecast_usd=None if ahead is None else usd + ahead.usd,
                method="" if ahead is None else ahead.method,
            )
        )
    return sorted(made, key=lambda one: (-one.usd, one.month, one.project, one.experiment, one.model, one.dataset))


class _Rest(Struct):
    usd: Decimal = Decimal(0)
    windows: list[Window] = []

    @property
    def method(self) -> str:
        """What records that nothing runs for are forecast by, too: they stay as they are."""
        return " and ".join(sorted({one.method for one in self.windows})) or "linear"


def tagged(ledger: Ledger, month: str) -> Tagged | None:
    """The same of a whole month of a ledger, without the facts of each day."""
    fields = [field for field, key in KEYS.items() if key in ledger.taxonomy.names]

    def tags(carried: Sequence[bool]) -> dict[str, Any]:
        return {field: KEYS[field] for field, carries in zip(fields, carried, strict=True) if carries}

    parts = [
        Spend(
            month=month,
            usd=usd,
            taggable_usd=usd,
            untagged_usd=usd if untagged else Decimal(0),
            through=date.min,
            **tags(carried),
        )
        for carried, untagged, usd in ledger.carried([KEYS[field] for field in fields], month)
    ]
    return of_bills(parts, month)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
