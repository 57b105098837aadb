"""Policies are tested by their cases and by their own test rules."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from commands.conftest import Governor
from core.policy_folders import write

REGO = """\
package small

# METADATA
# title: No buckets
# custom:
#   id: SML001
#   severity: low
deny_bucket contains {"resource": r.id, "msg": sprintf("%s is a bucket", [r.id])} if {
	some r in input.resources
	r.kind == "bucket"
}

# METADATA
# title: No volumes
# custom:
#   id: SML002
#   severity: low
deny_volume contains {"resource": r.id, "msg": "a volume"} if {
	some r in input.resources
	r.kind == "volume"
}
"""
RULES = """\
package small_test

import data.small

test_one if count(small.deny_bucket) == 1 with input.resources as [{"id": "a", "kind": "bucket"}]

test_each[kind] := ok if {
	some kind, wanted in {"bucket": 1, "volume": 1}
	ok := count(small.deny_bucket) == wanted with input.resources as [{"id": "a", "kind": kind}]
}
"""
CASES = """\
- name: a bucket
  resources: [{id: a, kind: bucket}]
  expect: [{policy: SML001, resource: a}]
- name: both
  resources: [{id: a, kind: bucket}, {id: b, kind: volume}]
  expect: [{policy: SML001, resource: a}]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write(tmp_path, {"governor.yaml": "policies: [policies]\n"})
    write(tmp_path / "policies", {"small/small.rego": REGO, "small/small_test.rego": RULES, "small/cases.yaml": CASES})
    return tmp_path


def test_what_differs_is_told_and_what_is_untested_named(governor: Governor, small: Path) -> None:
    run = governor("test", "--junit", "junit.xml")
    assert run.code == 1
    *lines, summary = run.out.splitlines()
    assert lines == [
        "policies/small/cases.yaml: both",
        "  not expected: SML002 on b, no attribute: a volume",
        "policies/small/small_test.rego:7: data.small_test.test_each",
        "  row 'volume' does not hold",
        "policies/small/small.rego:18: SML002 has no case that expects a finding of it",
    ]
    assert summary.startswith("2 passed, 2 failed, 1 untested (")
    suite = ElementTree.parse(small / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    assert [case.get("name") for case in suite if len(case)] == ["both", "data.small_test.test_each"]


def test_an_untested_policy_fails_where_that_is_asked_for(governor: Governor, small: Path) -> None:
    write(small / "policies", {"small/cases.yaml": CASES.partition("- name: both")[0]})
    (small / "policies/small/small_test.rego").unlink()
    assert governor("test").code == 0
    assert governor("test", "--strict").code == 1


def test_without_a_test_nothing_passes(governor: Governor, small: Path) -> None:
    for name in ("cases.yaml", "small_test.rego"):
        (small / "policies/small" / name).unlink()
    run = governor("test")
    assert (run.code, run.out) == (4, "")
    assert "no test in these folders: write a cases.yaml" in run.err


def test_the_shipped_library_passes_its_own_tests(governor: Governor) -> None:
    run = governor("test", "--strict")
    assert run.code == 0, run.out
    assert " passed, 0 failed, 0 untested (" in run.out
