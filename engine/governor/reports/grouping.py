"""Findings in, the groups and sentences that people read out: shared by every report that is not for machines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from governor.model import Exemption, Finding, Level, Origin, Policy, PolicySource, Spending, Tagged, Verdict

SHOWN = 20
"""Resources listed for one policy, unless the reader asks for all."""

NOTICE = timedelta(days=14)
"""How long before an exemption lapses it is named."""

GAPS = "not read, or not believed"
"""What gaps are: a shard of a scan that is quarantined was read, and what is found in it is reported."""


class Line(Struct, frozen=True):
    """All that one policy finds on one resource, in one place."""

    resource: str
    what: str
    """The message without the resource's id in front."""
    hourly_usd: Decimal | None
    origin: Origin | None
    reason: str
    """Why it is undetermined; empty for definite findings."""
    owner: str = ""
    project: str = ""
    account: str = ""
    region: str = ""


class Group(Struct, frozen=True):
    """All that one policy finds, dearest resource first."""

    policy: Policy
    level: Level
    lines: Sequence[Line]

    @property
    def undetermined(self) -> bool:
        """Whether it is not known yet if the policy is broken at all."""
        return any(line.reason for line in self.lines)

    def shown(self, verbose: bool) -> Sequence[Line]:
        """What fits in a report that people read."""
        return self.lines if verbose else self.lines[:SHOWN]


class Stake(Struct, frozen=True):
    """Money behind findings, each resource counted once."""

    usd: Decimal
    """USD per hour."""
    priced: int
    """Resources whose price is known."""
    unpriced: int


def group(findings: Iterable[Finding], verdict: Verdict) -> list[Group]:
    """One group for each policy, in the order in which the policies first appear."""
    policies: dict[str, dict[tuple[str, Origin | None], list[Finding]]] = {}
    for finding in findings:
        place = (finding.resource, finding.origin)
        policies.setdefault(finding.policy, {}).setdefault(place, []).append(finding)
    return [
        Group(
            policy=verdict.policies[name],
            level=verdict.levels[name],
            lines=sorted(
                (_line(found, verdict.policies[name].together) for found in resources.values()),
                key=lambda line: -(line.hourly_usd or Decimal(0)),
            ),
        )
        for name, resources in policies.items()
    ]


def _line(findings: Sequence[Finding], together: str) -> Line:
    first = findings[0]
    # The place inside a file names the file.
    inside = first.origin is not None and first.origin.column > 0 and first.origin.file == first.resource
    return Line(
        resource=places(first.origin)[0] if inside else plain(first.resource),
        what=_what(findings, together),
        hourly_usd=first.hourly_usd,
        origin=None if inside else first.origin,
        reason="; ".join(dict.fromkeys(plain(f.reason) for f in findings if f.reason)),
        owner=plain(first.owner),
        project=plain(first.project),
        account=plain(first.account),
        region=plain(first.region),
    )


def _what(findings: Sequence[Finding], together: str) -> str:
    names = list(dict.fromkeys(last_part(f.attribute) for f in findings))
    if together and len(names) > 1 and "" not in names:
        # replace, not format: the template is written by people and a stray brace must not end the run
        said = plain(together.replace("{count}", str(len(names))).replace("{names}", ", ".join(names)))
    else:
        said = "; ".join(dict.fromkeys(message(f) for f in findings))
    return said + doubt(findings[0])


def message(finding: Finding) -> str:
    """The message without the resource's id in front, on one line."""
    rest = finding.msg.removeprefix(finding.resource)
    if rest == finding.msg or not rest.startswith((" ", ":")):
        return plain(finding.msg)
    return plain(rest).lstrip(" :")


def doubt(finding: Finding) -> str:
    """What is added to a finding that the scan does not stand for."""
    return "" if finding.standing == "whole" else f" ({finding.standing} shard)"


def last_part(attribute: str) -> str:
    """`tags.project` → `project`. Tag keys may hold dots, so all that follows `tags.` is one key."""
    return attribute[5:] if attribute.startswith("tags.") else attribute.rpartition(".")[2]


