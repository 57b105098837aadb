"""A Code Quality report has the shape that GitLab documents, and each problem once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import structs

from governor.model import Finding, Origin, Policy, Verdict
from governor.reports import Options, render

SHAPE = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1, "not": {"pattern": r"^\./"}},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

POLICY = Policy(id="P1", title="P", severity="critical")


def report(verdict: Verdict) -> Any:
    document = json.loads(render("gitlab", verdict, Options()))
    assert [error.message for error in Draft202012Validator(SHAPE).iter_errors(document)] == []
    fingerprints = [problem["fingerprint"] for problem in document]
    assert len(fingerprints) == len(set(fingerprints)), "GitLab drops the second of a fingerprint"
    return document


def found(resource: str, **more: Any) -> Finding:
    return Finding(
        **{"policy": "P1", "resource": resource, "kind": "x", "attribute": "a", "msg": f"{resource} is wrong"} | more
    )


def test_a_bad_day(verdict: Verdict) -> None:
    document = report(verdict)
    severities = [(problem["check_name"], problem["severity"]) for problem in document]
    assert severities == [
        ("BUD009", "blocker"),
        *[("BUD001", "blocker")] * 2,
        ("RES001", "blocker"),
        *[("TAG001", "critical")] * 6,
        ("KEY002", "major"),
        ("BUD004", "info"),
        ("RES001", "info"), *[("TAG001", "info")] * 2,
        ("gap", "minor"),
    ]  # fmt: skip
    assert [p["fingerprint"] for p in document[1:12]] == [finding.fingerprint for finding in verdict.open]
    assert document[12]["description"].startswith("Undetermined (known only after apply): ")


def test_a_finding_without_origin_points_at_the_plan(judged: Callable[..., Verdict]) -> None:
    there, nowhere = report(judged([found("a", origin=Origin("./x\\main.tf", 0)), found("b")], POLICY))
    assert there["location"] == {"path": "x/main.tf", "lines": {"begin": 1}}
    assert nowhere["location"] == {"path": "plan.json", "lines": {"begin": 1}}


def test_two_things_said_of_one_attribute_are_one_problem(judged: Callable[..., Verdict]) -> None:
    (only,) = report(
        judged([found("a", msg="a is blue"), found("a", msg="a is late"), found("a", msg="a is blue")], POLICY)
    )
    assert only["description"] == "a is blue; a is late"


def test_what_is_known_or_exempt_is_no_problem(verdict: Verdict, clean: Verdict) -> None:
    assert report(structs.replace(verdict, open=[], undetermined=[], failures=[], gaps=[])) == report(clean) == []


@given(st.text(), st.text(), st.text())
def test_any_words(resource: str, msg: str, file: str) -> None:
    finding = found(resource, msg=msg or "x", origin=Origin(file or "x", 1))
    verdict = Verdict(policies={"P1": POLICY}, levels={"P1": "deny"}, today=None, stage="plan", open=[finding])  # type: ignore[arg-type]
    assert len(json.loads(render("gitlab", verdict, Options()))) == 1
