"""The verdict as JUnit XML, for the test pages of CI systems: a suite for each policy, red where the run fails.

There is no standard, only what readers take. GitLab reads `testcase` with `classname` (shown as the suite), `name`,
`file`, and the text inside `failure`, `error` and `skipped`, of a name that occurs twice the first only:
https://docs.gitlab.com/ci/testing/unit_test_reports/. Jenkins reads name and counts of `testsuite`, `classname` and
`name` of `testcase`, and `message`, `type` and text of its outcome: https://plugins.jenkins.io/junit/
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msgspec import Struct

from governor.model import LEVELS, Finding, Verdict
from governor.reports import Options
from governor.reports.grouping import GAPS, path, places, plain, terms, usd

Outcome = Literal["error", "failure", "skipped", "passed"]

_WORST: tuple[Outcome, ...] = ("error", "failure", "skipped", "passed")
_COUNTS: dict[str, Outcome | None] = {"tests": None, "failures": "failure", "errors": "error", "skipped": "skipped"}
"""Attribute of a suite → what it counts."""


class _Case(Struct, frozen=True):
    name: str
    outcome: Outcome
    kind: str = ""
    """The `type` of the outcome: `deny`, `exempt`, …"""
    said: str = ""
    details: tuple[str, ...] = ()
    file: str = ""


def render(verdict: Verdict, options: Options) -> str:
    """A failure or an error in it means that the run does not exit with 0, and the other way round.

    Failures are open findings at the fail level; open findings below it pass, with their message as output. Exempt,
    baselined and undetermined findings are skipped, with the reason. Policies that failed are errors, and where the run
    is strict, so are gaps, and undetermined findings at the fail level.
    """
    root = Element("testsuites", name="governor")
    cases = _cases(verdict)
    for policy in verdict.policies.values():
        found = cases.pop(policy.id, [_Case("finds nothing", "passed")])
        _suite(root, f"{policy.id} {policy.title}", policy.id, found)
    for name, found in cases.items():  # a policy may fail before it says that it was asked
        _suite(root, name, name, found)
    if verdict.gaps:
        outcome: Outcome = "error" if verdict.strict else "skipped"
        gaps = [_Case(gap.place, outcome, "gap", gap.reason) for gap in verdict.gaps]
        _suite(root, GAPS.capitalize(), "gaps", gaps)
    for name in _COUNTS:
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _cases(verdict: Verdict) -> dict[str, list[_Case]]:
    """By policy."""
    threshold = LEVELS.index(verdict.fail_level)
    fails = {name: LEVELS.index(level) >= threshold for name, level in verdict.levels.items()}
    cases: dict[str, list[_Case]] = defaultdict(list)
    for failure in verdict.failures:
        name = failure.resource or "the whole input"
        cases[failure.policy].append(_Case(name, "error", "failed", failure.reason))
    for finding in verdict.open:
        outcome: Outcome = "failure" if fails[finding.policy] else "passed"
        cases[finding.policy].append(
            _of_finding(finding, outcome, verdict.levels[finding.policy], finding.msg, verdict)
        )
    for finding in verdict.undetermined:
        outcome = "error" if verdict.strict and fails[finding.policy] else "skipped"
        said = f"undetermined ({finding.reason}): {finding.msg}"
        cases[finding.policy].append(_of_finding(finding, outcome, "undetermined", said, verdict))
    for item in verdict.exempt:
        said = f"{terms(item.exemption)}: {item.finding.msg}"
        cases[item.finding.policy].append(_of_finding(item.finding, "skipped", "exempt", said, verdict))
    for finding in verdict.baselined:
        said = f"known before, {verdict.compared_with} has it, too: {finding.msg}"
        cases[finding.policy].append(_of_finding(finding, "skipped", "known", said, verdict))
    return cases


def _of_finding(finding: Finding, outcome: Outcome, kind: str, said: str, verdict: Verdict) -> _Case:
    remediation = verdict.policies[finding.policy].remediation
    details = [*places(finding.origin)]
    if finding.hourly_usd is not None:
        details.append(f"costs {usd(finding.hourly_usd)}")
    if remediation and outcome in ("failure", "passed"):
        details.append(f"Fix: {remediation}")
    name = f"{finding.resource} {finding.attribute}".rstrip()
    return _Case(name, outcome, kind, said, tuple(details), path(finding.origin.file) if finding.origin else "")


def _suite(root: Element, name: str, classname: str, cases: Iterable[_Case]) -> None:
    suite = SubElement(root, "testsuite", name=plain(name))
    counts: Counter[Outcome | None] = Counter()
    for case in _distinct(cases):
        counts[None] += 1
        counts[case.outcome] += 1
        element = SubElement(suite, "testcase", classname=plain(classname), name=plain(case.name))
        if case.file:
            element.set("file", plain(case.file))
        text = "\n".join(plain(line) for line in (case.said, *case.details) if line)
        if case.outcome != "passed":
            SubElement(element, case.outcome, message=plain(case.said), type=case.kind).text = text
        elif text:
            SubElement(element, "system-out").text = text
    for attribute, counted in _COUNTS.items():
        suite.set(attribute, str(counts[counted]))


def _distinct(cases: Iterable[_Case]) -> Iterator[_Case]:
    """The worst of each name, with what the others say: readers keep the first of a name and drop the rest."""
    by_name: dict[str, list[_Case]] = {}
    for case in cases:
        by_name.setdefault(case.name, []).append(case)
    for same in by_name.values():
        worst, *others = sorted(same, key=lambda case: _WORST.index(case.outcome))
        if others:
            said = "; ".join(dict.fromkeys(case.said for case in (worst, *others)))
            yield _Case(worst.name, worst.outcome, worst.kind, said, worst.details, worst.file)
        else:
            yield worst
