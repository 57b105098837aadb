"""JUnit XML that CI systems take, and that is red exactly when the run is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import combinations, product
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from msgspec import structs

from governor.model import LEVELS, Failure, Finding, Gap, Origin, Policy, Verdict
from governor.reports import Options, render

SHAPE = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
POLICY = Policy(id="P1", title="P", remediation="mend it")
TODAY = date(2026, 3, 2)


def report(verdict: Verdict) -> Element:
    text = render("junit", verdict, Options())
    root = fromstring(text)
    SHAPE.validate(root)
    for counted in (root, *root):
        for attribute, path in (
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            assert int(counted.get(attribute, "")) == len(counted.findall(f".//{path}"))
    return root


def outcomes(root: Element) -> dict[str, str]:
    """Name of a case → how it went."""
    return {case.get("name", ""): case[0].tag if len(case) else "passed" for case in root.iter("testcase")}


def found(resource: str, **more: Any) -> Finding:
    return Finding(
        **{"policy": "P1", "resource": resource, "kind": "x", "attribute": "a", "msg": f"{resource} is wrong"} | more
    )


def test_a_suite_for_each_policy(verdict: Verdict) -> None:
    root = report(verdict)
    assert [suite.get("name", "").split()[0] for suite in root] == [*verdict.policies, "Not"]
    assert {suite.get("name", "").split()[0]: dict(list(suite.attrib.items())[1:]) for suite in root}["TAG001"] == {
        "tests": "9", "failures": "6", "errors": "0", "skipped": "3",
    }  # fmt: skip


def test_how_each_finding_went(verdict: Verdict) -> None:
    went = outcomes(report(verdict))
    assert went['module.team["vis.1"].aws_instance.dev[0] tags.cost.center'] == "failure"
    assert went["aws_instance.legacy tags.owner"] == "skipped"
    assert went["aws_autoscaling_group.workers tags.owner"] == "skipped"
    assert went["aws_instance.a purchase"] == "skipped"
    assert went["key_9f31 created_at"] == "system-out", "a warning passes where deny is the level that fails"
    assert went["the whole input"] == "error"
    assert went["module.legacy"] == "skipped"


def test_reasons_and_places_are_told(verdict: Verdict) -> None:
    cases = {case.get("name"): case for case in report(verdict).iter("testcase")}
    failed = cases["aws_instance.a tags.project"]
    assert failed.get("file") == "main.tf"
    assert (failed[0].text or "").splitlines() == [
        'aws_instance.a lacks the tag "project"',
        "main.tf:3",
        "costs $12.24/h",
        "Fix: add the tags to the resource, or to default_tags of its provider",
    ]
    exempt = cases["aws_instance.legacy tags.owner"][0].get("message", "")
    assert exempt.startswith("waiver until 2026-06-30: goes away with the old cluster (owner platform@example.com")
    undetermined = cases["aws_autoscaling_group.workers tags.owner"][0].get("message", "")
    assert undetermined.startswith("undetermined (the tags come from a module that is only known after apply): ")


def test_a_policy_that_fails_before_it_was_asked(clean: Verdict) -> None:
    root = report(structs.replace(clean, failures=[Failure("X9", "", "will not compile")]))
    assert outcomes(root) == {"finds nothing": "passed", "the whole input": "error"}


def test_the_worst_of_a_name_is_what_readers_keep(judged: Callable[..., Verdict]) -> None:
    verdict = judged([found("r", msg="r may be late", reason="not known"), found("r", msg="r is blue")], POLICY)
    (case,) = report(verdict).iter("testcase")
    assert (case[0].tag, case[0].get("message")) == ("failure", "r is blue; undetermined (not known): r may be late")


STATES = ("open", "undetermined", "baselined")


@pytest.mark.parametrize("states", [some for size in range(4) for some in combinations(STATES, size)], ids="-".join)
def test_red_exactly_when_the_run_is(states: tuple[str, ...]) -> None:
    for level, fail_level, strict, gap, failure in product(LEVELS[1:], LEVELS[1:], *[(False, True)] * 3):
        verdict = Verdict(
            policies={"P1": POLICY}, levels={"P1": level}, fail_level=fail_level, strict=strict, today=TODAY,
            stage="plan", gaps=[Gap("g", "x")] if gap else [], failures=[Failure("P1", "", "x")] if failure else [],
            **{state: [found(state, reason="x" if state == "undetermined" else "")] for state in states},
        )  # fmt: skip
        root = report(verdict)
        red = root.get("failures") != "0" or root.get("errors") != "0"
        assert red == (verdict.exit_code != 0), verdict


@pytest.mark.parametrize("words", ["\x00\x1b[2J\ufffe\ud800", "a]]>b<c>&amp;", "two\nlines"])
def test_any_words_are_xml(words: str, judged: Callable[..., Verdict]) -> None:
    verdict = judged([found(words, msg=words, origin=Origin(words, 1))], structs.replace(POLICY, title=words))
    (case,) = report(verdict).iter("testcase")
    assert case[0].tag == "failure"
    render("junit", verdict, Options()).encode()
