"""What checkov's report becomes, whatever it reports."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.checkov.judging import Checkov
from governor.checkov.process import PROBE
from governor.errors import Refusal
from governor.model import Inventory, Origin, Resource

TODAY = date(2026, 8, 1)
IDS = st.sampled_from(["CKV_AWS_8", "CKV_AWS_79", "CKV2_AWS_41"])
ADDRESSES = st.sampled_from(["aws_instance.a[0]", 'module.m["x.y"].aws_instance.a', "data.aws_x.y", "aws.default"])
RECORDS = st.lists(st.tuples(IDS, ADDRESSES), max_size=8)
PLACE = Origin("main.tf", 3)


def record(check: str, address: str, **more: Any) -> dict[str, Any]:
    return {"check_id": check, "resource": address, "check_result": {"result": "?", "evaluated_keys": None}, **more}


def report(failed: Any, passed: Any = (), skipped: Any = (), read: Any = ()) -> dict[str, Any]:
    probes = [record(PROBE, address) for address in read]
    return {
        "results": {
            "failed_checks": [record(*one) for one in failed],
            "passed_checks": [*probes, *(record(*one) for one in passed)],
            "skipped_checks": [record(*one) for one in skipped],
            "parsing_errors": [],
        },
        "summary": {"parsing_errors": 0, "more": 1},
    }


def inventory(*addresses: str, not_covered: int = 0) -> Inventory:
    resources = tuple(Resource(id=a, kind="compute_instance", type="aws_instance", provider="aws") for a in addresses)
    return Inventory(stage="plan", resources=resources, not_covered={"aws_vpc": not_covered} if not_covered else {})


def asked(document: Any, off: frozenset[str] = frozenset(), complaints: str = "") -> Checkov:
    return Checkov(json.dumps(document).encode(), complaints, lambda policy: policy.id not in off, lambda _: PLACE)


@given(RECORDS, RECORDS, RECORDS, st.frozensets(IDS), st.booleans())
def test_nothing_that_failed_is_lost_and_nothing_that_is_off_is_said(
    failed: list[Any], passed: list[Any], skipped: list[Any], off: frozenset[str], apart: bool
) -> None:
    one = [report(failed, passed, skipped)]
    documents = [report(failed), report((), passed, skipped)] if apart else one

    checkov = asked(documents if apart else one[0], off)
    answers = list(checkov.evaluate(inventory(), TODAY))

    said = {(answer.policy.id, violation.resource) for answer in answers for violation in answer.violations}
    assert said == {(check, address) for check, address in failed if check not in off}
    assert {policy.id for policy in checkov.policies} == {check for check, _ in failed + passed + skipped} - off
    assert [answer.policy for answer in answers] == list(checkov.policies)
    assert sum(len(answer.violations) for answer in answers) == len(said)
    assert not any(answer.failures for answer in answers)
    assert all(violation.origin == PLACE for answer in answers for violation in answer.violations)
    assert len(checkov.notes()) == len({check for check, _ in skipped} - off)


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.integers(0, 3))
def test_what_is_not_read_is_a_failure(planned: set[int], read: set[int], not_covered: int) -> None:
    addresses = [f"aws_instance.a[{number}]" for number in planned]
    others = [f"aws_vpc.v[{number}]" for number in range(not_covered)]
    seen = [a for number, a in zip(planned, addresses, strict=True) if number in read]

    answers = list(
        asked(report((), read=[*seen, *others])).evaluate(inventory(*addresses, not_covered=not_covered), TODAY)
    )

    reasons = [failure.reason for answer in answers for failure in answer.failures]
    total, number = len(planned) + not_covered, len(seen) + not_covered
    expected = [] if planned <= read else [f"checkov read {number} of the plan's {total} resources"]
    assert reasons == expected


@pytest.mark.parametrize(
    ("severity", "told"),
    [(None, "medium"), ("", "medium"), ("CRITICAL", "critical"), ("Low", "low"), ("INFO", "low"), ("NONE", "low")],
)
def test_severities(severity: str | None, told: str) -> None:
    document = report(())
    document["results"]["failed_checks"] = [record("X", "a.b", severity=severity, guideline="https://x.example")]

    (policy,) = asked(document).policies

    assert (policy.severity, policy.references) == (told, ("https://x.example",))


def test_a_crash_that_is_logged_is_a_failure_of_its_check() -> None:
    log = (
        "2026-11-24 08:13:52 [MainThread  ] [ERROR]  Failed to run check CKV_AWS_37 on /plan.json:aws_eks_cluster.ai\n"
        "Traceback (most recent call last):\nIndexError: list index out of range\n"
    )
    (answer,) = asked(report(()), complaints=log * 2).evaluate(inventory(), TODAY)

    (failure,) = answer.failures
    assert (answer.policy.id, failure.policy, failure.resource) == ("CKV_AWS_37", "CKV_AWS_37", "aws_eks_cluster.ai")
    assert list(asked(report(()), frozenset({"CKV_AWS_37"}), log).evaluate(inventory(), TODAY)) == []


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["results", "summary", "passed_checks", "x"]), inner, max_size=3),
                    max_leaves=8))  # fmt: skip
def test_what_is_no_report_is_refused(document: Any) -> None:
    if document == []:
        return
    with pytest.raises(Refusal, match="should print a report"):
        asked(document)
