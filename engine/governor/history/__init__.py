"""What runs found, day after day: verdicts in; trends, and what is new or gone since the run before, out.

The store is a database behind SQLAlchemy: a file of SQLite, or PostgreSQL. Runs of one subject (an environment, or
else what was read) are compared with one another. See docs/history-and-backtest.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from governor.model import Finding, State, Verdict
from governor.reports.grouping import stake

Dimension = Literal["policy", "team", "account", "project"]
DIMENSIONS: tuple[Dimension, ...] = ("policy", "team", "account", "project")


class Run(Struct, frozen=True, kw_only=True):
    """One run, as the store keeps it."""

    taken_at: str
    """When the world was as it was judged: ISO 8601, UTC, whole seconds."""
    subject: str
    """What is compared from run to run."""
    stage: str
    source: str
    library: str
    """Digest of the policies and their data."""
    governor: str
    resources: int
    open: int
    exempt: int
    baselined: int
    undetermined: int
    failures: int
    gaps: int
    hourly_usd: Decimal
    """What the judged resources cost together, USD per hour."""
    at_stake_usd: Decimal
    """What the resources of open findings cost together, USD per hour."""
    unpriced: int
    """Resources of open findings with no known price: the amount at stake is a lower bound with any."""

    @property
    def day(self) -> date:
        return date.fromisoformat(self.taken_at[:10])


class Figure(Struct, frozen=True, kw_only=True):
    """How one policy, team, account or project stood in a run."""

    dimension: Dimension
    name: str
    """Empty: of no team, account or project."""
    open: int
    undetermined: int
    at_stake_usd: Decimal
    unpriced: int


class Sighting(Struct, frozen=True):
    """A finding in a run."""

    finding: Finding
    state: State


class Seen(Struct, frozen=True, kw_only=True):
    """A finding as the store knows it."""

    fingerprint: str
    policy: str
    resource: str
    attribute: str
    msg: str
    owner: str
    account: str
    project: str
    state: State
    """Its state in the run where it was last seen."""
    hourly_usd: Decimal | None
    first_seen: str
    last_seen: str


def run_of(verdict: Verdict, *, taken_at: str, subject: str, library: str, governor: str) -> Run:
    """A verdict in figures."""
    found = stake([*verdict.open, *verdict.baselined])
    return Run(
        taken_at=taken_at,
        subject=subject,
        stage=verdict.stage,
        source=verdict.source,
        library=library,
        governor=governor,
        resources=verdict.resources,
        open=len(verdict.open),
        exempt=len(verdict.exempt),
        baselined=len(verdict.baselined),
        undetermined=len(verdict.undetermined),
        failures=len(verdict.failures),
        gaps=len(verdict.gaps),
        hourly_usd=verdict.hourly_usd,
        at_stake_usd=found.usd,
        unpriced=found.unpriced,
    )


def sightings(verdict: Verdict) -> Iterator[Sighting]:
    """Every finding of a verdict, with what became of it."""
    yield from (Sighting(finding, "open") for finding in verdict.open)
    yield from (Sighting(finding, "undetermined") for finding in verdict.undetermined)
    yield from (Sighting(item.finding, "exempt") for item in verdict.exempt)
    yield from (Sighting(finding, "baselined") for finding in verdict.baselined)


def figures(found: Iterable[Sighting], asked: Iterable[str]) -> list[Figure]:
    """Figures by policy, team, account and project; one for each policy that was asked, whatever it found.

    A finding of the baseline is open here: its money is still at stake.
    """
    groups: dict[tuple[Dimension, str], tuple[list[Finding], list[Finding]]] = {
        ("policy", policy): ([], []) for policy in asked
    }
    for sighting in found:
        if sighting.state == "exempt":
            continue
        for dimension in DIMENSIONS:
            key = (dimension, part(sighting.finding, dimension))
            standing, untold = groups.setdefault(key, ([], []))
            (untold if sighting.state == "undetermined" else standing).append(sighting.finding)
    made = []
    for (dimension, name), (standing, untold) in groups.items():
        money = stake(standing)
        made.append(
            Figure(
                dimension=dimension,
                name=name,
                open=len(standing),
                undetermined=len(untold),
                at_stake_usd=money.usd,
                unpriced=money.unpriced,
            )
        )
    return made


def part(finding: Finding, dimension: Dimension) -> str:
    """What a finding belongs to in a dimension."""
    return {"policy": finding.policy, "team": finding.owner, "account": finding.account, "project": finding.project}[
        dimension
    ]


class Difference(Struct, frozen=True, kw_only=True):
    """What a run found that the run before did not, and the other way round."""

    run: Run
    before: Run | None
    """None where the run is the first of its subject: then all is new."""
    new: Sequence[Seen]
    """Open now, and not open before."""
    gone: Sequence[Seen]
    """Open before, asked about again, and not there."""
    untold: Sequence[Seen]
    """Open before, and undetermined now: its policy failed, or it lies in a gap. Unknown is never absent."""
    exempt: Sequence[Seen]
    """Open before, and exempt now."""
    not_asked: Sequence[Seen]
    """Open before, of policies that nobody asked this time: neither fixed nor new."""
