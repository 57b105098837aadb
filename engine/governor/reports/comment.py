"""The verdict as the one comment that a pull request keeps for an environment, written over from run to run.

Its first line is hidden: `<!-- governor:prod 5f0c… -->`. Whoever posts it looks for the comment that begins with
`marker(environment)`, and leaves it alone when the whole line is the same: then so is the rest.
"""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import quote

from governor.model import Spending, Verdict
from governor.reports import Options
from governor.reports.grouping import (
    SHOWN,
    budget,
    count,
    lapsing,
    moves,
    outcome,
    over_budget,
    project_name,
    step,
    terms,
    total,
    usd_a_month,
)
from governor.reports.markdown import LIMIT, Page, code, mark, sections, tail, text

_DIGEST = 16
"""Hexadecimal digits."""

_HEAD = ["| Project | Now | After | Change | Budget |", "| :--- | ---: | ---: | ---: | ---: |"]


def render(verdict: Verdict, options: Options) -> str:
    """A line when all is well; else what is new and known, what it costs, and the sections of the markdown report."""
    start = marker(options.environment)
    body = _body(verdict, options, LIMIT - len(start) - _DIGEST - len(" -->\n"))
    return f"{start}{blake2b(body.encode(), digest_size=_DIGEST // 2).hexdigest()} -->\n{body}"


def marker(environment: str) -> str:
    """How the comment of an environment begins; of no other one. The digest of the comment follows."""
    return f"<!-- governor:{quote(environment or 'default', safe='')} "


def _body(verdict: Verdict, options: Options, limit: int) -> str:
    name = f" {code(options.environment)}" if options.environment else ""
    heading = f"{mark(verdict)} governor{name}: {text(outcome(verdict))}"
    if _all_is_well(verdict):
        page = Page(limit, [])
        told = ", ".join(_changes(verdict))
        page.lines(" ".join([heading, *([f"{told}."] if told else []), *_cost_in_words(verdict)]))
        return page.written()
    page = Page(limit, tail(verdict))
    page.lines(f"## {heading}")
    if changes := _changes(verdict):
        page.lines("", ", ".join(f"**{changed}**" for changed in changes))
    _cost(page, verdict)
    soon = lapsing(verdict)
    if soon:
        page.lines("", "**Exemptions about to lapse:**", "")
        page.items(f"- {code(e.policy)} on {code(e.resource)}, {text(terms(e))}" for e in soon)
    sections(page, verdict, options)
    return page.written()


def _all_is_well(verdict: Verdict) -> bool:
    """Whether there is nothing that anybody should do, now or soon."""
    said = (verdict.open, verdict.undetermined, verdict.failures, verdict.gaps, verdict.lapsed_exemptions)
    over = any(over_budget(one) for one in verdict.spending)
    return verdict.exit_code == 0 and not any(said) and not lapsing(verdict) and not over


def _changes(verdict: Verdict) -> list[str]:
    """What this change does to the findings; nothing where nothing tells new ones from known ones."""
    if not verdict.compared_with:
        return []
    return [f"{len(verdict.open):,} new", f"{len(verdict.baselined):,} known", f"{len(verdict.fixed):,} fixed"]


def _cost_in_words(verdict: Verdict) -> list[str]:
    """`Costs $4,100 → $4,300 a month (+$200).`; empty when nobody reckoned it."""
    if not verdict.spending:
        return []
    every = total(verdict.spending)
    after = usd_a_month(every.after_usd, every.unpriced_after)
    if not moves(every):
        return [f"Costs {after} a month, unchanged." if verdict.stage == "plan" else f"Costs {after} a month."]
    return [f"Costs {usd_a_month(every.before_usd, every.unpriced_before)} → {after} a month ({step(every)})."]


def _cost(page: Page, verdict: Verdict) -> None:
    """A row for each project that changes or is over its budget; the others in one."""
    shown = [one for one in verdict.spending if moves(one) or over_budget(one)]
    if not shown:
        page.lines(*(line for words in _cost_in_words(verdict) for line in ("", words)))
        return
    shown.sort(key=lambda one: (not over_budget(one), -abs(one.after_usd - one.before_usd)))
    shown = shown[:SHOWN]
    rest = [one for one in verdict.spending if one not in shown]
    rows = [_row(text(project_name(one.project)), one) for one in shown]
    if rest:
        rows.append(_row(count(len(rest), "other project"), total(rest)))
    if len(verdict.spending) > 1:
        rows.append(_row("**all**", total(verdict.spending)))
    page.table(["", "**Expected cost a month**", "", *_HEAD], rows)


def _row(name: str, one: Spending) -> str:
    before = usd_a_month(one.before_usd, one.unpriced_before)
    after = usd_a_month(one.after_usd, one.unpriced_after)
    return f"| {name} | {before} | {after} | {step(one)} | {'❌ ' if over_budget(one) else ''}{budget(one)} |"
