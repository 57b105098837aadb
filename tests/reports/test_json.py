from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from msgspec import structs

from governor.model import Finding, Origin, Policy, Verdict
from governor.reports import Options, render
from governor.reports.json import schema

POLICY = Policy(id="P1", title="P")


def report(verdict: Verdict) -> Any:
    return json.loads(render("json", verdict, Options()), parse_float=Decimal)


def errors(document: Any) -> list[str]:
    validator = Draft202012Validator(schema(), format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(document)]


def test_satisfies_the_published_schema(verdict: Verdict, clean: Verdict, live: Verdict) -> None:
    Draft202012Validator.check_schema(schema())
    for any_verdict in (verdict, clean, live):
        assert errors(json.loads(render("json", any_verdict, Options()))) == []


def test_schema_describes_every_field(live: Verdict) -> None:
    """A field that is renamed, or that appears, must not slip past the schema."""
    document = json.loads(render("json", live, Options()))
    definitions = schema()["$defs"]
    written = {key for finding in document["findings"] for key in finding}
    assert written == set(definitions["finding"]["properties"])
    assert set(next(iter(document["policies"].values()))) == set(definitions["policy"]["properties"])
    assert set(document) == set(schema()["properties"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["findings"][0].update(colour="red"),
        lambda d: d["findings"][0].pop("fingerprint"),
        lambda d: d["findings"][0].update(hourly_usd="98.32"),
        lambda d: d["summary"].pop("failing"),
        lambda d: next(f for f in d["findings"] if f["state"] == "exempt").pop("exemption"),
        lambda d: next(f for f in d["findings"] if f["state"] == "undetermined").pop("reason"),
        lambda d: d["lapsed_exemptions"][0].update(expires="soon"),
    ],
)
def test_schema_turns_away_what_is_wrong(verdict: Verdict, spoil: Callable[[Any], Any]) -> None:
    document = json.loads(render("json", verdict, Options()))
    spoil(document)
    assert len(errors(document)) >= 1


def test_every_finding_is_there_with_its_state(verdict: Verdict) -> None:
    findings = report(verdict)["findings"]
    states = [finding["state"] for finding in findings]
    assert states == ["open"] * 11 + ["undetermined"] * 3 + ["exempt"] + ["baselined"]
    assert [f["fingerprint"] for f in findings[:11]] == [f.fingerprint for f in verdict.open]
    assert findings[0]["level"] == "deny"
    assert findings[0]["severity"] == "critical"
    assert findings[-2]["exemption"]["ticket"] == "FIN-311"


def test_summary(verdict: Verdict) -> None:
    document = report(verdict)
    assert document["summary"] == {
        "open": 11,
        "exempt": 1,
        "baselined": 1,
        "fixed": 1,
        "undetermined": 3,
        "failing": 9,
        "resources": 9,
        "policies": 6,
        "gaps": 1,
        "not_covered": 36,
        "failures": 1,
        "hourly_usd": Decimal("321.00"),
        "hourly_usd_at_stake": Decimal("277.17"),
    }
    assert document["run"]["exit_code"] == verdict.exit_code == 3


def test_money_keeps_its_digits(judged: Callable[..., Verdict]) -> None:
    price = Decimal("0.1000000000000000000007")
    finding = Finding(policy="P1", resource="r", kind="x", attribute="", msg="r", hourly_usd=price)
    text = render("json", judged([finding], POLICY), Options())
    assert f'"hourly_usd":{price},' in text
    assert report(judged([finding], POLICY))["findings"][0]["hourly_usd"] == price


def test_details_of_any_kind_are_written(judged: Callable[..., Verdict]) -> None:
    details = {"file": Path("a/b"), "limit": Decimal("1.50"), "seen": {"x"}, "deep": [{"y": None}]}
    finding = Finding(
        policy="P1", resource="r", kind="x", attribute="", msg="r", details=details, origin=Origin("f", 1)
    )
    document = report(judged([finding], POLICY))
    written = document["findings"][0]["details"]
    assert written == {"file": "a/b", "limit": Decimal("1.50"), "seen": ["x"], "deep": [{"y": None}]}
    assert document["findings"][0]["origin"] == {"file": "f", "line": 1}


def test_each_finding_is_a_line(verdict: Verdict) -> None:
    """For grep, and for a diff between two runs."""
    lines = render("json", verdict, Options()).splitlines()
    start = lines.index('  "findings": [')
    written = [json.loads(line.rstrip(",")) for line in lines[start + 1 : start + 17]]
    assert written == json.loads(render("json", verdict, Options()))["findings"]
    assert lines[start + 17] == "  ],"


def test_no_value_is_taken_for_the_place_of_the_findings(verdict: Verdict) -> None:
    sly = structs.replace(verdict, source='"findings": []')
    assert errors(json.loads(render("json", sly, Options()))) == []
    assert report(sly)["run"]["source"] == '"findings": []'
    assert len(report(sly)["findings"]) == 16


def test_what_runs_says_where_it_lies_and_what_carries_tags(live: Verdict, verdict: Verdict) -> None:
    document = report(live)

    first = document["findings"][0]
    assert (first["account"], first["region"]) == ("111122223333", "us-east-1")
    assert document["tagged"]["shares"]["project"] == Decimal("0.805")
    assert "tagged" not in report(verdict)
