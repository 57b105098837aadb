"""The verdict for a person at a terminal, in as many columns as the terminal has.

The lines are laid out here and not by `rich.table`, which measures every cell before it draws the first: 10,000 rows
take it seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from msgspec import Struct

from governor.model import Exemption, Verdict
from governor.reports import Options
from governor.reports.grouping import (
    GAPS,
    Group,
    Line,
    count,
    group,
    known_of,
    message,
    outcome,
    places,
    plain,
    provenance,
    sums,
    terms,
    uncovered,
    usd,
)
from governor.reports.page import Page, Span, cells, fold, pad, write

NARROW = 72
"""Below this many columns, what would stand side by side is stacked."""
TYPES = 5
"""Types outside the catalogue that are named unless the reader asks for all."""

LEVEL_STYLES = {"deny": "bold red", "warn": "yellow", "note": "cyan", "off": "dim"}


def render(verdict: Verdict, options: Options) -> str:
    """The report. No line but the footer is wider than `options.width`; long names fold, nothing is cut off."""
    page = Page(options.width)
    if verdict.source:
        page.text(f"{plain(verdict.source)}, stage {verdict.stage}", "dim")
    _failures(page, verdict)
    _findings(page, verdict, options)
    _gaps(page, verdict)
    _lapsed(page, verdict)
    _exempt(page, verdict, options)
    _known(page, verdict, options)
    _fixed(page, verdict, options)
    _stale(page, verdict, options)
    _remarks(page, verdict, options)
    _close(page, verdict)
    return write(page.lines, options)


def _failures(page: Page, verdict: Verdict) -> None:
    if not verdict.failures:
        return
    page.section("COULD NOT JUDGE", "bold red", "a policy that fails never counts as a pass")
    for failure in verdict.failures:
        page.spans([(plain(failure.policy), "bold red"), (f"  on {plain(failure.resource) or 'the whole input'}", "")])
        page.text(plain(failure.reason), indent=2)


def _findings(page: Page, verdict: Verdict, options: Options) -> None:
    open_ = group(verdict.open, verdict)
    undetermined = group(verdict.undetermined, verdict)
    columns = _fit([*open_, *undetermined], options, verdict.costs)
    if open_:
        remark = (
            f"{count(len(verdict.open), 'finding')} in {count(len({f.resource for f in verdict.open}), verdict.unit)}"
        )
        remark += "; on the right, what each costs" if columns.price else ""
        page.section(
            "NEW" if verdict.compared_with else "OPEN",
            "bold red" if any(True for _ in verdict.failing()) else "bold yellow",
            remark,
        )
        _groups(page, open_, columns, options)
    if undetermined:
        page.section("UNDETERMINED", "bold yellow", "cannot be told yet")
        _groups(page, undetermined, columns, options)


def _exempt(page: Page, verdict: Verdict, options: Options) -> None:
    if not verdict.exempt:
        return
    first = min(item.exemption.expires for item in verdict.exempt)
    page.section("EXEMPT", "bold", f"{count(len(verdict.exempt), 'finding')}, the first until {first}", options.verbose)
    if options.verbose:
        for item in verdict.exempt:
            finding = item.finding
            page.spans([(plain(finding.policy), "bold"), (f"  {plain(finding.resource)}", "")])
            page.text(message(finding), indent=2)
            page.text(terms(item.exemption), "dim", indent=2)


def _known(page: Page, verdict: Verdict, options: Options) -> None:
    """A line for each policy, unless the reader asks for all."""
    if not verdict.baselined:
        return
    more = "" if options.verbose else " (-v lists them)"
    there = f"{count(len(verdict.baselined), 'finding')} that {plain(verdict.compared_with)} has, too{more}"
    page.section("KNOWN", "bold", there)
    if options.verbose:
        for finding in verdict.baselined:
            page.spans([(plain(finding.policy), "bold"), (f"  {plain(finding.resource)}", "")])
            page.text(message(finding), indent=2)
        return
    for policy, number in known_of(verdict):
        page.spans([(f"{plain(policy.id)}  ", "bold"), (plain(policy.title), ""), (f"  ×{number:,}", "dim")], hang=8)


def _fixed(page: Page, verdict: Verdict, options: Options) -> None:
    if not verdict.fixed:
        return
    gone = f"{count(len(verdict.fixed), 'finding')} that {plain(verdict.compared_with)} has"
    page.section("FIXED", "bold green", gone, options.verbose)
    if options.verbose:
        for entry in verdict.fixed:
            page.spans([(plain(entry.policy), "bold"), (f"  {plain(entry.resource)}", "")])
            if entry.attribute:
                page.text(plain(entry.attribute), indent=2)


def _lapsed(page: Page, verdict: Verdict) -> None:
    if verdict.lapsed_exemptions:
        page.section("LAPSED EXEMPTIONS", "bold yellow", "run out: renew them, or mend what they covered")
        _exemptions(page, verdict.lapsed_exemptions)


def _stale(page: Page, verdict: Verdict, options: Options) -> None:
    if verdict.stale_exemptions:
        number = count(len(verdict.stale_exemptions), "exemption")
        page.section("STALE EXEMPTIONS", "bold", f"{number} covering nothing", options.verbose)
        if options.verbose:
            _exemptions(page, verdict.stale_exemptions)


def _exemptions(page: Page, exemptions: Iterable[Exemption]) -> None:
    for exemption in exemptions:
        page.spans([(plain(exemption.policy), "bold"), (f"  {plain(exemption.resource)}", "")])
        page.text(terms(exemption), "dim", indent=2)


def _gaps(page: Page, verdict: Verdict) -> None:
    if not verdict.gaps:
        return
    page.section("GAPS", "bold yellow", GAPS)
    for gap in verdict.gaps:
        page.text(plain(gap.place))
        page.text(plain(gap.reason), indent=2)


def _remarks(page: Page, verdict: Verdict, options: Options) -> None:
    types = uncovered(verdict)
    shown = types if options.verbose else types[:TYPES]
    if types or verdict.notes or verdict.policy_sources:
        page.blank()
    if types:
        more = f", … and {count(len(types) - len(shown), 'more type')} (-v lists them)" if shown != types else ""
        page.text(f"not covered: {', '.join(shown)}{more}", "dim", hang=2)
    for source in verdict.policy_sources:
        page.text(f"policies: {provenance(source)}", "dim", hang=2)
    for note in verdict.notes:
        page.text(f"note: {plain(note)}", "dim", hang=2)


def _close(page: Page, verdict: Verdict) -> None:
    page.blank()
    page.text(outcome(verdict), {0: "bold green", 1: "bold red"}.get(verdict.exit_code, "bold yellow"))
    for said in sums(verdict):
        page.text(said, "magenta")
    page.add([(verdict.footer, "bold")])


class _Columns(Struct, frozen=True):
    """Widths of a row's columns; `resource` is 0 where rows are stacked, `price` also where nothing has one."""

    resource: int
    what: int
    price: int


