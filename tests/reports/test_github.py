"""Workflow commands, read back the way the runner of GitHub Actions reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from governor.model import Failure, Finding, Gap, Origin, Policy, Verdict
from governor.reports import Options, render
from governor.reports.github import LIMIT
from governor.reports.grouping import path, plain

POLICY = Policy(id="P1", title="P: a, b", remediation="mend it")
COMMANDS = ("error", "warning", "notice", "group", "endgroup")


def runner_reads(report: str) -> list[tuple[str, dict[str, str], str]]:
    """What ActionCommand.TryParseV2 finds in the lines of a log: command, properties, message."""
    found = []
    for line in report.splitlines():
        trimmed = line.lstrip()
        if not trimmed.startswith("::"):
            assert "##[" not in line, "the older form counts anywhere in a line"
            continue
        info, _, message = trimmed[2:].partition("::")
        command, _, written = info.partition(" ")
        assert command in COMMANDS
        pairs = [part.split("=", 1) for part in written.split(",") if part]
        properties = {name: undo(value, {"%3A": ":", "%2C": ","}) for name, value in pairs}
        found.append((command, properties, undo(message, {})))
    return found


def undo(text: str, more: dict[str, str]) -> str:
    for escaped, meant in {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}.items():
        text = text.replace(escaped, meant)
    return text


def found(resource: str, says: str = "is wrong", **more: Any) -> Finding:
    return Finding(policy="P1", resource=resource, kind="x", attribute="", msg=f"{resource} {says}", **more)


def test_levels_become_commands(verdict: Verdict) -> None:
    commands = runner_reads(render("github", verdict, Options()))
    titles = {(command, properties["title"].split()[0]) for command, properties, _ in commands}
    assert titles == {
        ("error", "BUD009"), ("error", "BUD001"), ("error", "RES001"), ("error", "TAG001"),
        ("warning", "KEY002"), ("warning", "RES001"), ("warning", "TAG001"), ("warning", "Not"), ("notice", "BUD004"),
    }  # fmt: skip


def test_every_line_of_a_finding_and_its_place(judged: Callable[..., Verdict]) -> None:
    origin = Origin("./env's, a:b/100%/main.tf", 7, "envs/prod.tf:40")
    verdict = judged([found("r", "costs 50%, or more: a lot\nof it", origin=origin)], POLICY)
    ((command, properties, message),) = runner_reads(render("github", verdict, Options()))
    assert command == "error"
    assert properties == {"file": "env's, a:b/100%/main.tf", "line": "7", "title": "P1 P: a, b"}
    assert message.splitlines() == [
        "r costs 50%, or more: a lot of it",
        "in module call envs/prod.tf:40",
        "Fix: mend it",
    ]


def test_without_a_file_the_run_is_annotated(judged: Callable[..., Verdict]) -> None:
    ((_, properties, _),) = runner_reads(render("github", judged([found("r")], POLICY), Options()))
    assert properties == {"title": "P1 P: a, b"}


@given(st.text(min_size=1), st.text(), st.text(min_size=1))
@example("::stop-commands::x", "##[add-mask]x", "%0A::set-output name=x::y")
@example("a,b=c", "x%250A", "a::b")
def test_no_word_of_others_becomes_a_command(resource: str, says: str, file: str) -> None:
    finding = found(resource, says, origin=Origin(file, 3))
    gap = Gap(resource, says)
    policies = {"P1": structs.replace(POLICY, title=says)}
    verdict = Verdict(
        policies=policies, levels={"P1": "deny"}, today=None, stage="plan", open=[finding], gaps=[gap],  # type: ignore[arg-type]
        failures=[Failure("P1", resource, says)],
    )  # fmt: skip
    failure, annotation, unread = runner_reads(render("github", verdict, Options()))
    assert failure[0] == annotation[0] == "error"
    assert annotation[1]["title"] == plain(f"P1 {says}")
    assert annotation[1].get("file", "") == plain(path(file))
    assert unread == ("warning", {"title": "Not read, or not believed"}, plain(f"{resource}: {says}"))


@pytest.mark.parametrize(
    ("number", "commands", "logged"), [(LIMIT, LIMIT, 0), (LIMIT + 1, LIMIT, 2), (500, LIMIT, 491)]
)
def test_what_github_would_drop_is_counted_and_logged(
    number: int, commands: int, logged: int, judged: Callable[..., Verdict]
) -> None:
    report = render("github", judged([found(f"r{n:03} ##[error]") for n in range(number)], POLICY), Options())
    errors = [(p["title"], message) for command, p, message in runner_reads(report) if command == "error"]
    assert len(errors) == commands
    lines = report.splitlines()
    in_group = lines[lines.index(f"::group::{logged} more errors") + 1 : lines.index("::endgroup::")] if logged else []
    assert len(in_group) == logged
    assert errors[-1][0] == (f"{logged} more errors" if logged else "P1 P: a, b")
    shown = {int(n) for n in re.findall(r"\br(\d{3})\b", report)}
    assert shown == set(range(number))


def test_known_and_exempt_findings_are_nobodys_to_mend(verdict: Verdict) -> None:
    quiet = structs.replace(verdict, open=[], undetermined=[], failures=[], gaps=[])
    assert runner_reads(render("github", quiet, Options())) == []