def plain(text: str) -> str:
    """The text on one line, with control characters spelled out: a tag's value must not drive the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\n\t" else repr(c)[1:-1] for c in text.replace("\r\n", "\n"))


def places(origin: Origin | None) -> list[str]:
    """Where to change the resource, a line each: its block, then the module call that leads to it."""
    if origin is None:
        return []
    own = plain(f"{origin.file}:{origin.line}{f':{origin.column}' if origin.column else ''}")
    return [own, f"in module call {plain(origin.module_call)}"] if origin.module_call else [own]


def path(file: str) -> str:
    """A file as platforms of code match it with one of the repository: slashes, and no `./` in front."""
    return file.replace("\\", "/").removeprefix("./")


def plan_file(verdict: Verdict) -> Origin:
    """What stands for the file of a resource whose origin is not known: platforms show no finding without one.

    The name alone, because a directory that differs between runs would make every finding a new one.
    """
    named = re.search(r"([^\s/\\()]+\.(?:json|tfplan|plan|tf))\b", verdict.source)
    return Origin(named[1] if named else "terraform.plan", 1)


def stake(findings: Iterable[Finding]) -> Stake:
    """Money at stake in the findings' resources."""
    hourly = {f.resource: f.hourly_usd for f in findings}
    prices = [price for price in hourly.values() if price is not None]
    return Stake(sum(prices, Decimal(0)), len(prices), len(hourly) - len(prices))


def usd(amount: Decimal | None) -> str:
    """USD per hour as people read it: `$1,234.50/h`; an en dash when it is not known."""
    if amount is None:
        return "–"
    if 0 < amount < Decimal("0.01"):
        return "<$0.01/h"
    return f"${amount:,.2f}/h"


def usd_a_month(amount: Decimal, unpriced: int = 0) -> str:
    """USD per month as people read it: `$1,235`; `≥ $1,235` where some of it has no known price."""
    shown = "<$1" if 0 < amount < 1 else f"${amount:,.0f}"
    return f"≥ {shown}" if unpriced else shown


def step(spending: Spending) -> str:
    """What the change adds or takes a month: `+$1,235`, `-$20`, `±$0`; a bound where some of it has no known price."""
    change = spending.after_usd - spending.before_usd
    shown = f"{'+' if change > 0 else '-'}{usd_a_month(abs(change))}" if change else "±$0"
    if spending.unpriced_before and spending.unpriced_after:
        return f"≈ {shown}"
    return f"≥ {shown}" if spending.unpriced_after else f"≤ {shown}" if spending.unpriced_before else shown


def moves(spending: Spending) -> bool:
    """Whether the change adds or takes anything."""
    before = (spending.before_usd, spending.unpriced_before)
    return before != (spending.after_usd, spending.unpriced_after)


def over_budget(spending: Spending) -> bool:
    """Whether it costs more than it may, as far as prices are known."""
    return spending.budget_usd is not None and spending.after_usd > spending.budget_usd


def budget(spending: Spending) -> str:
    """How much of the budget is used: `27 % of $32,000`; an en dash without a budget."""
    if spending.budget_usd is None:
        return "–"
    of = f"of {usd_a_month(spending.budget_usd)}"
    return f"{spending.after_usd / spending.budget_usd * 100:,.0f} % {of}" if spending.budget_usd else of


def project_name(project: str) -> str:
    """A project as people read it, also where there is none."""
    return plain(project) or "(no project)"


def total(spending: Iterable[Spending]) -> Spending:
    """All projects together, without budgets: not every project has one."""
    every = list(spending)
    return Spending(
        project="all",
        before_usd=sum((one.before_usd for one in every), Decimal(0)),
        after_usd=sum((one.after_usd for one in every), Decimal(0)),
        unpriced_before=sum(one.unpriced_before for one in every),
        unpriced_after=sum(one.unpriced_after for one in every),
    )


def money(verdict: Verdict) -> str:
    """What the open findings put at stake, in one sentence; nothing where nothing can cost money."""
    if not verdict.costs:
        return ""
    at_stake = stake(verdict.open)
    if not at_stake.priced:
        return f"{count(at_stake.unpriced, 'resource')} at stake, with no known price"
    text = f"{usd(at_stake.usd)} at stake in {count(at_stake.priced, 'resource')} of {usd(verdict.hourly_usd)} judged"
    return f"{text}; {at_stake.unpriced} more with no known price" if at_stake.unpriced else text


