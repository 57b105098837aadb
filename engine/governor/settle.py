"""Findings, levels, exemptions, baseline and the day in, verdict out. The one place that decides what counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from governor.exemptions import Register
from governor.model import (
    SEVERITIES,
    Exempted,
    Exemption,
    Finding,
    Inventory,
    Judgement,
    Level,
    PolicySource,
    Spending,
    Verdict,
)


def settle(
    judgement: Judgement,
    inventory: Inventory,
    *,
    levels: Mapping[str, Level],
    today: date,
    exemptions: Sequence[Exemption] = (),
    baseline: Collection[str] = (),
    fail_level: Level = "deny",
    strict: bool = False,
    notes: Sequence[str] = (),
    policy_sources: Sequence[PolicySource] = (),
    spending: Sequence[Spending] = (),
) -> Verdict:
    """Sort each finding into one list: exempt, undetermined, baselined, open.

    `levels` has every policy that was asked; `baseline` holds fingerprints. Order within a list: severity, policy,
    resource, place in its file, attribute, message.
    """
    policies = {policy.id: policy for policy in judgement.policies}
    rank = {id: SEVERITIES.index(policy.severity) for id, policy in policies.items()}
    register = Register(exemptions, today, inventory.allowed)
    open_: list[Finding] = []
    exempt: list[Exempted] = []
    baselined: list[Finding] = []
    undetermined: list[Finding] = []
    for finding in sorted(
        judgement.findings, key=lambda f: (rank[f.policy], f.policy, f.resource, *_line(f), f.attribute, f.msg)
    ):
        exemption = register.cover(finding)
        if exemption:
            exempt.append(Exempted(finding, exemption))
        elif finding.reason:
            undetermined.append(finding)
        elif baseline and finding.fingerprint in baseline:
            baselined.append(finding)
        else:
            open_.append(finding)
    return Verdict(
        policies=policies,
        levels={id: levels[id] for id in policies},
        fail_level=fail_level,
        strict=strict,
        today=today,
        stage=inventory.stage,
        source=inventory.source,
        policy_sources=policy_sources,
        open=open_,
        exempt=exempt,
        baselined=baselined,
        undetermined=undetermined,
        failures=judgement.failures,
        lapsed_exemptions=register.lapsed,
        stale_exemptions=register.stale(),
        gaps=inventory.gaps,
        notes=[*inventory.notes, *judgement.notes, *notes],
        not_covered=inventory.not_covered,
        resources=len(inventory.resources) + inventory.clean,
        unit=inventory.unit,
        hourly_usd=sum((r.hourly_usd for r in inventory.resources if r.hourly_usd is not None), Decimal(0)),
        spending=spending,
    )


def _line(finding: Finding) -> tuple[int, int]:
    return (finding.origin.line, finding.origin.column) if finding.origin else (0, 0)
