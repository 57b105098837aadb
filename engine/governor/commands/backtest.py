"""`governor backtest`: a changed library over stored snapshots, beside the library of today."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from governor.baseline import compare, entries
from governor.commands.check import Judging, Options
from governor.commands.columns import columns, listed, usd_a_day
from governor.commands.history import moment
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Failure, Finding, Stage
from governor.reports.grouping import count, plain, stake
from governor.sources import snapshot
from governor.sources.terraform_plan.decode import no_garbage_collection


class Replayed(Struct, frozen=True, kw_only=True):
    """A snapshot, judged twice as of its day."""

    day: date
    source: str
    stage: Stage
    open: int
    """Open findings by the library of today."""
    open_with: int
    """The same by the changed one."""
    new: Sequence[Finding]
    """Open by the changed library only."""
    gone: Sequence[Finding]
    """Open by the library of today only."""
    undetermined: Sequence[Finding]
    """Undetermined by the changed library, and not by that of today."""
    failures: Sequence[Failure]
    """Policies of either that failed: what they would have said is not known."""


def run(
    *,
    snapshots: Sequence[Path],
    since: date,
    policies: Sequence[str],
    new_config: Path | None,
    config: Path | None,
    allow_floating: bool,
    format: str,
) -> int:
    """Print what would have been found; 3 where a policy failed."""
    if not (policies or new_config):
        raise Refusal("nothing is changed: name policies with --policies, or changed settings with --new-config")
    found = _find(snapshots, since)
    today = Options(config=config, today=since, allow_floating=allow_floating)
    changed = Options(config=new_config or config, today=since, allow_floating=allow_floating, policies=policies)
    stages = {header.stage for _, header in found}
    judging = {
        stage: (Judging(today, stage, of_plans=False), Judging(changed, stage, of_plans=False)) for stage in stages
    }
    with no_garbage_collection():
        replayed = [_replay(file, header, *judging[header.stage]) for file, header in found]
    sys.stdout.write(_json(replayed) if format == "json" else _table(replayed))
    return CANNOT_JUDGE if any(one.failures for one in replayed) else 0


def _find(places: Sequence[Path], since: date) -> list[tuple[Path, snapshot.Header]]:
    """The last snapshot of each day, source and stage, oldest first."""
    last: dict[tuple[str, Stage, date], tuple[str, Path, snapshot.Header]] = {}
    for file in _files(places):
        header = snapshot.header(file)
        when = moment(header.taken_at)
        key = (header.source, header.stage, date.fromisoformat(when[:10]))
        if key[-1] >= since and (key not in last or when >= last[key][0]):
            last[key] = (when, file, header)
    if not last:
        where = ", ".join(map(str, places))
        raise Refusal(f"no snapshot since {since}: `governor check … --snapshot FILE` writes them", place=where)
    return [(file, header) for _, file, header in sorted(last.values(), key=lambda one: one[:2])]


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from (file for file in sorted(place.rglob("*")) if snapshot.takes(file))
        elif not place.exists():
            raise Refusal("no such file or folder", place=str(place))
        elif snapshot.takes(place):
            yield place
        else:
            raise Refusal("this is no snapshot: `governor check … --snapshot FILE` writes one", place=str(place))


def _replay(file: Path, header: snapshot.Header, today: Judging, changed: Judging) -> Replayed:
    day = date.fromisoformat(moment(header.taken_at)[:10])
    inventory = snapshot.load(file)
    now, then = today.on(day).of(inventory), changed.on(day).of(inventory)
    return Replayed(
        day=day,
        source=header.source,
        stage=header.stage,
        open=len(now.open),
        open_with=len(then.open),
        new=_without(then.open, now.open),
        gone=_without(now.open, then.open),
        undetermined=_without(then.undetermined, now.undetermined),
        failures=[*dict.fromkeys((*now.failures, *then.failures))],
    )


def _without(findings: Sequence[Finding], others: Sequence[Finding]) -> Sequence[Finding]:
    return compare(findings, entries(others), {}).new


class _Said(Struct, frozen=True, omit_defaults=True):
    policy: str
    resource: str
    attribute: str
    msg: str
    fingerprint: str
    owner: str
    project: str
    account: str
    hourly_usd: Decimal | None


class _Day(Struct, frozen=True):
    day: date
    source: str
    stage: Stage
    open: int
    open_with: int
    usd_a_day_in_new: Decimal
    usd_a_day_in_gone: Decimal
    new: Sequence[_Said]
    gone: Sequence[_Said]
    undetermined: Sequence[_Said]
    failures: Sequence[Failure]


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _json(replayed: Sequence[Replayed]) -> str:
    days = [
        _Day(
            day=one.day,
            source=one.source,
            stage=one.stage,
            open=one.open,
            open_with=one.open_with,
            usd_a_day_in_new=stake(one.new).usd * 24,
            usd_a_day_in_gone=stake(one.gone).usd * 24,
            new=[*map(_said, one.new)],
            gone=[*map(_said, one.gone)],
            undetermined=[*map(_said, one.undetermined)],
            failures=one.failures,
        )
        for one in replayed
    ]
    return msgspec.json.format(_ENCODER.encode(days)).decode() + "\n"


def _said(finding: Finding) -> _Said:
    return _Said(**{name: getattr(finding, name) for name in _Said.__struct_fields__})


def _table(replayed: Sequence[Replayed]) -> str:
    text = ""
    for failure in dict.fromkeys(failure for one in replayed for failure in one.failures):
        text += f"{failure.policy} failed, and what it would have said is not known: {plain(failure.reason)}\n"
    several = len({one.source for one in replayed}) > 1
    text += columns(
        ("day", "open today", "open with it", "new", "gone", "undetermined", "at stake in new, a day"),
        [
            (
                f"{one.day}  {plain(one.source)}" if several else one.day.isoformat(),
                str(one.open),
                str(one.open_with),
                str(len(one.new)),
                str(len(one.gone)),
                str(len(one.undetermined)),
                _a_day(one.new),
            )
            for one in replayed
        ],
    )
    return text + _by_policy(replayed) + _listed("new", replayed) + _listed("gone", replayed)


def _by_policy(replayed: Sequence[Replayed]) -> str:
    """Each finding once, however many days it was there; money summed over the days that have a snapshot."""
    rows = []
    for policy in sorted({finding.policy for one in replayed for finding in (*one.new, *one.gone)}):
        new = [[finding for finding in one.new if finding.policy == policy] for one in replayed]
        gone = [[finding for finding in one.gone if finding.policy == policy] for one in replayed]
        money = sum((stake(found).usd for found in new), Decimal(0))
        unpriced = sum(stake(found).unpriced for found in new)
        rows.append((policy, str(_distinct(new)), str(_distinct(gone)), usd_a_day(money, unpriced)))
    if not rows:
        return "\nboth libraries find the same\n"
    days = count(len(replayed), "snapshot")
    return "\n" + columns(("policy", "new", "gone", f"at stake in new, {days}"), rows)


def _distinct(days: Sequence[Sequence[Finding]]) -> int:
    return len({finding.fingerprint for found in days for finding in found})


def _listed(which: str, replayed: Sequence[Replayed]) -> str:
    """The findings, dearest first, as they were last."""
    last = {finding.fingerprint: finding for one in replayed for finding in getattr(one, which)}
    found = sorted(last.values(), key=lambda f: (-(f.hourly_usd or 0), f.policy, f.resource, f.attribute))
    return listed(which, found)


def _a_day(findings: Sequence[Finding]) -> str:
    money = stake(findings)
    return usd_a_day(money.usd, money.unpriced)
