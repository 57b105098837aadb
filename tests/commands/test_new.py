"""A new policy works from its first minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.conftest import EXAMPLE, Governor
from core.policy_folders import write


@pytest.mark.parametrize("language", ["rego", "python"])
def test_a_new_policy_passes_its_tests_at_once_and_finds_something(
    governor: Governor, tmp_path: Path, language: str
) -> None:
    run = governor("new", "policy", "Cost-Center", "--language", language)
    suffix = {"rego": "rego", "python": "py"}[language]
    assert (run.code, run.err) == (0, "")
    assert (
        run.out
        == f"""\
written: policies/cost_center/cost_center.{suffix}
written: policies/cost_center/cases.yaml
written: policies/cost_center/fragments/COS001_avoid.tf
written: policies/cost_center/fragments/COS001_prefer.tf

COS001 asks for a tag named cost-center. Change the rule and its cases, and try:

  governor test policies/cost_center --watch

It is asked by governor check once governor.yaml names its folder:

  policies: [builtin, policies]
"""
    )
    write(tmp_path, {"governor.yaml": "policies: [builtin, policies]\n"})
    run = governor("test", "policies", "--strict", "--min-coverage", "100")
    assert run.code == 0, run.out
    assert "4 passed, 0 failed, 0 untested (" in run.out
    run = governor("lint", "policies")
    assert run.code == 0, run.out
    report = governor("check", EXAMPLE, "--format", "json", "--today", "2026-08-01").out
    assert 'lacks the tag cost-center"' in report
    assert governor("docs", "pages").code == 0
    assert "## Prefer" in (tmp_path / "pages/COS001.md").read_text()


def test_a_second_policy_joins_its_concern_and_takes_the_next_number(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"governor.yaml": "policies: [builtin, policies]\n"})
    (tmp_path / "policies").mkdir()
    assert governor("new", "policy", "on-call", "--concern", "tagging", "--language", "python").code == 0
    run = governor("new", "policy", "runbook", "--concern", "tagging")
    assert run.code == 0
    assert "added to: policies/tagging/cases.yaml" in run.out
    assert "governor.yaml" not in run.out
    run = governor("test", "policies/tagging", "--strict")
    assert "8 passed, 0 failed, 0 untested (" in run.out
    listed = governor("policies").out
    assert "TAG006  medium    warn  Machines carry the tag on-call" in listed
    assert "TAG007  medium    warn  Machines carry the tag runbook" in listed


def test_letters_that_another_concern_has_are_not_taken_again(governor: Governor) -> None:
    run = governor("new", "policy", "tagger")
    assert "TAGG001 asks for a tag named tagger" in run.out


def test_nothing_is_written_over(governor: Governor, tmp_path: Path) -> None:
    governor("new", "policy", "owner")
    mine = tmp_path / "policies/owner/owner.rego"
    mine.write_text(mine.read_text() + "\n# mine\n")
    run = governor("new", "policy", "owner")
    assert (run.code, run.err) == (
        2,
        "governor: policies/owner/owner.rego: this file is there already: choose another name\n",
    )
    assert mine.read_text().endswith("# mine\n")


@pytest.mark.parametrize("name", ["../x", "9lives", "a b", ""])
def test_a_name_no_language_takes_is_refused(governor: Governor, name: str) -> None:
    run = governor("new", "policy", name)
    assert run.code == 2
    assert "take letters, digits and underscores" in run.err
