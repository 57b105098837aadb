"""`governor azure compare`: our verdict on resources beside Azure's, and why they disagree."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from governor import reports
from governor.azure import results
from governor.azure.compare import CONCERNS, STATUSES, Comparison, Concern, Row, Status, here
from governor.azure.words import called
from governor.commands import azure_inputs, workspace
from governor.commands.azure_inputs import Given, lines_of, not_judged, of_terraform, options_of
from governor.commands.columns import columns
from governor.errors import CANNOT_JUDGE, NOTHING_JUDGED
from governor.judge import Blotter, judge
from governor.model import Stage, Verdict
from governor.reports.grouping import SHOWN, count, plain
from governor.reports.page import Page, write
from governor.reports.table import NARROW
from governor.settle import settle
from governor.sources.azure.estate import ours
from governor.sources.terraform_plan.decode import no_garbage_collection

SCHEMA_VERSION = "1.0"

_TITLES: dict[Status, tuple[str, str, str]] = {
    "both": ("BOTH OBJECT", "bold", "they agree"),
    "ours": ("ONLY WE OBJECT", "bold red", "Azure lets it pass"),
    "azure": ("ONLY AZURE OBJECTS", "bold yellow", "our policies let it pass"),
    "untold": ("CANNOT BE TOLD", "bold yellow", "one side does not know"),
}
_COLUMNS = {
    "both": "both object",
    "neither": "neither",
    "ours": "only we",
    "azure": "only Azure",
    "untold": "cannot be told",
}


@no_garbage_collection()
def run(
    *,
    exports: Sequence[str],
    on: str,
    source: Path | None,
    subscription: str,
    aliases: Path | None,
    policies: Sequence[str],
    config: Path | None,
    allow_floating: bool,
    strict: bool,
    format: str,
    verbose: bool,
    today: date | None,
) -> int:
    """Compare, and tell of it. The exit code: 3 when a side could not judge, or with `strict` something cannot be
    told; 4 when no assignment holds where the resources lie; 1 when the sides disagree; else 0."""
    given = azure_inputs.read(exports, on, source=source, subscription=subscription, aliases=aliases, today=today)
    space = workspace.enter(config, policies, floating=allow_floating)
    is_terraform = any(resource.address for resource in given.estate.resources)
    stage: Stage = "plan" if is_terraform else "live"
    library = space.library(stage)
    inventory = (
        of_terraform(on, given.piped, space.prices(), source)
        if is_terraform
        else ours.inventory(given.estate, space.prices())
    )
    day = today or given.policies.now.date()
    verdict = settle(
        judge(inventory, library.evaluators, day),
        inventory,
        levels={policy.id: space.level(policy, stage) for policy in library.policies},
        today=day,
        exemptions=space.exemptions(),
    )
    side = here(inventory, verdict, {name: concern.config for name, concern in library.concerns.items()})
    evaluation = given.evaluation
    apart = results.apart(given.export, evaluation, given.estate.resources)
    rows = Comparison(evaluation, given.policies, given.export, side).rows()
    blot = Blotter(given.estate.secrets)
    notes = [*dict.fromkeys([*given.notes, *_note(_elsewhere(given, verdict))])]
    told = _Told(None if verbose else SHOWN)

    def code() -> int:
        return _exit_code(given, verdict, told, is_apart=bool(apart), strict=strict)

    if format == "json":
        _stream(given, verdict, rows, told, [*notes, *([f"nothing judged: {apart}"] if apart else [])], blot, code)
    else:
        for row in rows:
            told.take(row)
        sys.stdout.write(blot.text(_page(given, verdict, told, notes, apart, options_of(verbose))))
    return code()


def _elsewhere(given: Given, verdict: Verdict) -> int:
    """Findings about what Azure does not judge: projects and accounts, other providers."""
    known = {(resource.address or resource.id).lower() for resource in given.estate.resources}
    return sum(finding.resource.lower() not in known for finding in verdict.open)


class _Group(Struct):
    """Rows of one status, point and reason."""

    first: Row
    rows: list[Row] = field(default_factory=list)
    total: int = 0


class _Told:
    """Rows, while they come: it does not grow with resources, unless all are to be shown."""

    def __init__(self, shown: int | None) -> None:
        self._shown = shown
        self.counts: Counter[tuple[Concern, Status]] = Counter()
        self.blocked = 0
        """Of what both object to, what Azure would refuse."""
        self.groups: dict[Status, dict[tuple[str, ...], _Group]] = {
            status: {} for status in _TITLES if shown is None or status != "both"
        }
        """What both object to is listed where everything is."""

    def take(self, row: Row) -> None:
        self.counts[row.point.concern, row.status] += 1
        self.blocked += row.status == "both" and row.blocks
        if row.status not in self.groups:
            return
        key = (*row.point, row.reason)
        group = self.groups[row.status].setdefault(key, _Group(row))
        group.total += 1
        if self._shown is None or len(group.rows) < self._shown:
            group.rows.append(row)

    def total(self, status: Status) -> int:
        return sum(number for (_, each), number in self.counts.items() if each == status)


def _exit_code(given: Given, verdict: Verdict, told: _Told, *, is_apart: bool, strict: bool) -> int:
    if verdict.failures or given.gaps or (strict and told.total("untold")):
        return CANNOT_JUDGE
    if is_apart:
        return NOTHING_JUDGED
    return 1 if told.total("ours") or told.total("azure") else 0


def _page(
    given: Given, verdict: Verdict, told: _Told, notes: Sequence[str], apart: str, options: reports.Options
) -> str:
    page = Page(options.width)
    page.text(f"our policies beside {plain(given.source)}, as of {given.policies.now:%Y-%m-%d}", "dim")
    for failure in verdict.failures:
        page.section("COULD NOT JUDGE", "bold red", plain(f"{failure.policy} on {failure.resource}: {failure.reason}"))
    page.blank()
    _table(page, told)
    for status, (name, style, remark) in _TITLES.items():
        found = sorted(told.groups.get(status, {}).values(), key=_order)
        groups = found if options.verbose else found[:SHOWN]
        if groups:
            page.section(name, style, f"{told.total(status):,}: {remark}")
        for group in groups:
            _group(page, group)
        if len(found) > len(groups):
            rest = sum(group.total for group in found[len(groups) :])
            page.text(f"… and {rest:,} more, about {len(found) - len(groups):,} other things (-v lists them)", "dim")
    not_judged(page, apart)
    for gap in given.gaps:
        page.section("GAP", "bold yellow", plain(f"{gap.place}: {gap.reason}"))
    page.blank()
    for note in notes:
        page.text(f"note: {plain(note)}", "dim", hang=2)
    page.add([(_footer(given, told), "bold")])
    return write(page.lines, options)


def _table(page: Page, told: _Told) -> None:
    seen = [concern for concern in CONCERNS if any(told.counts[concern, status] for status in STATUSES)]
    if not seen:
        page.text("neither side says anything of these resources")
        return
    if page.width < NARROW:
        for concern in seen:
            said = ", ".join(f"{told.counts[concern, status]:,} {_COLUMNS[status]}" for status in STATUSES)
            page.text(f"{concern}: {said}", hang=2)
        return
    rows = [[concern, *(f"{told.counts[concern, status]:,}" for status in STATUSES)] for concern in seen]
    for line in columns(["", *_COLUMNS.values()], rows).splitlines():
        page.add([(line, "")])


def _order(group: _Group) -> tuple[int, int]:
    """What both sides have policies about first, and the most frequent."""
    return CONCERNS.index(group.first.point.concern), -group.total


def _group(page: Page, group: _Group) -> None:
    row = group.first
    by = ", ".join((*row.ours, *row.azure))
    page.spans([(plain(row.point.field), "bold"), (f"  {plain(by)}" if by else "", "dim")], hang=2)
    if row.reason:
        page.text(plain(row.reason), indent=2, hang=2)
    for each in group.rows:
        place = lines_of(each.resource.origin)
        page.spans([(plain(called(each.resource)), ""), (place, "dim")], indent=4, hang=2)
    if group.total > len(group.rows):
        page.text(f"… and {group.total - len(group.rows):,} more (-v lists them)", "dim", indent=4)


def _note(elsewhere: int) -> Iterable[str]:
    if elsewhere:
        yield f"{count(elsewhere, 'finding')} of ours about what is no resource of Azure: `governor check` tells them"


def _footer(given: Given, told: _Told) -> str:
    return (
        f"{told.total('both') + told.total('neither'):,} agree, {told.total('ours'):,} only we, {told.total('azure'):,}"
        f" only Azure, {told.total('untold'):,} cannot be told – {count(len(given.estate.resources), 'resource')},"
        f" {count(told.total('both'), 'objection')} of both, {told.blocked:,} of which Azure would refuse"
    )


def _stream(
    given: Given,
    verdict: Verdict,
    rows: Iterable[Row],
    told: _Told,
    notes: Sequence[str],
    blot: Blotter,
    code: Callable[[], int],
) -> None:
    """The document, written as it is made: a row a line."""
    out = sys.stdout

    def encoded(value: Any) -> str:
        return msgspec.json.encode(blot.value(msgspec.to_builtins(value))).decode()

    head = {"version": SCHEMA_VERSION, "source": given.source, "as_of": given.policies.now}
    out.write("{" + encoded(head)[1:-1] + ',\n"rows": [')
    comma = "\n"
    for row in rows:
        told.take(row)
        out.write(f"{comma}{encoded(_record(row))}")
        comma = ",\n"
    tail: dict[str, Any] = {
        "failures": verdict.failures,
        "gaps": given.gaps,
        "notes": notes,
        "summary": {
            concern: {status: told.counts[concern, status] for status in STATUSES} for concern in CONCERNS
        },
        "exit_code": code(),
    }  # fmt: skip
    out.write("],\n" + ",\n".join(f'"{name}": {encoded(value)}' for name, value in tail.items()) + "}\n")


def _record(row: Row) -> dict[str, Any]:
    origin = row.resource.origin
    return {
        "resource": row.resource.id,
        "address": row.resource.address,
        "type": row.resource.type,
        "file": origin.file if origin else "",
        "line": origin.line if origin else 0,
        "concern": row.point.concern,
        "field": row.point.field,
        "status": row.status,
        "policies": row.ours,
        "assignments": row.azure,
        "would_block": row.blocks,
        "reason": row.reason,
    }
