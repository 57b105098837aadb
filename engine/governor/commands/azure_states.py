"""`governor azure evaluate --states`: our evaluation beside what Azure recorded."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from governor import reports
from governor.azure import states
from governor.azure.states import Alone, Comparison, Difference
from governor.azure.words import because, short
from governor.commands.azure_inputs import Given, not_judged, write_json
from governor.errors import CANNOT_JUDGE, NOTHING_JUDGED, Refusal
from governor.judge import Blotter
from governor.reports.grouping import SHOWN, count, plain
from governor.reports.page import Page, write

SCHEMA_VERSION = "1.0"


def tell(given: Given, *, format: str, options: reports.Options, blot: Blotter, strict: bool) -> int:
    """Print the comparison. The exit code: 3 when something could not be read, or with `strict` not be told; 4 when
    no record is of what is evaluated; 1 when something differs that both evaluated. Raises Refusal where nothing is
    recorded."""
    records = given.export.states
    if not records:
        for gap in given.export.gaps:
            raise Refusal(gap.reason, place=gap.place, code=CANNOT_JUDGE)
        raise Refusal(
            "it holds no compliance records: write them with `az policy state list`", place="--states",
            code=CANNOT_JUDGE,
        )  # fmt: skip
    made = states.compare(given.evaluation, given.policies, given.estate.resources, records)
    is_untold = bool(given.gaps) or (strict and bool(made.untold))
    code = CANNOT_JUDGE if is_untold else NOTHING_JUDGED if made.is_apart else 1 if made.differ else 0
    if format == "json":
        write_json(_document(given, made, code), blot)
    else:
        sys.stdout.write(blot.text(_page(given, made, options)))
    return code


def _page(given: Given, made: Comparison, options: reports.Options) -> str:
    page = Page(options.width)
    page.text(f"{plain(given.source)}, as of {given.policies.now:%Y-%m-%d}", "dim")
    if made.oldest:
        page.text(f"records of {made.oldest[:10]} to {made.newest[:10]}", "dim")
    most = None if options.verbose else SHOWN
    if made.differ:
        page.section("DIFFER", "bold red", "Azure recorded one verdict, and we come to another")
        for one in made.differ[:most]:
            _differs(page, one)
        _more(page, len(made.differ), most)
    if made.untold:
        page.section("CANNOT BE TOLD", "bold yellow", "one of the two does not know")
        _reasons(page, made.untold, most)
    if made.only_there:
        page.section("ONLY THERE", "bold", "Azure recorded something that nothing here answers")
        _reasons(page, Counter(alone.reason for alone in made.only_there), most)
        if options.verbose:
            for alone in made.only_there:
                record = alone.record
                named = _named(record.resource, record.assignment, record.reference)
                page.text(plain(f"{named}: {alone.reason}"), indent=2, hang=2)
    if made.only_here:
        told = ", ".join(f"{number:,} {state}" for state, number in made.only_here.most_common())
        page.section("ONLY HERE", "bold", f"{told}: Azure recorded nothing of it")
    if made.is_apart:
        not_judged(page, "no record is of anything that is evaluated here: give the records of the same subscriptions")
    for gap in given.gaps:
        page.section("GAP", "bold yellow", plain(f"{gap.place}: {gap.reason}"))
    page.blank()
    for note in given.notes:
        page.text(f"note: {plain(note)}", "dim", hang=2)
    page.add([(footer(made), "bold")])
    return write(page.lines, options)


def _differs(page: Page, one: Difference) -> None:
    record, result = one.record, one.result
    age = "" if one.age_days is None else f", {count(one.age_days, 'day')} ago"
    page.spans([(plain(_named(result.resource, result.assignment, result.reference)), "bold")], hang=2)
    page.text(f"Azure: {plain(record.state)}{age}", indent=2, hang=2)
    page.text(f"we: {result.state}, as {plain(because(result))}", indent=2, hang=2)


def _named(resource: str, assignment: str, reference: str) -> str:
    member = f" ({reference})" if reference else ""
    return f"{short(resource)}  {assignment.rpartition('/')[2]}{member}"


def _reasons(page: Page, reasons: Counter[str], most: int | None) -> None:
    for reason, times in reasons.most_common(most):
        page.spans([(f"×{times:,}  ", "dim"), (plain(reason), "")], hang=4)
    _more(page, len(reasons), most)


def _more(page: Page, there: int, most: int | None) -> None:
    if most is not None and there > most:
        page.text(f"… and {there - most:,} more (-v lists them)", "dim")


def footer(made: Comparison) -> str:
    """The line that ends the report."""
    return (
        f"{sum(made.agree.values()):,} agree, {len(made.differ):,} differ, {sum(made.untold.values()):,} cannot be"
        f" told, {len(made.only_there):,} only there, {sum(made.only_here.values()):,} only here"
    )


def _document(given: Given, made: Comparison, code: int) -> dict[str, Any]:
    return {
        "version": SCHEMA_VERSION,
        "source": given.source,
        "as_of": given.policies.now,
        "records": {"oldest": made.oldest, "newest": made.newest},
        "agree": made.agree,
        "differ": [
            {
                "resource": one.result.resource,
                "assignment": one.result.assignment,
                "reference": one.result.reference,
                "azure": one.record.state,
                "ours": one.result.state,
                "at": one.record.at,
                "age_days": one.age_days,
                "reason": one.result.reason,
                "path": one.result.path,
                "expected": one.result.expected,
                "actual": one.result.actual,
            }
            for one in made.differ
        ],
        "untold": [{"reason": reason, "count": number} for reason, number in made.untold.most_common()],
        "only_there": [_there(alone) for alone in made.only_there],
        "only_here": made.only_here,
        "gaps": given.gaps,
        "exit_code": code,
    }


def _there(alone: Alone) -> dict[str, Any]:
    record = alone.record
    return {
        "resource": record.resource,
        "assignment": record.assignment,
        "reference": record.reference,
        "azure": record.state,
        "at": record.at,
        "reason": alone.reason,
    }
