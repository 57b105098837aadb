"""The verdict as SARIF 2.1.0, for code scanning.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. What GitHub reads of it:
https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from governor import __version__
from governor.model import Exemption, Finding, Level, Origin, Policy, Severity, Verdict
from governor.reports import Options
from governor.reports.grouping import GAPS, doubt, path, plain, plan_file, terms

LIMIT = 25_000
"""Results in one run; GitHub turns away a file with more."""

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

LEVELS: dict[Level, str] = {"off": "none", "note": "note", "warn": "warning", "deny": "error"}

SECURITY_SEVERITY: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""Inside the bands GitHub draws: critical from 9.0, high from 7.0, medium from 4.0."""

Object = dict[str, Any]
"""A SARIF object: keys of the standard, values JSON knows."""


def render(verdict: Verdict, options: Options) -> str:
    """One run with every finding up to `LIMIT`, open ones first; a notification says how many are left out."""
    index = {name: position for position, name in enumerate(verdict.policies)}
    total = sum(map(len, (verdict.open, verdict.undetermined, verdict.exempt, verdict.baselined)))
    notifications = list(_notifications(verdict))
    if total > LIMIT:
        text = f"{total - LIMIT} of {total} findings are left out: GitHub takes {LIMIT} at most. --format json has all."
        notifications.append({"level": "warning", "message": {"text": text}})
    run: Object = {
        "tool": {
            "driver": {
                "name": "governor",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(policy, verdict.levels[name]) for name, policy in verdict.policies.items()],
            },
            **_extensions(verdict),
        },
        "automationDetails": {"id": f"governor/{verdict.stage}/"},
        "invocations": [
            {
                "executionSuccessful": not verdict.failures and not verdict.gaps,
                "exitCode": verdict.exit_code,
                "toolExecutionNotifications": notifications,
            }
        ],
        "columnKind": "unicodeCodePoints",
        **({"properties": {"tagged": verdict.tagged}} if verdict.tagged else {}),
        "results": [result for _, result in zip(range(LIMIT), _results(verdict, index), strict=False)],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode() + "\n"


def _extensions(verdict: Verdict) -> Object:
    """Repositories of policies are what the standard (3.18.3) calls extensions of the tool."""
    extensions = [
        {"name": s.source, "version": s.commit, **({"properties": {"signer": s.signer}} if s.signer else {})}
        for s in verdict.policy_sources
    ]
    return {"extensions": extensions} if extensions else {}


def _rule(policy: Policy, level: Level) -> Object:
    description = policy.description or policy.title
    references = [f"- <{reference}>" for reference in policy.references]
    rule: Object = {
        "id": policy.id,
        "name": _pascal(policy.title) or policy.id,
        "shortDescription": {"text": policy.title},
        "fullDescription": {"text": description},
        "help": {
            "text": "\n\n".join(filter(None, [description, policy.remediation and f"Fix: {policy.remediation}"])),
            "markdown": "\n\n".join(
                filter(
                    None, [description, policy.remediation and f"**Fix:** {policy.remediation}", "\n".join(references)]
                )
            ),
        },
        "defaultConfiguration": {"level": LEVELS[level]},
        "properties": {
            "tags": list(filter(None, ["ai-spend", policy.concern])),
            "precision": "very-high",
            "security-severity": SECURITY_SEVERITY[policy.severity],
            "problem.severity": {"error": "error", "warning": "warning"}.get(LEVELS[level], "recommendation"),
        },
    }
    for reference in policy.references:
        if reference.startswith("https://"):
            rule["helpUri"] = reference
            break
    return rule


def _results(verdict: Verdict, index: dict[str, int]) -> Iterator[Object]:
    """Open findings first: they are the last to fall to the limit.

    What is fixed is no result, though the standard has `absent` for it: GitHub would open an alert, and closes the
    alert of what is not there.
    """
    fallback = plan_file(verdict)
    # The standard (3.27.23, 3.27.24) wants these two on every result of a run or on none.
    state = {"baselineState": "new"} if verdict.compared_with else {}
    rest: Object = {"suppressions": [], **state}

    def result(finding: Finding, more: Object) -> Object:
        return {
            "ruleId": finding.policy,
            "ruleIndex": index[finding.policy],
            "level": LEVELS[verdict.levels[finding.policy]],
            "message": {"text": plain(finding.msg) + doubt(finding)},
            "locations": [_location(finding, fallback)],
            "partialFingerprints": {"governor/v1": finding.fingerprint},
            "properties": _facts(finding),
            **more,
        }

    for finding in verdict.open:
        yield result(finding, rest)
    for finding in verdict.undetermined:
        # "open" is the standard's word for too little information to decide (3.27.9), and it demands level "none".
        # GitHub does not read `kind` and shows every result, so the message has to say it, too.
        text = f"Undetermined ({plain(finding.reason)}): {plain(finding.msg)}"
        yield result(finding, {"kind": "open", "level": "none", "message": {"text": text}, **rest})
    for item in verdict.exempt:
        yield result(item.finding, {**rest, "suppressions": [_suppression(item.exemption)]})
    known = f"Known before this change: {plain(verdict.compared_with)} has it, too."
    accepted = {"kind": "external", "status": "accepted", "justification": known}
    for finding in verdict.baselined:
        yield result(finding, {"suppressions": [accepted], "baselineState": "unchanged"})


def _location(finding: Finding, fallback: Origin) -> Object:
    origin = finding.origin or fallback
    logical = {"fullyQualifiedName": finding.resource, "kind": "resource"}
    return {"physicalLocation": _physical(origin.file, origin.line, origin.column), "logicalLocations": [logical]}


def _physical(file: str, line: int, column: int = 0) -> Object:
    relative = path(file)
    # A drive or a leading slash would make it an absolute URI, which GitHub cannot match with a file of the repository.
    place: Object = {"uri": quote(relative)}
    if not relative.startswith("/"):
        place["uriBaseId"] = "%SRCROOT%"
    region = {"startLine": max(line, 1)}
    if column:
        region["startColumn"] = column
    return {"artifactLocation": place, "region": region}


def _facts(finding: Finding) -> Object:
    facts: Object = {"kind": finding.kind, "attribute": finding.attribute}
    if finding.hourly_usd is not None:
        facts["hourly_usd"] = str(finding.hourly_usd)
    if finding.origin and finding.origin.module_call:
        facts["module_call"] = finding.origin.module_call
    return facts


def _suppression(exemption: Exemption) -> Object:
    return {"kind": "external", "status": "accepted", "justification": terms(exemption)}


def _notifications(verdict: Verdict) -> Iterator[Object]:
    for failure in verdict.failures:
        place = f" on {failure.resource}" if failure.resource else ""
        notification: Object = {
            "level": "error",
            "message": {"text": f"{failure.policy} failed{place}: {failure.reason}"},
        }
        if failure.policy in verdict.policies:
            notification["associatedRule"] = {"id": failure.policy}
        yield notification
    for gap in verdict.gaps:
        yield {"level": "warning", "message": {"text": f"{GAPS}: {gap.place}: {gap.reason}"}}


def _pascal(title: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", title))
