"""`governor azure evaluate`: exports of Azure Policy and resources in, what Azure would say of them out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from governor import reports
from governor.azure import results
from governor.azure.results import OUTCOMES, FailOn, Gathered, Outcome, Row, outcome
from governor.azure.words import because, called, field, short, terms, title
from governor.azure_model import ArmResource, PolicyExemption, Result
from governor.commands import azure_inputs
from governor.commands.azure_inputs import Given, heading, lines_of, not_judged, options_of, place_of, write_json
from governor.errors import Refusal
from governor.judge import Blotter
from governor.languages.azure_policy.after import Changed
from governor.languages.azure_policy.assignments import Assigned, Problem
from governor.languages.azure_policy.candidates import NO_MANAGEMENT_GROUPS, NO_SUBSCRIPTION
from governor.languages.azure_policy.evaluation import Evaluation
from governor.languages.azure_policy.operators import Doubt, Semantics
from governor.reports.grouping import SHOWN, count, plain
from governor.reports.page import Page, Span, write
from governor.sources.terraform_plan.decode import no_garbage_collection

By = Literal["assignment", "resource"]

SCHEMA_VERSION = "1.0"

_STYLES: dict[Outcome, str] = {
    "denied": "bold red", "error": "bold red", "noncompliant": "bold yellow", "unknown": "bold yellow",
    "exempt": "bold cyan", "compliant": "bold green",
}  # fmt: skip
_TITLES: dict[Outcome, tuple[str, str]] = {
    "denied": ("DENIED", "Azure would refuse the request"),
    "error": ("FAILS", "the policy cannot be evaluated, which Azure takes for a denial"),
    "noncompliant": ("NOT COMPLIANT", "Azure would record it"),
    "unknown": ("UNKNOWN", "cannot be told from what is here"),
    "exempt": ("EXEMPT", "an exemption of Azure holds"),
}
_FOOTER: dict[Outcome, str] = {
    "denied": "denied", "error": "failing", "noncompliant": "not compliant", "unknown": "unknown", "exempt": "exempt",
    "compliant": "compliant",
}  # fmt: skip


_TELLING = {
    NO_SUBSCRIPTION: "give --subscription, where the resources will lie",
    NO_MANAGEMENT_GROUPS: "add what `az graph query -q resourcecontainers` prints to the exports: it tells in which"
    " management groups subscriptions lie",
}
"""Why much may be unknown → what to do."""
_LACKING = (
    "the export lacks policies that are assigned: add what `az policy definition list` and `az policy set-definition"
    " list` print, which have the built-in ones, too"
)


@no_garbage_collection()
def run(
    *,
    exports: Sequence[str],
    on: str,
    trace: str,
    after: bool,
    states: Path | None,
    by: By,
    source: Path | None,
    subscription: str,
    semantics: Semantics,
    aliases: Path | None,
    fail_on: FailOn,
    strict: bool,
    format: str,
    verbose: bool,
    today: date | None,
) -> int:
    """Evaluate, and tell of it. The exit code: see `results.exit_code`; with `states`, 1 when Azure recorded another
    verdict than is made here."""
    if states and (trace or after):
        raise Refusal(f"--states compares everything as it is: leave {'--trace' if trace else '--after'} out")
    given = azure_inputs.read(
        exports,
        on,
        states=states,
        source=source,
        subscription=subscription,
        aliases=aliases,
        semantics=semantics,
        today=today,
    )
    blot = Blotter(given.estate.secrets)
    changes: Sequence[Changed] = ()
    if after:
        estate, changes = given.evaluation.after()
        given = msgspec.structs.replace(given, estate=estate)
    evaluation = given.evaluation
    options = options_of(verbose)
    judged = [find(given.estate.resources, trace)] if trace else given.estate.resources
    apart = results.apart(given.export, evaluation, judged)
    problems = given.policies.problems
    is_hidden = bool(given.gaps) or results.hides(problems, given.export, evaluation, judged)
    if trace:
        (resource,) = judged
        problems = results.about(resource, problems, given.export, evaluation)
        told = _traced(evaluation, resource)
        gathered = Gathered(evaluation, by, 0)
        gathered.take(resource, [(one, result) for one, result in told])
        if format == "json":
            write_json(_trace_json(given, evaluation, resource, told, problems), blot)
        else:
            sys.stdout.write(blot.text(_trace_page(given, evaluation, resource, told, problems, apart, options)))
        return results.exit_code(
            gathered.counts, fail_on=fail_on, is_hidden=is_hidden, is_apart=bool(apart), strict=strict
        )
    if states:
        from governor.commands import azure_states

        return azure_states.tell(given, format=format, options=options, blot=blot, strict=strict)
    gathered = Gathered(evaluation, by, None if verbose else SHOWN if format == "table" else 0)
    if format == "json":
        _stream(given, gathered, changes, semantics, blot, apart, (fail_on, is_hidden, strict))
    else:
        for resource, found in evaluation.results():
            gathered.take(resource, found)
        sys.stdout.write(blot.text(_page(given, gathered, changes, apart, by, options)))
    return results.exit_code(gathered.counts, fail_on=fail_on, is_hidden=is_hidden, is_apart=bool(apart), strict=strict)


def find(resources: Sequence[ArmResource], wanted: str) -> ArmResource:
    """The resource of an id, an address, or a unique end of one. Raises Refusal for none, and for several."""
    low = wanted.lower()

    def names(resource: ArmResource) -> Iterator[str]:
        yield resource.id.lower()
        yield short(resource.id).lower()
        if resource.address:
            yield resource.address.lower()

    found = [resource for resource in resources if low in names(resource)]
    found = found or [r for r in resources if any(name.endswith(low) for name in names(r))]
    if not found:
        raise Refusal(f"no resource has an id or an address that ends with {wanted}", place="--trace")
    if len(found) > 1:
        listed = ", ".join(resource.address or resource.id for resource in found[:5])
        more = f", … and {len(found) - 5:,} more" if len(found) > 5 else ""
        raise Refusal(f"{wanted} is the end of {len(found):,} resources: {listed}{more}", place="--trace")
    return found[0]


# For people


def _page(
    given: Given, gathered: Gathered, changes: Sequence[Changed], apart: str, by: By, options: reports.Options
) -> str:
    page = Page(options.width)
    page.text(f"{plain(given.source)}, as of {given.policies.now:%Y-%m-%d}", "dim")
    _changes(page, changes, given.estate.resources, options)
    exemptions = {exemption.id: exemption for exemption in given.export.exemptions}
    for said in OUTCOMES:
        if gathered.counts[said] and said in _TITLES:
            _section(page, said, gathered, by, exemptions, options)
    not_judged(page, apart)
    _problems(page, given.policies.problems, options)
    _gaps(page, given)
    page.blank()
    for note in _notes(given, gathered, apart):
        page.text(f"note: {plain(note)}", "dim", hang=2)
    page.add([(footer(given, gathered), "bold")])
    return write(page.lines, options)


def _section(
    page: Page,
    said: Outcome,
    gathered: Gathered,
    by: By,
    exemptions: dict[str, PolicyExemption],
    options: reports.Options,
) -> None:
    name, remark = _TITLES[said]
    number = f"{gathered.counts[said]:,} on {count(gathered.affected[said], 'resource')}"
    page.section(name, _STYLES[said], f"{number}: {remark}")
    if said == "unknown":
        for reason, times in gathered.reasons.most_common(None if options.verbose else SHOWN):
            page.spans([(f"×{times:,}  ", "dim"), (plain(reason), "")], hang=4)
        return
    found = sorted(gathered.groups[said].values(), key=lambda group: -group.total)
    groups = found if options.verbose else found[:SHOWN]
    for number_, group in enumerate(groups):
        if number_:
            page.blank()
        first = group.rows[0]
        if by == "resource":
            page.spans([(plain(called(first.resource)), "bold"), (lines_of(first.resource.origin), "dim")], hang=2)
        else:
            page.spans([(f"{first.result.effect}  ", _STYLES[said]), *heading(first.one)], hang=6)
            if first.result.message:
                page.text(plain(first.result.message), "green", indent=2, hang=2)
        for row in group.rows:
            _row(page, row, said, by, exemptions)
        if group.total > len(group.rows):
            page.text(f"… and {group.total - len(group.rows):,} more (-v lists them)", "dim", indent=2)
    there = gathered.affected[said] if by == "resource" else len(found)
    if there > len(groups):
        more = f"{there - len(groups):,} more {'resources' if by == 'resource' else 'policies'}"
        page.text(f"… and {more} (-v lists them)", "dim")


def _row(page: Page, row: Row, said: Outcome, by: By, exemptions: dict[str, PolicyExemption]) -> None:
    result = row.result
    if by == "resource":
        page.spans([(f"{result.effect}  ", _STYLES[said]), *heading(row.one)], indent=2, hang=2)
        if result.message:
            page.text(plain(result.message), "green", indent=4, hang=2)
    else:
        page.spans([(plain(called(row.resource)), ""), (lines_of(row.resource.origin), "dim")], indent=2, hang=2)
    page.text(plain(because(result)), indent=4, hang=2)
    if exemption := exemptions.get(result.exemption):
        page.text(plain(terms(exemption)), "cyan", indent=4, hang=2)


def _changes(
    page: Page, changes: Sequence[Changed], resources: Sequence[ArmResource], options: reports.Options
) -> None:
    if not changes:
        return
    names = {resource.id: called(resource) for resource in resources}
    page.section(
        "CHANGES", "bold", f"{count(len(changes), 'field')} that modify and append set; below is what they make"
    )
    shown = changes if options.verbose else changes[:SHOWN]
    resource = ""
    for change in shown:
        if change.resource != resource:
            resource = change.resource
            page.text(plain(names[resource]), indent=2)
        before = change.before or "(missing)"
        name = plain(field(change.field))
        line: list[Span] = [(f"{name}  {plain(before)} → {plain(change.after or '(removed)')}", "")]
        if change.conflict:
            line = [(f"{name}  stays {plain(before)}: {plain(change.conflict)}", "yellow")]
        page.spans([*line, (f"  {change.assignment.rpartition('/')[2]}", "dim")], indent=4, hang=2)
    if len(shown) < len(changes):
        page.text(f"… and {len(changes) - len(shown):,} more (-v lists them)", "dim", indent=2)


def _problems(page: Page, problems: Sequence[Problem], options: reports.Options) -> None:
    if not problems:
        return
    page.section("NOT EVALUATED", "bold yellow", f"{count(len(problems), 'policy', 'policies')} of the assignments")
    shown = problems if options.verbose else problems[:SHOWN]
    for problem in shown:
        what = problem.assignment.rpartition("/")[2] + (f" ({problem.reference})" if problem.reference else "")
        page.spans([(plain(what), "bold"), (f"  {place_of(problem)}", "dim")], hang=2)
        page.text(plain(f"{problem.definition.rpartition('/')[2]}: {problem.reason}"), indent=2, hang=2)
    if len(shown) < len(problems):
        page.text(f"… and {len(problems) - len(shown):,} more (-v lists them)", "dim")


def _gaps(page: Page, given: Given) -> None:
    if not given.gaps:
        return
    page.section("GAPS", "bold yellow", "not read, so not evaluated")
    for gap in given.gaps:
        page.text(plain(gap.place))
        page.text(plain(gap.reason), indent=2, hang=2)


def _notes(given: Given, gathered: Gathered, apart: str) -> list[str]:
    is_silent = gathered.resources and not gathered.counts.total() and not apart
    held = {definition.id.lower() for definition in given.export.definitions}
    held |= {initiative.id.lower() for initiative in given.export.initiatives}
    is_lacking = any(problem.definition.lower() not in held for problem in given.policies.problems)
    return [
        *given.notes,
        *([_LACKING] if is_lacking else []),
        *(said for reason, said in _TELLING.items() if gathered.reasons[reason]),
        *(["no policy says anything of these resources: they are of other types, or left out"] if is_silent else []),
    ]


def footer(given: Given, gathered: Gathered) -> str:
    """The line that ends the report."""
    said = ", ".join(f"{gathered.counts[name]:,} {_FOOTER[name]}" for name in OUTCOMES)
    policies = given.policies
    return (
        f"{said} – {count(gathered.resources, 'resource')}, {count(len(policies.assigned), 'policy', 'policies')} of"
        f" {count(len(given.export.assignments), 'assignment')}, {len(policies.problems):,} not evaluated,"
        f" {count(len(given.gaps), 'gap')}"
    )


# One resource


def _traced(evaluation: Evaluation, resource: ArmResource) -> list[tuple[Assigned, Result]]:
    """What is said of one resource, worst first."""
    told = [(one, results.told(evaluation, one, resource, result)) for one, result in evaluation.of(resource)]
    return sorted(told, key=lambda pair: OUTCOMES.index(outcome(pair[1])))


def _trace_page(
    given: Given,
    evaluation: Evaluation,
    resource: ArmResource,
    told: Sequence[tuple[Assigned, Result]],
    problems: Sequence[Problem],
    apart: str,
    options: reports.Options,
) -> str:
    page = Page(options.width)
    page.spans([(plain(called(resource)), "bold"), (lines_of(resource.origin), "dim")], hang=2)
    page.text(plain(f"{resource.type}  {resource.id}"), "dim", hang=2)
    if not told:
        page.blank()
        page.text("no policy of the export says anything of it")
    not_judged(page, apart)
    for one, result in told:
        said = outcome(result)
        page.blank()
        page.spans([(f"{_FOOTER[said]}  ", _STYLES[said]), (f"{result.effect}  ", ""), *heading(one)], hang=2)
        if result.reason:
            page.text(plain(result.reason), indent=2, hang=2)
        for step in evaluation.trace(one, resource):
            doubt = isinstance(step.held, Doubt)
            mark, style = ("?", "yellow") if doubt else ("✓", "green") if step.held else ("✗", "red")
            spans: list[Span] = [(f"{mark} ", style), (plain(step.said), "")]
            if step.value:
                spans.append((f"  is {plain(step.value)}", "dim"))
            page.spans(spans, indent=2 + 2 * step.depth, hang=2)
    _problems(page, problems, options)
    _gaps(page, given)
    return write(page.lines, options)


def _trace_json(
    given: Given,
    evaluation: Evaluation,
    resource: ArmResource,
    told: Sequence[tuple[Assigned, Result]],
    problems: Sequence[Problem],
) -> dict[str, Any]:
    return {
        "version": SCHEMA_VERSION,
        "results": [
            {
                **_record(resource, one, result),
                "trace": [
                    {
                        "depth": step.depth,
                        "condition": step.said,
                        "held": None if isinstance(step.held, Doubt) else step.held,
                        "value": step.value,
                        "reason": step.held.reason if isinstance(step.held, Doubt) else "",
                    }
                    for step in evaluation.trace(one, resource)
                ],
            }
            for one, result in told
        ],
        "problems": [_problem(problem) for problem in problems],
        "gaps": given.gaps,
    }


# For programs


def _stream(
    given: Given,
    gathered: Gathered,
    changes: Sequence[Changed],
    semantics: Semantics,
    blot: Blotter,
    apart: str,
    rule: tuple[FailOn, bool, bool],
) -> None:
    """The document, written as it is made: a result a line."""
    evaluation = given.evaluation
    out = sys.stdout

    def encoded(value: Any) -> str:
        return msgspec.json.encode(blot.value(msgspec.to_builtins(value))).decode()

    head = {"version": SCHEMA_VERSION, "source": given.source, "as_of": given.policies.now, "semantics": semantics}
    out.write("{" + encoded(head)[1:-1] + ',\n"results": [')
    comma = "\n"
    for resource, found in evaluation.results():
        gathered.take(resource, found)
        for one, result in found:
            out.write(f"{comma}{encoded(_record(resource, one, results.told(evaluation, one, resource, result)))}")
            comma = ",\n"
    fail_on, is_hidden, strict = rule
    tail: dict[str, Any] = {
        "changes": changes,
        "problems": [_problem(problem) for problem in given.policies.problems],
        "gaps": given.gaps,
        "notes": [*_notes(given, gathered, apart), *([f"nothing judged: {apart}"] if apart else [])],
        "summary": {
            **{name: gathered.counts[name] for name in OUTCOMES},
            "resources": gathered.resources,
            "policies": len(given.policies.assigned),
            "assignments": len(given.export.assignments),
            "exit_code": results.exit_code(
                gathered.counts, fail_on=fail_on, is_hidden=is_hidden, is_apart=bool(apart), strict=strict
            ),
        },
    }  # fmt: skip
    out.write("],\n" + ",\n".join(f'"{name}": {encoded(value)}' for name, value in tail.items()) + "}\n")


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "assignment": problem.assignment,
        "definition": problem.definition,
        "reference": problem.reference,
        "error": problem.error,
        "reason": problem.reason,
        "place": place_of(problem),
    }


def _record(resource: ArmResource, one: Assigned, result: Result) -> dict[str, Any]:
    origin = resource.origin
    return {
        "resource": result.resource,
        "address": resource.address,
        "type": resource.type,
        "file": origin.file if origin else "",
        "line": origin.line if origin else 0,
        "assignment": result.assignment,
        "enforced": one.assignment.enforced,
        "definition": result.definition,
        "title": title(one),
        "reference": result.reference,
        "effect": result.effect,
        "state": result.state,
        "outcome": outcome(result),
        "would_block": result.would_block,
        "reason": result.reason,
        "path": result.path,
        "expected": result.expected,
        "actual": result.actual,
        "exemption": result.exemption,
        "message": result.message,
    }
