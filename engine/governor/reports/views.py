"""The verdict from other sides than that of its policies: where its money lies, how it went, what carries tags.

Pure, and without markup: the page draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from governor.model import Finding, Past, Tagged, Verdict
from governor.reports.grouping import percent, plain, stake, usd

SHOWN = 15
"""Accounts, regions or owners of a view; the others are counted."""

WIDTH, HEIGHT = 600, 96
"""Of a drawing, in its own units."""


class Part(Struct, frozen=True):
    """What lies in one account or region, or with one owner."""

    name: str
    open: int
    undetermined: int
    usd: str
    """At stake."""
    share: str
    """What is at stake, in percent of the dearest part: the length of its bar."""


class View(Struct, frozen=True):
    """All parts, dearest first."""

    by: str
    parts: Sequence[Part]
    more: int
    """Parts that are not shown."""


def views(verdict: Verdict) -> list[View]:
    """By account, region and owner, of what runs: code and plans have one account, and the findings tell owners."""
    if verdict.stage != "live" or not (verdict.open or verdict.undetermined):
        return []
    return [
        _view(verdict, "account", lambda finding: finding.account),
        _view(verdict, "region", lambda finding: finding.region),
        _view(verdict, "owner", lambda finding: finding.owner),
    ]


def _view(verdict: Verdict, by: str, of: Callable[[Finding], str]) -> View:
    open_: dict[str, list[Finding]] = {}
    undetermined: dict[str, int] = {}
    for finding in verdict.open:
        open_.setdefault(of(finding), []).append(finding)
    for finding in verdict.undetermined:
        undetermined[of(finding)] = undetermined.get(of(finding), 0) + 1
    money = {name: stake(open_.get(name, ())) for name in {**open_, **undetermined}}
    most = max((one.usd for one in money.values()), default=Decimal(0))
    names = sorted(money, key=lambda name: (-money[name].usd, -len(open_.get(name, ())), name))
    parts = [
        Part(
            name=plain(name) or f"(no {by})",
            open=len(open_.get(name, ())),
            undetermined=undetermined.get(name, 0),
            usd=usd(money[name].usd) if money[name].priced else "–",
            share=f"{money[name].usd / most * 100:.1f}" if most else "0",
        )
        for name in names[:SHOWN]
    ]
    return View(by, parts, len(names) - len(parts))


class Bar(Struct, frozen=True):
    """How much of the money carries one tag."""

    key: str
    share: str
    """As people read it."""
    width: str
    """In percent."""


def bars(tagged: Tagged) -> list[Bar]:
    """Any tag first, then each of them."""
    shares = {"any tag": tagged.tagged, **tagged.shares}
    return [
        Bar(plain(key), percent(share), f"{min(max(share, Decimal(0)), Decimal(1)) * 100:.1f}")
        for key, share in shares.items()
    ]


class Column(Struct, frozen=True):
    """A day of a drawing."""

    title: str
    x: str
    y: str
    width: str
    height: str
    now: bool


class Course(Struct, frozen=True):
    """How one figure went from day to day."""

    title: str
    first: str
    last: str
    columns: Sequence[Column]


def courses(verdict: Verdict) -> list[Course]:
    """Money at stake, and open findings, with this run as the last day; nothing without a day before it."""
    if not verdict.trend:
        return []
    days = days_of(verdict)
    return [
        _course("At stake", [(day, day.at_stake_usd, usd(day.at_stake_usd)) for day in days]),
        _course("Open findings", [(day, Decimal(day.open), f"{day.open:,}") for day in days]),
    ]


def days_of(verdict: Verdict) -> list[Past]:
    """The days before, and this run in place of what its own day had before."""
    found = [*verdict.open, *verdict.baselined]
    now = Past(
        day=verdict.today,
        open=len(found),
        undetermined=len(verdict.undetermined),
        at_stake_usd=stake(found).usd,
    )
    return [*(day for day in verdict.trend if day.day < verdict.today), now]


def _course(title: str, days: Sequence[tuple[Past, Decimal, str]]) -> Course:
    """Columns stand where their day is: a night without a run is a hole."""
    first = days[0][0].day
    step = Decimal(WIDTH) / ((days[-1][0].day - first).days + 1)
    most = max(value for _, value, _ in days) or Decimal(1)
    columns = []
    for number, (day, value, shown) in enumerate(days, 1):
        height = value / most * HEIGHT
        columns.append(
            Column(
                title=f"{day.day}: {shown}",
                x=f"{(day.day - first).days * step + step / 10:.2f}",
                y=f"{HEIGHT - height:.2f}",
                width=f"{step * 4 / 5:.2f}",
                height=f"{height:.2f}",
                now=number == len(days),
            )
        )
    return Course(title, days[0][2], days[-1][2], columns)
