"""Findings, levels, exemptions, baseline and the day in, verdict out. The one place that decides what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from governor.baseline import compare, counted
from governor.exemptions import Register
from governor.model import (
    SEVERITIES,
    Baseline,
    Exempted,
    Exemption,
    Finding,
    Inventory,
    Judgement,
    Known,
    Level,
    PolicySource,
    Spending,
    Tagged,
    Verdict,
)


def settle(
    judgement: Judgement,
    inventory: Inventory,
    *,
    levels: Mapping[str, Level],
    today: date,
    exemptions: Sequence[Exemption] = (),
    baseline: Baseline | None = None,
    fail_level: Level = "deny",
    strict: bool = False,
    notes: Sequence[str] = (),
    policy_sources: Sequence[PolicySource] = (),
    spending: Sequence[Spending] = (),
    tagged: Tagged | None = None,
) -> Verdict:
    """Sort each finding into one list: exempt, undetermined, baselined, open.

    `levels` has every policy that was asked; `baseline` has what was known before. Order within a list: severity,
    policy, resource, place in its file, attribute, message.
    """
    policies = {policy.id: policy for policy in judgement.policies}
    rank = {id: SEVERITIES.index(policy.severity) for id, policy in policies.items()}
    register = Register(exemptions, today, inventory.allowed)
    open_: list[Finding] = []
    exempt: list[Exempted] = []
    undetermined: list[Finding] = []
    for finding in sorted(
        judgement.findings, key=lambda f: (rank[f.policy], f.policy, f.resource, *_line(f), f.attribute, f.msg)
    ):
        exemption = register.cover(finding)
        if exemption:
            exempt.append(Exempted(finding, exemption))
        elif finding.reason:
            undetermined.append(finding)
        else:
            open_.append(finding)
    told = _Told(open_)
    if baseline:
        told = _tell(baseline, open_, exempt, undetermined, judgement, inventory)
    return Verdict(
        policies=policies,
        levels={id: levels[id] for id in policies},
        fail_level=fail_level,
        strict=strict,
        today=today,
        stage=inventory.stage,
        source=inventory.source,
        policy_sources=policy_sources,
        open=told.new,
        exempt=exempt,
        baselined=told.known,
        compared_with=baseline.name if baseline else "",
        fixed=told.fixed,
        carried=told.carried,
        undetermined=undetermined,
        failures=judgement.failures,
        lapsed_exemptions=register.lapsed,
        stale_exemptions=register.stale(),
        gaps=inventory.gaps,
        shards=inventory.shards,
        notes=[*inventory.notes, *judgement.notes, *notes, *told.notes],
        not_covered=inventory.not_covered,
        resources=len(inventory.resources) + inventory.clean,
        unit=inventory.unit,
        hourly_usd=sum((r.hourly_usd for r in inventory.resources if r.hourly_usd is not None), Decimal(0)),
        spending=spending,
        tagged=tagged,
    )


class _Told(Struct, frozen=True):
    """Open findings, told apart by what was known before."""

    new: Sequence[Finding]
    known: Sequence[Finding] = ()
    fixed: Sequence[Known] = ()
    carried: Sequence[Known] = ()
    notes: Sequence[str] = ()


def _tell(
    baseline: Baseline,
    found: Sequence[Finding],
    exempt: Sequence[Exempted],
    undetermined: Sequence[Finding],
    judgement: Judgement,
    inventory: Inventory,
) -> _Told:
    """Fixed is what was known, is gone, and would have been seen: unknown is never absent.

    What is exempt now is somebody's answer, and none of the baseline's any more.
    """
    previous = {r.id: r.previous_id for r in inventory.resources if r.previous_id}
    compared = compare(found, baseline.entries, previous)
    asked = {policy.id for policy in judgement.policies}
    not_asked = [entry for entry in compared.left if entry.policy not in asked]
    others = compare((item.finding for item in exempt), (e for e in compared.left if e.policy in asked), previous).left
    unknown = compare(undetermined, others, previous)
    # Of the resources that a policy fails on, only the first are named.
    failed = {failure.policy for failure in judgement.failures}
    seen = {*(resource.id for resource in inventory.resources), *previous.values()}

    def hidden(entry: Known) -> bool:
        return entry.policy in failed or (bool(inventory.gaps) and entry.resource not in seen)

    untold = [*unknown.carried, *filter(hidden, unknown.left)]
    notes = [*baseline.notes]
    if not_asked:
        which = counted(not_asked)
        notes.append(
            f"{baseline.name} also knows findings of policies that were not asked, neither fixed nor new: {which}"
        )
    if untold:
        notes.append(f"whether these known findings are fixed cannot be told now: {counted(untold)}")
    return _Told(
        new=compared.new,
        known=compared.known,
        fixed=[entry for entry in unknown.left if not hidden(entry)],
        carried=[*compared.carried, *not_asked, *untold],
        notes=notes,
    )


def _line(finding: Finding) -> tuple[int, int]:
    return (finding.origin.line, finding.origin.column) if finding.origin else (0, 0)
