"""`governor history`: what runs found, day after day; and where `check` writes it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from governor import __version__
from governor.commands.columns import columns, listed, signed, usd_a_day
from governor.config import History
from governor.errors import Refusal
from governor.history import Difference, Dimension, Figure, Run, run_of, sightings
from governor.model import Inventory, Past, Verdict
from governor.reports.grouping import plain

if TYPE_CHECKING:
    from governor.history.store import Store
    from governor.history.told import Memory

_SHOWN = 20
"""Names that a table shows."""


TREND = timedelta(days=90)
"""How far back reports tell the course of findings."""


class Recorder:
    """Writes runs into a history."""

    def __init__(self, place: str, *, environment: str, library: str, settings: History) -> None:
        """Opens the store, or begins it: raises Refusal before anything is judged."""
        self._store = opened(place, begin=True)
        self._environment, self._library, self._settings = environment, library, settings
        self._inventory: Inventory | None = None
        self._run: Run | None = None

    def saw(self, inventory: Inventory) -> None:
        """What the next verdict is on."""
        self._inventory = inventory

    def beside(self, verdict: Verdict) -> Verdict:
        """The verdict with the days before it."""
        since = verdict.today - TREND
        past = _last_of_days(self._store.runs(subject=self._subject(), since=since))
        return replace(
            verdict,
            trend=[
                Past(
                    day=one.day,
                    open=one.open + one.baselined,
                    undetermined=one.undetermined,
                    at_stake_usd=one.at_stake_usd,
                )
                for one in past
                if one.stage == verdict.stage and one.day < verdict.today
            ],
        )

    def _subject(self) -> str:
        """A snapshot of today and one of yesterday are of one subject, whatever their files are called."""
        assert self._inventory is not None
        return self._environment or self._inventory.source.partition(", as of ")[0]

    def turn(self, subject: str) -> AbstractContextManager[None]:
        """See `Store.turn`."""
        return self._store.turn(subject)

    def memory(self) -> Memory:
        """What owners know of the run that was written down last."""
        from governor.history.told import Memory

        assert self._run is not None
        return Memory(self._store, self._run)

    def keep(self, verdict: Verdict) -> None:
        """Write the run down."""
        inventory = self._inventory
        assert inventory is not None
        run = run_of(
            verdict,
            taken_at=moment(inventory.taken_at),
            subject=self._subject(),
            library=self._library,
            governor=__version__,
        )
        self._run = run
        self._store.record(run, [*sightings(verdict)], verdict, {resource.id for resource in inventory.resources})
        if self._settings.keep_days is not None:
            # What is judged may be of another day: of one long ago, or, by a clock that is wrong, of one to come.
            day = min(run.day, datetime.now(UTC).date())
            self._store.forget(day - timedelta(days=self._settings.keep_days))

    def difference(self) -> Difference:
        """The run that was kept beside the one before it."""
        assert self._run is not None
        return self._store.difference(self._run)


def difference(before: tuple[Verdict, Inventory], now: tuple[Verdict, Inventory]) -> Difference:
    """What a verdict on an inventory found that an earlier one did not: two runs in a history of their own."""
    recorder = Recorder(":memory:", environment=now[1].source, library="", settings=History())
    for verdict, inventory in (before, now):
        recorder.saw(inventory)
        recorder.keep(verdict)
    return recorder.difference()


def moment(taken_at: str) -> str:
    """A time as histories compare it: ISO 8601, UTC, whole seconds. Without one, now."""
    try:
        when = datetime.fromisoformat(taken_at) if taken_at else datetime.now(UTC)
    except ValueError:
        raise Refusal(f"{taken_at!r} is no time: the snapshot says when it was taken as ISO 8601") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")


def opened(place: str, *, begin: bool = False) -> Store:
    """The store. Raises Refusal where it, or what it needs, is missing."""
    try:
        from governor.history.store import Store
    except ModuleNotFoundError:
        raise Refusal("a history needs SQLAlchemy: pip install 'gpu-governor[history]'") from None
    return Store(place, begin=begin)


def run(*, store: str, by: Dimension, since: date, subject: str | None, diff: bool, format: str) -> int:
    """Print a trend, or with `diff` what the last runs found that those before them did not."""
    with opened(store) as held:
        runs = held.runs(subject=subject, since=since)
        if subject is not None and not runs:
            known = ", ".join(sorted({one.subject for one in held.runs()})) or "none"
            raise Refusal(f"no run of {subject} since {since}: there are {known}", place=held.name)
        last = _last_of_days(runs)
        if diff:
            differences = [held.difference(one) for one in _last(last)]
            sys.stdout.write(_json(differences) if format == "json" else _told(differences))
            return 0
        found = held.figures(by, last)
    sys.stdout.write(
        _json([_day(one, figures, by) for one, figures in found]) if format == "json" else _trend(found, by)
    )
    return 0


def _last_of_days(runs: Sequence[Run]) -> list[Run]:
    """The last run of each day, subject and stage."""
    return [*{(one.subject, one.stage, one.day): one for one in runs}.values()]


def _last(runs: Sequence[Run]) -> list[Run]:
    return [*{(one.subject, one.stage): one for one in runs}.values()]


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.format(_ENCODER.encode(rows)).decode() + "\n"


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _day(one: Run, figures: Sequence[Figure], by: str) -> dict[str, Any]:
    return {
        "run": {"day": one.day, **msgspec.structs.asdict(one)},
        "by": by,
        "figures": [
            {name: value for name, value in msgspec.structs.asdict(figure).items() if name != "dimension"}
            for figure in sorted(figures, key=lambda figure: figure.name)
        ],
    }


def _trend(found: Sequence[tuple[Run, Sequence[Figure]]], by: str) -> str:
    if not found:
        return "no runs: `governor check … --history STORE` writes them\n"
    subjects: dict[tuple[str, str], list[tuple[Run, Sequence[Figure]]]] = {}
    for one, figures in found:
        subjects.setdefault((one.subject, one.stage), []).append((one, figures))
    return "\n".join(_of_subject(*key, days, by) for key, days in subjects.items())


def _of_subject(subject: str, stage: str, days: Sequence[tuple[Run, Sequence[Figure]]], by: str) -> str:
    text = f"{plain(subject)}, stage {stage}\n\n" + columns(
        ("day", "open", "undetermined", "exempt", "resources", "gaps", "at stake a day"),
        [
            (
                one.day.isoformat(),
                str(one.open + one.baselined),
                str(one.undetermined),
                str(one.exempt),
                str(one.resources),
                str(one.gaps),
                usd_a_day(one.at_stake_usd, one.unpriced),
            )
            for one, _ in days
        ],
    )
    first = {figure.name: figure for figure in days[0][1]}
    last = {figure.name: figure for figure in days[-1][1]}
    none = Figure(dimension="policy", name="", open=0, undetermined=0, at_stake_usd=Decimal(0), unpriced=0)
    rows = []
    for name in {**first, **last}:
        was, now = first.get(name, none), last.get(name, none)
        if was.open or was.undetermined or now.open or now.undetermined:
            rows.append((name, was, now))
    rows.sort(key=lambda row: (-row[2].at_stake_usd, -row[2].open, row[0]))
    text += "\n" + columns(
        (by, "open at first", "open now", "change", "undetermined", "at stake a day"),
        [
            (
                plain(name) or f"(no {by})",
                str(was.open),
                str(now.open),
                signed(now.open - was.open),
                str(now.undetermined),
                usd_a_day(now.at_stake_usd, now.unpriced),
            )
            for name, was, now in rows[:_SHOWN]
        ],
    )
    return text + (f"and {len(rows) - _SHOWN} more: -f json has them\n" if len(rows) > _SHOWN else "")


def _told(differences: Sequence[Difference]) -> str:
    return "\n".join(map(told, differences)) or "no runs: `governor check … --history STORE` writes them\n"


def told(one: Difference) -> str:
    """A difference for a terminal."""
    against = f"beside {one.before.taken_at}" if one.before else "the first run: all is new"
    text = f"{plain(one.run.subject)}, stage {one.run.stage}: {one.run.taken_at} {against}\n"
    for title, seen in (
        ("new", one.new),
        ("gone", one.gone),
        ("cannot be told now", one.untold),
        ("exempt now", one.exempt),
        ("of policies that were not asked", one.not_asked),
    ):
        text += listed(title, seen)
    if not any((one.new, one.gone, one.untold, one.exempt, one.not_asked)):
        text += "nothing new, nothing gone\n"
    return text
