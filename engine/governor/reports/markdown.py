"""The verdict as a comment on a pull request: GitHub's Markdown, at most `LIMIT` characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from governor.model import Exemption, Finding, Verdict
from governor.reports import Options
from governor.reports.grouping import (
    GAPS,
    Group,
    Line,
    count,
    group,
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

LIMIT = 65_536
"""Characters GitHub takes in one comment."""

MARKS = {0: "✅", 1: "❌"}

_NOTICE = 200
"""Characters kept for the line that counts what is left out."""

_HEAD = ["| Resource | What | USD/h |", "| :--- | :--- | ---: |"]


def render(verdict: Verdict, options: Options) -> str:
    """Heading, open findings, folded sections, money, footer. What does not fit is counted; the footer always stays."""
    page = Page(LIMIT, tail(verdict))
    page.lines(f"## {mark(verdict)} governor: {text(outcome(verdict))}")
    if verdict.source:
        page.lines("", f"{code(verdict.source)}, stage {verdict.stage}")
    sections(page, verdict, options)
    return page.written()


def mark(verdict: Verdict) -> str:
    """How it went, in one sign."""
    return MARKS.get(verdict.exit_code, "⚠️")


def tail(verdict: Verdict) -> list[str]:
    """The lines that end every comment: money, footer."""
    return [line for said in (*sums(verdict), verdict.footer) for line in ("", text(said))]


def sections(page: Page, verdict: Verdict, options: Options) -> None:
    """All that was found, one section after the other: what is open first, what is only to be known folded."""
    if verdict.failures:
        page.lines("", "**These policies failed, and their silence is no pass:**", "")
        page.items(
            f"- {code(f.policy)} on {code(f.resource) if f.resource else 'the whole input'}: {text(f.reason)}"
            for f in verdict.failures
        )
    for item in group(verdict.open, verdict):
        _group(page, item, options)
    undetermined = group(verdict.undetermined, verdict)
    if undetermined:
        page.open(f"{count(len(verdict.undetermined), 'undetermined finding')}: cannot be told yet")
        for item in undetermined:
            _group(page, item, options)
        page.close()
    if verdict.gaps:
        page.open(f"{count(len(verdict.gaps), 'gap')}: {GAPS}")
        page.items(f"- {code(gap.place)}: {text(gap.reason)}" for gap in verdict.gaps)
        page.close()
    _exemptions(page, "lapsed exemption", "run out, renew them or mend what they covered", verdict.lapsed_exemptions)
    if verdict.exempt:
        first = min(item.exemption.expires for item in verdict.exempt)
        page.open(f"{count(len(verdict.exempt), 'exempt finding')}, the first until {first}")
        page.items(f"{_brief(item.finding)}: {text(terms(item.exemption))}" for item in verdict.exempt)
        page.close()
    if verdict.baselined:
        page.open(f"{count(len(verdict.baselined), 'known finding')}, which {code(verdict.compared_with)} has, too")
        page.items(_brief(finding) for finding in verdict.baselined)
        page.close()
    if verdict.fixed:
        page.open(f"{count(len(verdict.fixed), 'fixed finding')}, which {code(verdict.compared_with)} has")
        page.items(
            f"- {code(e.policy)} {code(e.resource)}{f' {code(e.attribute)}' if e.attribute else ''}"
            for e in verdict.fixed
        )
        page.close()
    _exemptions(page, "stale exemption", "covering nothing", verdict.stale_exemptions)
    if verdict.not_covered:
        page.open(f"{count(sum(verdict.not_covered.values()), 'resource')} of types that are not covered")
        page.items([text(", ".join(uncovered(verdict)))])
        page.close()
    if verdict.policy_sources or verdict.notes:
        page.lines("")
        page.items(f"- Policies: {code(provenance(source))}" for source in verdict.policy_sources)
        page.items(f"- Note: {text(note)}" for note in verdict.notes)


def _group(page: Page, item: Group, options: Options) -> None:
    policy = item.policy
    head = ["", f"**{item.level} {code(policy.id)} {text(policy.title)}** ({policy.severity})"]
    if policy.remediation and not item.undetermined:
        head += ["", f"Fix: {text(policy.remediation)}"]
    shown = item.shown(options.verbose)
    page.table([*head, "", *_HEAD], [_row(line) for line in shown])
    if len(shown) < len(item.lines):
        more = len(item.lines) - len(shown)
        if not page.lines("", f"… and {more:,} more (-v, or --format json, lists all)"):
            page.miss(more)


def _row(line: Line) -> str:
    where = "".join(f"<br>{text(place)}" for place in places(line.origin))
    reason = f"<br>unknown: {text(line.reason)}" if line.reason else ""
    return f"| {code(line.resource)}{where} | {text(line.what)}{reason} | {text(usd(line.hourly_usd))} |"


def _brief(finding: Finding) -> str:
    return f"- {code(finding.policy)} {code(finding.resource)} {text(message(finding))}"


def _exemptions(page: Page, what: str, remark: str, exemptions: Sequence[Exemption]) -> None:
    if exemptions:
        page.open(f"{count(len(exemptions), what)}: {remark}")
        page.items(f"- {code(e.policy)} on {code(e.resource)}, {text(terms(e))}" for e in exemptions)
        page.close()


_ENTITIES = {ord(c): f"&#{ord(c)};" for c in "\\`*_[]~|"} | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
}
_PROSE = _ENTITIES | {ord('"'): '"'}


def text(words: str) -> str:
    """Words of others as words: no markup, no HTML, no cell of a table ends in them, nobody is called by an `@`."""
    escaped = plain(words).translate(_PROSE)
    # `_` inside a word means nothing to GitHub; left alone, mails that quote the comment stay legible.
    escaped = re.sub(r"(?<=[A-Za-z0-9])&#95;(?=[A-Za-z0-9])", "_", escaped)
    return re.sub(r"(?<![\w.+-])@(?=\w)", "@\u2060", escaped).replace("://", "&#58;//").strip() or "–"


def code(name: str) -> str:
    """A name in the type of code. Anything that could end a code span or a table's cell is written as an entity."""
    one_line = plain(name).strip()
    if not one_line:
        return "–"
    if not re.search(r"[`|\\<>&]", one_line):
        return f"`{one_line}`"
    return f"<code>{one_line.translate(_ENTITIES)}</code>"


