"""Policies are tested by their cases and by their own test rules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
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
        "policies/small/cases.yaml:4: both",
        "  + SML002 on b, no attribute: a volume",
        "policies/small/small_test.rego:7: data.small_test.test_each",
        "  row 'volume' does not hold",
        "(- expected and not found, + found and not expected)",
        "policies/small/small.rego:18: SML002 has no case that expects a finding of it",
    ]
    assert summary.startswith("2 passed, 2 failed, 1 untested (")
    suite = ElementTree.parse(small / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    assert [case.get("name") for case in suite if len(case)] == ["both", "data.small_test.test_each"]


def test_a_difference_shows_both_sides_in_the_order_of_resources(governor: Governor, small: Path) -> None:
    write(
        small / "policies",
        {
            "small/cases.yaml": """\
- name: three
  resources: [{id: a, kind: bucket}, {id: c, kind: volume}]
  expect:
    - {policy: SML001, resource: a, attribute: tags.x}
    - {policy: SML001, resource: b}
    - {policy: SML002, resource: c, msg: another volume}
"""
        },
    )
    run = governor("test", "policies/small")
    assert run.out.splitlines()[:6] == [
        "policies/small/cases.yaml:1: three",
        "  - SML001 on a, tags.x",
        "  + SML001 on a, no attribute: a is a bucket",
        "  - SML001 on b, no attribute",
        "  - SML002 on c, no attribute: another volume",
        "  + SML002 on c, no attribute: a volume",
    ]


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
    run = governor("test", "--strict", "--min-coverage", "99")
    assert run.code == 0, run.out
    assert " passed, 0 failed, 0 untested (" in run.out


PYTHON = """\
from governor.policy import Violation, policy


@policy(id="PYT001", title="No queues", severity="low")
def no_queues(inventory):
    "Queues wait."
    for resource in inventory.resources:
        if resource.kind == "bucket":
            yield Violation(resource.id, "a bucket")
        elif resource.kind == "volume":
            yield Violation(resource.id, "a volume")
"""
PYTHON_CASES = """\
- name: a bucket
  resources: [{id: a, kind: bucket}]
  expect: [{policy: PYT001, resource: a}]
"""


def test_only_the_folders_named_are_tested(governor: Governor, small: Path) -> None:
    write(small / "policies", {"other/other.py": PYTHON, "other/cases.yaml": PYTHON_CASES})
    run = governor("test", "policies/other")
    assert (run.code, run.out.partition(" (")[0]) == (0, "1 passed, 0 failed, 0 untested")
    run = governor("test", "policies")
    assert run.code == 1
    assert "3 passed, 2 failed, 1 untested (" in run.out
    run = governor("test", "policies/none")
    assert (run.code, run.err) == (
        2,
        "governor: policies/none: no such folder: name a folder of policies, or of one concern\n",
    )


def test_coverage_names_the_lines_that_did_not_run(governor: Governor, small: Path) -> None:
    write(small / "policies", {"other/other.py": PYTHON, "other/cases.yaml": PYTHON_CASES})
    write(small / "policies", {"small/cases.yaml": CASES.partition("- name: both")[0]})
    (small / "policies/small/small_test.rego").unlink()

    run = governor("test", "--coverage")
    assert run.code == 0
    assert run.out.splitlines()[-4:-1] == [
        "policies/other/other.py     75.0 %  not run: 10-11",
        "policies/small/small.rego   83.3 %  not run: 18",
        "covered                     78.5 %",
    ]


def test_too_little_coverage_fails(governor: Governor, small: Path) -> None:
    write(small / "policies", {"small/cases.yaml": CASES.partition("- name: both")[0]})
    (small / "policies/small/small_test.rego").unlink()

    assert governor("test", "--min-coverage", "83").code == 0
    run = governor("test", "--min-coverage", "90")
    assert run.code == 1
    assert "fewer lines are covered than the 90 % asked for" in run.out


def test_a_policy_without_any_test_counts_as_not_run(governor: Governor, small: Path) -> None:
    write(small / "policies", {"other/other.py": PYTHON})
    run = governor("test", "--coverage")
    assert "policies/other/other.py      0.0 %  not run: 1, 4-5, 7-11" in run.out


RAW = """\
package main

deny contains "no buckets" if input.resource_changes[_].type == "aws_s3_bucket"
"""
RAW_TEST = """\
package main

test_bucket if deny with input as {"resource_changes": [{"type": "aws_s3_bucket"}]}

test_nothing if count(deny) == 1 with input as {"resource_changes": []}
"""


def test_the_rules_of_conftest_folders_are_tested_too(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"governor.yaml": "policies: [{source: policy, input: raw}]\n"})
    write(tmp_path / "policy", {"main.rego": RAW, "main_test.rego": RAW_TEST})
    for arguments in (["test", "--strict"], ["test", "policy"]):
        run = governor(*arguments)
        assert run.code == 1
        assert run.out.splitlines()[:-1] == [
            "policy/main_test.rego:5: data.main.test_nothing",
            "  it does not hold",
        ]
        assert run.out.splitlines()[-1].startswith("1 passed, 1 failed, 0 untested")


def test_watch_runs_again_when_a_file_changes_and_ends_with_the_last_outcome(small: Path) -> None:
    (small / "policies/small/small_test.rego").unlink()

    def save(text: str) -> None:
        new = small / "new.yaml"
        new.write_text(text)
        new.replace(small / "policies/small/cases.yaml")

    command = [sys.executable, "-u", "-c", "from governor.cli import main; main()", "test", "--watch"]
    with subprocess.Popen(command, cwd=small, stdout=PIPE, stderr=PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert any(line.startswith("1 passed, 1 failed") for line in process.stdout)
            assert process.stderr.readline().startswith("Watching for changes")
            save("- name: [")
            assert process.stderr.readline().startswith("governor: ")
            assert process.stderr.readline().startswith("Watching for changes")
            save(CASES.partition("- name: both")[0])
            assert any(line.startswith("1 passed, 0 failed") for line in process.stdout)
            assert process.stderr.readline().startswith("Watching for changes")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
