"""The verdict as JSON, for programs. The format is published in report.schema.json and versioned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from governor import __version__
from governor.model import (
    Exemption,
    Failure,
    Finding,
    Gap,
    Level,
    Origin,
    Policy,
    PolicySource,
    Severity,
    Shard,
    Stage,
    Standing,
    State,
    Tagged,
    Verdict,
)
from governor.reports import Options
from governor.reports.grouping import stake

SCHEMA_VERSION = "1.2"
"""Minor: a field more. Major: a field less, or one that means something else."""


class _Run(Struct, frozen=True):
    tool: str
    version: str
    stage: Stage
    source: str
    today: date
    exit_code: int
    fail_level: Level
    policy_sources: Sequence[PolicySource] | UnsetType = UNSET
    compared_with: str | UnsetType = UNSET


class _Fixed(Struct, frozen=True):
    policy: str
    resource: str
    attribute: str
    fingerprint: str
    since: date | UnsetType = UNSET


class _Finding(Struct, frozen=True, gc=False):
    policy: str
    severity: Severity
    level: Level
    state: State
    resource: str
    kind: str
    attribute: str
    msg: str
    details: dict[str, Any]
    hourly_usd: Decimal | None
    fingerprint: str
    origin: Origin | None
    account: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    project: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    exemption: Exemption | UnsetType = UNSET
    standing: Standing | UnsetType = UNSET


class _Policy(Struct, frozen=True):
    title: str
    severity: Severity
    level: Level
    concern: str
    description: str
    remediation: str
    references: Sequence[str]
    location: str


class _Summary(Struct, frozen=True):
    open: int
    exempt: int
    baselined: int
    undetermined: int
    failing: int
    resources: int
    policies: int
    gaps: int
    not_covered: int
    failures: int
    hourly_usd: Decimal
    hourly_usd_at_stake: Decimal
    fixed: int | UnsetType = UNSET


class _Document(Struct, frozen=True):
    schema_version: str
    run: _Run
    findings: Sequence[_Finding]
    failures: Sequence[Failure]
    gaps: Sequence[Gap]
    lapsed_exemptions: Sequence[Exemption]
    stale_exemptions: Sequence[Exemption]
    not_covered: Mapping[str, int]
    notes: Sequence[str]
    policies: Mapping[str, _Policy]
    summary: _Summary
    tagged: Tagged | UnsetType = UNSET
    fixed: Sequence[_Fixed] | UnsetType = UNSET
    shards: Sequence[Shard] | UnsetType = UNSET


# Details come from policies, which may be anybody's: what JSON has no word for is written as its text.
_NO_FINDINGS = b'"findings": []'
"""Where the findings go. Quotes inside a value are escaped, so that no value can look like it."""
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def render(verdict: Verdict, options: Options) -> str:
    """The whole verdict, a line for each finding; money in USD per hour with the digits of the price book."""
    document = _Document(
        schema_version=SCHEMA_VERSION,
        run=_Run(
            tool="governor",
            version=__version__,
            stage=verdict.stage,
            source=verdict.source,
            today=verdict.today,
            exit_code=verdict.exit_code,
            fail_level=verdict.fail_level,
            policy_sources=verdict.policy_sources or UNSET,
            compared_with=verdict.compared_with or UNSET,
        ),
        findings=(),
        failures=verdict.failures,
        gaps=verdict.gaps,
        lapsed_exemptions=verdict.lapsed_exemptions,
        stale_exemptions=verdict.stale_exemptions,
        not_covered=verdict.not_covered,
        notes=verdict.notes,
        policies={name: _policy(policy, verdict.levels[name]) for name, policy in verdict.policies.items()},
        summary=_Summary(
            open=len(verdict.open),
            exempt=len(verdict.exempt),
            baselined=len(verdict.baselined),
            undetermined=len(verdict.undetermined),
            failing=sum(1 for _ in verdict.failing()),
            resources=verdict.resources,
            policies=len(verdict.policies),
            gaps=len(verdict.gaps),
            not_covered=sum(verdict.not_covered.values()),
            failures=len(verdict.failures),
            hourly_usd=verdict.hourly_usd,
            hourly_usd_at_stake=stake(verdict.open).usd,
            fixed=len(verdict.fixed) if verdict.compared_with else UNSET,
        ),
        tagged=verdict.tagged or UNSET,
        fixed=[_Fixed(e.policy, e.resource, e.attribute, e.fingerprint, e.since or UNSET) for e in verdict.fixed]
        if verdict.compared_with
        else UNSET,
        shards=verdict.shards or UNSET,
    )
    head, tail = msgspec.json.format(_ENCODER.encode(document), indent=2).split(_NO_FINDINGS, 1)
    findings = _ENCODER.encode_lines(list(_findings(verdict)))
    if not findings:
        return b"".join((head, _NO_FINDINGS, tail, b"\n")).decode()
    lines = findings[:-1].replace(b"\n", b",\n    ")
    return b"".join((head, b'"findings": [\n    ', lines, b"\n  ]", tail, b"\n")).decode()


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every report satisfies."""
    text = Path(__file__).with_name("report.schema.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


def _findings(verdict: Verdict) -> Iterator[_Finding]:
    card: dict[str, tuple[Severity, Level]] = {
        name: (policy.severity, verdict.levels[name]) for name, policy in verdict.policies.items()
    }
    for finding in verdict.open:
        yield _finding(finding, "open", *card[finding.policy])
    for finding in verdict.undetermined:
        yield _finding(finding, "undetermined", *card[finding.policy], reason=finding.reason)
    for item in verdict.exempt:
        yield _finding(item.finding, "exempt", *card[item.finding.policy], exemption=item.exemption)
    for finding in verdict.baselined:
        yield _finding(finding, "baselined", *card[finding.policy])


def _finding(
    finding: Finding,
    state: State,
    severity: Severity,
    level: Level,
    reason: str | UnsetType = UNSET,
    exemption: Exemption | UnsetType = UNSET,
) -> _Finding:
    return _Finding(
        finding.policy,
        severity,
        level,
        state,
        finding.resource,
        finding.kind,
        finding.attribute,
        finding.msg,
        finding.details,
        finding.hourly_usd,
        finding.fingerprint,
        finding.origin,
        finding.account or UNSET,
        finding.region or UNSET,
        finding.owner or UNSET,
        finding.project or UNSET,
        reason,
        exemption,
        UNSET if finding.standing == "whole" else finding.standing,
    )


def _policy(policy: Policy, level: Level) -> _Policy:
    return _Policy(
        title=policy.title,
        severity=policy.severity,
        level=level,
        concern=policy.concern,
        description=policy.description,
        remediation=policy.remediation,
        references=policy.references,
        location=policy.location,
    )
