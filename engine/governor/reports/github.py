"""The verdict as workflow commands of GitHub Actions: annotations on the run, and beside the lines of a pull request.

The commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. What is escaped, and how,
is what the runner undoes: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from governor.model import Level, Origin, Verdict
from governor.reports import Options
from governor.reports.grouping import GAPS, Group, Line, count, group, outcome, places, plain, usd
from governor.reports.grouping import path as relative

LIMIT = 10
"""Annotations that GitHub shows of each kind for one step; it drops the rest without a word."""

COMMANDS: dict[Level, str] = {"deny": "error", "warn": "warning", "note": "notice"}


class _Annotation(Struct, frozen=True):
    command: str
    title: str
    lines: Sequence[str]
    """Of the message. What others wrote makes no line of its own."""
    origin: Origin | None = None


def render(verdict: Verdict, options: Options) -> str:
    """A command for each failure, open or undetermined line, and gap, up to `LIMIT` of each kind; the rest as a log.

    Exempt and known findings are not annotated: nobody is to mend them in this change.
    """
    annotations = list(_annotations(verdict))
    lines: list[str] = []
    for command in COMMANDS.values():
        lines += _capped(command, [each for each in annotations if each.command == command])
    return "\n".join([*lines, _inert(outcome(verdict)), _inert(verdict.footer)]) + "\n"


def _annotations(verdict: Verdict) -> Iterator[_Annotation]:
    for failure in verdict.failures:
        on = f" on {failure.resource}" if failure.resource else ""
        lines = (f"No pass: it could not be evaluated{on}.", failure.reason)
        yield _Annotation("error", f"{failure.policy} failed", lines)
    for item in group(verdict.open, verdict):
        for line in item.lines:
            yield _of_line(COMMANDS[item.level], item, line)
    for item in group(verdict.undetermined, verdict):
        for line in item.lines:
            yield _of_line("warning", item, line)
    for gap in verdict.gaps:
        yield _Annotation("warning", GAPS.capitalize(), (f"{gap.place}: {gap.reason}",))


def _of_line(command: str, item: Group, line: Line) -> _Annotation:
    policy = item.policy
    told = [f"{line.resource} {line.what}"]
    if line.reason:
        told.append(f"Undetermined: {line.reason}")
    if line.hourly_usd is not None:
        told.append(f"Costs {usd(line.hourly_usd)}.")
    told += places(line.origin)[1:]
    if policy.remediation and not line.reason:
        told.append(f"Fix: {policy.remediation}")
    return _Annotation(command, f"{policy.id} {policy.title}", told, line.origin)


def _capped(command: str, annotations: Sequence[_Annotation]) -> list[str]:
    if len(annotations) <= LIMIT:
        return [_command(each) for each in annotations]
    shown, rest = annotations[: LIMIT - 1], annotations[LIMIT - 1 :]
    more = count(len(rest), f"more {command}")
    return [
        *map(_command, shown),
        _command(_Annotation(command, more, (f"Listed in the log of this step: GitHub shows {LIMIT} of a kind.",))),
        f"::group::{more}",
        *map(_logged, rest),
        "::endgroup::",
    ]


def _command(annotation: _Annotation) -> str:
    properties = {"title": annotation.title}
    if annotation.origin:
        file = relative(annotation.origin.file)
        properties = {"file": file, "line": str(max(annotation.origin.line, 1)), **properties}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{annotation.command} {written}::{'%0A'.join(map(_data, annotation.lines))}"


def _logged(annotation: _Annotation) -> str:
    where = "".join(f" ({place})" for place in places(annotation.origin)[:1])
    return _inert(f"{annotation.title}: {annotation.lines[0]}{where}")


def _data(text: str) -> str:
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _inert(text: str) -> str:
    """A line of the log that holds no command, whoever wrote its words; the runner finds `##[…]` anywhere in a line."""
    line = plain(text).replace("##[", "##\u2060[")
    return f"\u2060{line}" if line.lstrip().startswith("::") else line