class Page:
    """Lines up to a number of characters; what comes after is counted, not written. The tail always stays."""

    def __init__(self, limit: int, tail: Sequence[str]) -> None:
        self._written: list[str] = []
        self._tail = tail
        self._room = limit - sum(len(line) + 1 for line in tail) - _NOTICE
        self._left_out = 0
        self._closing: list[str] = []

    def lines(self, *lines: str) -> bool:
        """All of the lines, or none."""
        if lines and not lines[0] and self._written and not self._written[-1]:
            lines = lines[1:]
        size = sum(len(line) + 1 for line in lines)
        if size > self._room:
            self._room = 0  # nor does anything later: a comment with holes misleads
            return False
        self._written += lines
        self._room -= size
        return True

    def items(self, lines: Iterable[str]) -> None:
        for line in lines:
            if not self.lines(line):
                self.miss(1)

    def table(self, head: Sequence[str], rows: Sequence[str]) -> None:
        """The head stands only over at least one row."""
        if rows and self.lines(*head, rows[0]):
            self.items(rows[1:])
        else:
            self.miss(len(rows))

    def miss(self, number: int) -> None:
        self._left_out += number

    def open(self, summary: str) -> None:
        """A section that opens on a click. Its end is paid for at once, so that it can always be closed."""
        closing = ["", "</details>"]
        start = ["", f"<details><summary>{summary}</summary>", ""]
        size = sum(len(line) + 1 for line in closing)
        self._room -= size
        self._closing = closing if self.lines(*start) else []

    def close(self) -> None:
        self._written += self._closing
        self._closing = []

    def written(self) -> str:
        """The whole comment, with a line that counts what is left out."""
        notice = (
            f"**{count(self._left_out, 'line')} left out: this is all a comment holds. --format json has everything.**"
        )
        left_out = ["", notice] if self._left_out else []
        return "\n".join([*self._written, *left_out, *self._tail]) + "\n"