def _fit(groups: Sequence[Group], options: Options, costs: bool) -> _Columns:
    if options.width < NARROW or not groups:
        return _Columns(0, 0, 0)
    lines = [line for item in groups for line in item.shown(options.verbose)]
    price = max(len(usd(line.hourly_usd)) for line in lines) if costs else 0
    room = options.width - 2 - 2 - (2 + price if costs else 0)
    if room < 2 * 16:
        return _Columns(0, 0, 0)
    # Ids too long for their column have a line of their own: they do not widen the column, but that line counts.
    ids = [cells(line.resource) for line in lines]
    names = [*ids, *(cells(place) for line in lines for place in places(line.origin))]
    cap = room * 55 // 100
    resource = max((size for size in names if size <= cap), default=cap)
    what = max(max(ids) - resource - 2, *(cells(text) for line in lines for text, _ in _said(line)))
    return _Columns(resource, min(what, room - resource), price)


def _groups(page: Page, groups: Sequence[Group], columns: _Columns, options: Options) -> None:
    for position, item in enumerate(groups):
        if position:
            page.blank()
        policy = item.policy
        level = (f"{item.level}  ", LEVEL_STYLES[item.level])
        page.spans(
            [level, (f"{plain(policy.id)}  ", "bold"), (plain(policy.title), "bold"), (f"  {policy.severity}", "dim")],
            hang=6,
        )
        if policy.remediation and not item.undetermined:
            page.spans([("fix: ", "green"), (plain(policy.remediation), "")], indent=2, hang=5)
        shown = item.shown(options.verbose)
        for line in shown:
            if columns.resource:
                _row(page, line, columns)
            else:
                _stacked(page, line)
        if len(shown) < len(item.lines):
            page.text(f"… and {len(item.lines) - len(shown):,} more (use -v, or --format json)", "dim", indent=2)


def _said(line: Line) -> list[Span]:
    return [(line.what, ""), (f"unknown: {line.reason}", "yellow")] if line.reason else [(line.what, "")]


def _row(page: Page, line: Line, columns: _Columns) -> None:
    price = f"  {usd(line.hourly_usd):>{columns.price}}" if columns.price else ""
    left = [(part, "dim") for place in places(line.origin) for part in fold(place, columns.resource)]
    right = [(part, style) for text, style in _said(line) for part in fold(text, columns.what)]
    if cells(line.resource) <= columns.resource:
        left.insert(0, (line.resource, ""))
    else:
        # An address too long for its column has a line of its own, so that it can be copied in one piece.
        room = columns.resource + 2 + columns.what
        for part in fold(line.resource, room):
            page.add([("  ", ""), (pad(part, room), ""), (price, "magenta")])
            price = ""
    for (one, dim), (other, style) in zip_longest(left, right, fillvalue=("", "")):
        page.add(
            [
                ("  ", ""),
                (pad(one, columns.resource), dim),
                ("  ", ""),
                (pad(other, columns.what) if price else other, style),
                (price, "magenta"),
            ]
        )
        price = ""


def _stacked(page: Page, line: Line) -> None:
    page.text(line.resource, indent=2)
    price = [] if line.hourly_usd is None else [(usd(line.hourly_usd), "magenta")]
    for text, style in [*_said(line), *((place, "dim") for place in places(line.origin)), *price]:
        page.text(text, style, indent=4)