def sums(verdict: Verdict) -> list[str]:
    """What the run says of money, a sentence each: what is at stake, and how much carries tags."""
    at_stake = money(verdict) if verdict.open else ""
    return [*([at_stake] if at_stake else []), *([carried(verdict.tagged)] if verdict.tagged else [])]


def carried(tagged: Tagged) -> str:
    """How much of the money carries tags, in one sentence."""
    shares = ", ".join(f"{plain(key)} {percent(share)}" for key, share in tagged.shares.items())
    if tagged.month:
        return f"Spend of {tagged.month} that carries a tag: {percent(tagged.tagged)}; {shares}"
    return f"Of {usd(tagged.usd)} that can carry tags, {percent(tagged.tagged)} does; {shares}"


def percent(share: Decimal) -> str:
    """A share of 0 to 1 as people read it: `83.3 %`."""
    return f"{share * 100:.1f} %"


def outcome(verdict: Verdict) -> str:
    """What the run comes to, in one sentence."""
    failing = sum(1 for _ in verdict.failing())
    at = verdict.fail_level if verdict.fail_level == "deny" else f"{verdict.fail_level} or above"
    new = "new finding" if verdict.compared_with else "finding"
    fails = f"{count(failing, new)} at level {at}"
    besides = f" Besides, {fails}." if failing else ""
    if verdict.failures:
        failed = len({failure.policy for failure in verdict.failures})
        return f"Could not judge: {count(failed, 'policy', 'policies')} failed.{besides}"
    if verdict.exit_code == 3:
        return f"Could not judge everything, which this run insists on (strict).{besides}"
    if not verdict.policies:
        return "Nothing was judged: no policy applies."
    if failing:
        return f"Does not pass: {fails}."
    if verdict.open:
        return (
            f"Passes: {count(len(verdict.open), new if verdict.compared_with else 'open finding')}, none at level {at}."
        )
    if not verdict.resources:
        known = "resource of a kind that governor knows" if verdict.costs else f"{verdict.unit} to search"
        return f"Nothing to judge: no {known}."
    if verdict.undetermined or verdict.gaps:
        return f"Nothing is {'new' if verdict.baselined else 'open'}, but not everything could be read."
    return "Nothing is new." if verdict.baselined else "All good: nothing is open."


def uncovered(verdict: Verdict) -> list[str]:
    """`aws_vpc ×2`, most frequent type first."""
    counts: Mapping[str, int] = Counter(verdict.not_covered)
    return [f"{plain(name)} ×{n}" for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def terms(exemption: Exemption) -> str:
    """On what terms an exemption holds, in one line."""
    ticket = f", {exemption.ticket}" if exemption.ticket else ""
    who = f"owner {exemption.owner}, approved by {exemption.approved_by}" if exemption.owner else "in the code"
    return plain(f"{exemption.category} until {exemption.expires}: {exemption.reason} ({who}{ticket})")


def provenance(source: PolicySource) -> str:
    """Where policies came from, to the commit, and who signed it."""
    commit = "" if source.commit in source.source else f" = {source.commit}"
    return plain(f"{source.source}{commit}{f', signed by {source.signer}' if source.signer else ''}")


def known_of(verdict: Verdict) -> list[tuple[Policy, int]]:
    """Policies with findings that were known before, and how many each has."""
    counts = Counter(finding.policy for finding in verdict.baselined)
    return [(verdict.policies[name], number) for name, number in counts.items()]


def lapsing(verdict: Verdict) -> list[Exemption]:
    """Exemptions that a finding still needs and that lapse within `NOTICE`, the first to go first."""
    soon = (item.exemption for item in verdict.exempt if item.exemption.expires - verdict.today <= NOTICE)
    return sorted(dict.fromkeys(soon), key=lambda exemption: exemption.expires)


def count(number: int, one: str, many: str = "") -> str:
    """`1 resource`, `2 resources`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
