"""The verdict as a Code Quality report, for the widget of GitLab's merge requests.

The format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from governor.model import Finding, Origin, Severity, Verdict
from governor.reports import Options
from governor.reports.grouping import GAPS, path, plain, plan_file

SEVERITIES: dict[Severity, str] = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor"}
"""Policies at level note are `info`, whatever their severity."""


def render(verdict: Verdict, options: Options) -> str:
    """An array of open and undetermined findings, failures and gaps, a line each.

    What is exempt or known is left out: the format has no word for it, and GitLab would show it as a problem.
    """
    degradations: dict[str, dict[str, Any]] = {}
    for each in _degradations(verdict):
        # GitLab drops all but the first of a fingerprint, and a policy may say two things of one attribute.
        first = degradations.setdefault(each["fingerprint"], each)
        if first is not each and each["description"] not in first["description"].split("; "):
            first["description"] += f"; {each['description']}"
    if not degradations:
        return "[]\n"
    lines = msgspec.json.Encoder().encode_lines(list(degradations.values()))[:-1].replace(b"\n", b",\n  ")
    return f"[\n  {lines.decode()}\n]\n"


def _degradations(verdict: Verdict) -> Iterator[dict[str, Any]]:
    fallback = plan_file(verdict)
    for failure in verdict.failures:
        on = f" on {failure.resource}" if failure.resource else ""
        said = f"{failure.policy} failed{on}, which is no pass: {failure.reason}"
        yield _degradation(
            failure.policy, said, "blocker", fallback, _identity("failure", failure.policy, failure.resource)
        )
    for finding in verdict.open:
        level = verdict.levels[finding.policy]
        severity = "info" if level == "note" else SEVERITIES[verdict.policies[finding.policy].severity]
        yield _of_finding(finding, finding.msg, severity, fallback)
    for finding in verdict.undetermined:
        yield _of_finding(finding, f"Undetermined ({finding.reason}): {finding.msg}", "info", fallback)
    for gap in verdict.gaps:
        said = f"{GAPS.capitalize()}: {gap.place}: {gap.reason}"
        yield _degradation("gap", said, "minor", fallback, _identity("gap", gap.place, gap.reason))


def _of_finding(finding: Finding, said: str, severity: str, fallback: Origin) -> dict[str, Any]:
    return _degradation(finding.policy, said, severity, finding.origin or fallback, finding.fingerprint)


def _degradation(name: str, said: str, severity: str, origin: Origin, fingerprint: str) -> dict[str, Any]:
    return {
        "description": plain(said),
        "check_name": name,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": path(origin.file), "lines": {"begin": max(origin.line, 1)}},
    }


def _identity(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
