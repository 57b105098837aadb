from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

import governor.reports.sarif as sarif_report
from governor.model import Finding, Gap, Origin, Policy, Verdict
from governor.reports import Options, render

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
POLICY = Policy(id="P1", title="P", severity="low")


def run(verdict: Verdict) -> Any:
    document = json.loads(render("sarif", verdict, Options()))
    assert [error.message for error in Draft4Validator(SCHEMA).iter_errors(document)] == []
    (only,) = document["runs"]
    return only


def found(resource: str, origin: Origin | None = None, **more: Any) -> Finding:
    return Finding(
        policy="P1", resource=resource, kind="x", attribute="a", msg=f"{resource} is wrong", origin=origin, **more
    )


def place(result: Any) -> tuple[str, int]:
    physical = result["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_rules_and_results_agree(verdict: Verdict) -> None:
    log = run(verdict)
    rules = log["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == set(verdict.policies)
    assert len(log["results"]) == 16
    for result in log["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert place(result)[1] >= 1
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert len({result["partialFingerprints"]["governor/v1"] for result in log["results"]}) == 16


def test_levels_and_severities(verdict: Verdict) -> None:
    log = run(verdict)
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in log["tool"]["driver"]["rules"]}
    assert (levels["TAG001"], levels["KEY002"], levels["BUD004"]) == ("error", "warning", "note")
    scores = {rule["id"]: float(rule["properties"]["security-severity"]) for rule in log["tool"]["driver"]["rules"]}
    assert scores["BUD001"] >= 9 > scores["TAG001"] >= 7 > scores["KEY002"] >= 4 > scores["BUD004"] > 0
    assert {r["level"] for r in log["results"] if r["ruleId"] == "KEY002"} == {"warning"}


def test_undetermined_is_open_without_a_level(verdict: Verdict) -> None:
    """3.27.10 of the standard: a kind other than "fail" has level "none". GitHub shows it, so the message says it."""
    undetermined = [result for result in run(verdict)["results"] if result.get("kind") == "open"]
    assert len(undetermined) == 3
    for result in undetermined:
        assert result["level"] == "none"
        assert result["message"]["text"].startswith("Undetermined (")


def test_exempt_and_baselined_are_suppressed(verdict: Verdict) -> None:
    results = run(verdict)["results"]
    suppressed = [result for result in results if result["suppressions"]]
    assert [result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for result in suppressed] == [
        "aws_instance.legacy",
        "aws_instance.a",
    ]
    assert all(r["suppressions"][0]["kind"] == "external" for r in suppressed)
    assert all(r["suppressions"][0]["status"] == "accepted" for r in suppressed)
    assert "goes away with the old cluster" in suppressed[0]["suppressions"][0]["justification"]
    assert [result["baselineState"] for result in results] == ["new"] * 15 + ["unchanged"]


def test_no_baseline_state_without_a_baseline(judged: Callable[..., Verdict]) -> None:
    (result,) = run(judged([found("r")], POLICY))["results"]
    assert "baselineState" not in result


def test_failures_and_gaps_are_notified(verdict: Verdict, clean: Verdict) -> None:
    (invocation,) = run(verdict)["invocations"]
    assert invocation["executionSuccessful"] is False
    notes = [(note["level"], note["message"]["text"]) for note in invocation["toolExecutionNotifications"]]
    assert notes == [
        ("error", "BUD009 failed: budgets.py:88: KeyError: 'monthly_usd'"),
        ("warning", "not read, or not believed: module.legacy: the module's source could not be resolved"),
    ]
    (invocation,) = run(clean)["invocations"]
    assert invocation["executionSuccessful"] is True
    assert invocation["toolExecutionNotifications"] == []


def test_a_column_is_told_where_it_is_known(judged: Callable[..., Verdict]) -> None:
    (result,) = run(judged([found("r", Origin("app.py", 3, column=5))], POLICY))["results"]

    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 5}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (Origin("main.tf", 7), ("main.tf", 7)),
        (Origin("./envs/prod env/main.tf", 0), ("envs/prod%20env/main.tf", 1)),
        (Origin("envs\\prod\\main.tf", 2), ("envs/prod/main.tf", 2)),
        (None, ("plan.json", 1)),
    ],
)
def test_every_result_has_a_place(
    origin: Origin | None, expected: tuple[str, int], judged: Callable[..., Verdict]
) -> None:
    (result,) = run(judged([found("r", origin)], POLICY))["results"]
    assert place(result) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("terraform plan /builds/741/out.tfplan (Terraform 1.11.4)", "out.tfplan"),
        ("aws 123456789012", "terraform.plan"),
    ],
)
def test_place_without_origin_does_not_depend_on_the_machine(
    source: str, expected: str, judged: Callable[..., Verdict]
) -> None:
    verdict = judged([found("r")], POLICY)
    elsewhere = Verdict(
        policies=verdict.policies,
        levels=verdict.levels,
        today=verdict.today,
        stage="plan",
        source=source,
        open=verdict.open,
    )
    assert place(run(elsewhere)["results"][0]) == (expected, 1)


def test_too_many_results(judged: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif_report, "LIMIT", 3)
    findings = [found("a", reason="not known"), *(found(name) for name in "bcde")]
    log = run(judged(findings, POLICY))
    assert [r["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for r in log["results"]] == ["b", "c", "d"]
    (note,) = log["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("2 of 5 findings are left out")


def test_gap_alone_is_no_success(clean: Verdict) -> None:
    verdict = Verdict(
        policies=clean.policies, levels=clean.levels, today=clean.today, stage="live", gaps=[Gap("eu-west-1", "denied")]
    )
    assert run(verdict)["invocations"][0]["executionSuccessful"] is False
