"""Who is told of what: a verdict and routes in, a notice for each owner out. Pure; `commands.notify` sends them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from governor.config import Notify
from governor.exemptions import glob
from governor.judge import NOT_KNOWN
from governor.model import LEVELS, Finding, Verdict
from governor.reports.grouping import count, doubt, message, places, plain, stake, usd

SHOWN = 20
"""Findings that a notice lists, dearest first."""

_DIGITS = 12
"""Digits of a fingerprint; `governor explain` takes 6 or more."""


class Notice(Struct, frozen=True, kw_only=True):
    """What one owner is told."""

    owner: str
    """Value of the tag `owner-team`; empty for all that no route takes, which goes to the default."""
    to: str
    """Where its address stands: `env:NAME` or `file:PATH`; never the address itself."""
    findings: Sequence[Finding]

    @property
    def who(self) -> str:
        """The owner, for people."""
        return plain(self.owner) or "nobody in particular"


def notices(verdict: Verdict, settings: Notify) -> tuple[list[Notice], int]:
    """A notice for each owner with open findings at the level or above; and how many findings go to nobody."""
    found: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in verdict.open:
        if LEVELS.index(verdict.levels[finding.policy]) >= LEVELS.index(settings.level):
            found.setdefault(_route(finding.owner, settings), []).append(finding)
    told = [Notice(owner=owner, to=to, findings=each) for (owner, to), each in sorted(found.items(), key=str) if to]
    return told, sum(len(each) for (_, to), each in found.items() if not to)


def _route(owner: str, settings: Notify) -> tuple[str, str | None]:
    """(whose notice a finding stands in, where that goes); the last route that fits decides, as with levels."""
    if owner and owner != NOT_KNOWN:
        for route in reversed(settings.routes):
            if glob(route.owner).fullmatch(owner):
                return owner, route.to
    return "", settings.default


def text(notice: Notice, verdict: Verdict, environment: str, *, new: bool) -> tuple[str, str]:
    """(title, body), both plain text. `new`: none of it was told before."""
    number = count(len(notice.findings), "new finding" if new else "open finding")
    where = plain(environment or verdict.source)
    title = f"governor: {number} for {plain(notice.owner)} in {where}" if notice.owner else (
        f"governor: {number} in {where} that no route takes"
    )  # fmt: skip
    dearest = sorted(notice.findings, key=lambda finding: -(finding.hourly_usd or Decimal(0)))
    shown: dict[str, list[Finding]] = {}
    for finding in dearest[:SHOWN]:
        shown.setdefault(finding.policy, []).append(finding)
    lines = [_money(notice.findings)]
    for name, findings in shown.items():
        policy = verdict.policies[name]
        lines += ["", f"{policy.id} {plain(policy.title)} ({verdict.levels[name]})"]
        for finding in findings:
            lines += _lines(finding, with_owner=not notice.owner)
        if policy.remediation:
            lines.append(f"How to fix: {plain(policy.remediation)}")
        lines += map(plain, policy.references[:1])
    if len(dearest) > SHOWN:
        lines += ["", f"and {len(dearest) - SHOWN:,} more: the report of this run lists them"]
    return title, "\n".join(lines)


def _money(findings: Sequence[Finding]) -> str:
    found = stake(findings)
    if not found.priced:
        return f"{count(found.unpriced, 'resource')}, with no known price"
    unpriced = f"; {found.unpriced} more with no known price" if found.unpriced else ""
    return f"{usd(found.usd)} at stake in {count(found.priced, 'resource')}{unpriced}"


def _lines(finding: Finding, *, with_owner: bool) -> list[str]:
    price = f", {usd(finding.hourly_usd)}" if finding.hourly_usd is not None else ""
    owner = f", owner {plain(finding.owner)}" if with_owner and finding.owner else ""
    account = f", account {plain(finding.account)}" if finding.account else ""
    said = f"- {plain(finding.resource)} {message(finding)}{doubt(finding)}{price}{owner}{account}"
    said += f" [{finding.fingerprint[:_DIGITS]}]"
    return [said, *(f"  {place}" for place in places(finding.origin))]
