"""`governor lint`: which folders, what is printed, how it ends, and what its page says."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from commands.conftest import Governor
from core.policy_folders import python, rego, write
from governor import library
from governor.lint import CHECKS
from lint.stories import CASES, CLEAN
from real_terraform import PROJECT

PAGE = (PROJECT / "docs" / "lint.md").read_text("utf-8")
BROKEN = {"policies/names/names.rego": rego(body="not startswith(resource.tags.a, resource.id)")}
LINE = (
    "policies/names/names.rego:10:6: negated-reference: where resource.tags.a is undefined, OPA gives up the rule;"
    " the embedded engine takes the `not` for true\n  look it up in a line before: `found := resource.tags.a`\n"
)
CLEAN_HERE = {f"policies/{name}": text for name, text in CLEAN.items()}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A repository with one clean policy, named by its settings."""
    return write(tmp_path, {"governor.yaml": "policies: [builtin, policies]\n", **CLEAN_HERE})


def test_our_own_policies_are_clean(governor: Governor) -> None:
    run = governor("lint", library.builtin())

    assert (run.code, run.err) == (0, "")
    assert re.fullmatch(rf"no problem – \d+ files, \d+ policies, {len(CHECKS)} checks\n", run.out)


def test_without_a_folder_the_settings_are_followed_but_for_the_builtin_library(governor: Governor, mine: Path) -> None:
    assert governor("lint").out == f"no problem – 2 files, 1 policy, {len(CHECKS)} checks\n"

    write(mine, BROKEN)
    run = governor("lint")
    assert (run.code, run.out) == (1, f"{LINE}1 problem – 2 files, 1 policy, {len(CHECKS)} checks\n")


def test_without_folders_of_ones_own_the_builtin_library_is_checked(governor: Governor) -> None:
    assert "29 policies" in governor("lint").out


@pytest.mark.parametrize("folder", ["policies", "policies/names", "./policies/names/"])
def test_a_library_or_one_concern_may_be_named(governor: Governor, mine: Path, folder: str) -> None:
    write(mine, {**BROKEN, "policies/other/other.rego": rego("other", "OTH001")})

    out = governor("lint", folder).out

    assert out.startswith(LINE)
    assert ("OTH001" in out) is (folder == "policies"), "what lies beside a named concern is not told"


def test_what_lies_around_is_known(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/names/names.rego": rego(id="TAG001"), "policies/names/cases.yaml": "[]\n"})

    out = governor("lint", "policies/names").out

    assert re.search(r"duplicate-id: the id TAG001 is taken by \S+/tagging\.rego:\d+\n", out)


def test_an_overlay_needs_no_schema_of_its_own_and_may_remove_what_lies_below(governor: Governor, mine: Path) -> None:
    data = "mandatory:\n  paid: null\n  none: null\n"
    write(mine, {"policies/tagging/data.yaml": data})

    run = governor("lint")

    assert run.out.splitlines()[0] == "policies/tagging/data.yaml:3:1: null-in-data: this null removes nothing"
    assert run.out.count("data.yaml") == 1


CONFTEST = """\
package main

deny[msg] {
	input.resource_changes[_].type == data.types[_]
	not startswith(input.format_version, "1")
	msg := md5("a")
	any([true])
}
"""
SAID = """\
{}/deep/main.rego:5:6: negated-reference: where input.format_version is undefined, OPA gives up the rule; \
the embedded engine takes the `not` for true
{}/deep/main.rego:6:9: unknown-function: no function is named md5
"""


def test_policies_for_conftest_are_asked_for_their_language_only(governor: Governor, mine: Path) -> None:
    settings = "policies: [policies, {source: raw, input: raw}]\n"
    write(
        mine, {"raw/deep/main.rego": CONFTEST, "mine/deep/main.rego": f"{CONFTEST}# mine\n", "governor.yaml": settings}
    )

    def said(*arguments: object) -> str:
        return "\n".join(governor("lint", *arguments).out.splitlines()[:-1:2]) + "\n"

    raw, other = SAID.replace("{}", "raw"), SAID.replace("{}", "mine")
    assert said() == raw
    assert said("raw/deep") == raw
    assert said("--raw-policies", "mine") == other + raw


def test_json_is_for_programs(governor: Governor, mine: Path) -> None:
    write(mine, BROKEN)

    run = governor("lint", "-f", "json")

    report = json.loads(run.out)
    (problem,) = report.pop("problems")
    assert report == {"ignored": 0, "files": 2, "policies": 1}
    assert {**problem, "message": "", "fix": ""} == {
        "check": "negated-reference", "file": "policies/names/names.rego", "line": 10, "column": 6,
        "message": "", "fix": "",
    }  # fmt: skip


def test_a_file_that_does_not_parse_ends_nothing(governor: Governor, mine: Path) -> None:
    write(mine, {**BROKEN, "policies/a/a.rego": "package a\n\nx := \n", "policies/b/b.py": "def\n"})

    run = governor("lint")

    assert [line.split(": ")[1] for line in run.out.splitlines() if line.startswith("policies")] == [
        "parse-error",
        "parse-error",
        "negated-reference",
    ]


def test_rego_of_before_opa_1_is_told_how_to_become_new(governor: Governor, mine: Path, opa: str) -> None:
    write(mine, {"policies/names/more.rego": "package names\n\n_x[y] {\n\ty := 1\n}\n"})

    message, fix = governor("lint").out.splitlines()[:2]

    assert message.startswith("policies/names/more.rego:3:7: parse-error: this Rego does not parse: if keyword is")
    (command,) = re.findall("`opa (.+)`", fix)
    subprocess.run([opa, *command.split(), "policies/names/more.rego"], check=True)
    assert governor("lint").code == 0


def test_no_policy_is_run(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/names/names.py": python("", head="raise SystemExit('it ran')"), **CLEAN_HERE})

    assert "it ran" not in "".join(map(str, governor("lint")))


@pytest.mark.parametrize(
    ("comment", "code"),
    [
        ("# lint: ignore[negated-reference] it is there", 0),
        ("# lint: ignore[line-length, negated-reference]", 1),
        ("", 1),
    ],
)
@pytest.mark.parametrize("above", [True, False])
def test_a_comment_keeps_a_check_quiet(governor: Governor, mine: Path, comment: str, code: int, above: bool) -> None:
    line = "not startswith(resource.tags.a, resource.id)"
    write(mine, {"policies/names/names.rego": rego(body=f"{comment}\n\t{line}" if above else f"{line} {comment}")})

    run = governor("lint")

    assert run.code == code
    if code == 0:
        assert run.out == f"no problem, 1 ignored – 2 files, 1 policy, {len(CHECKS)} checks\n"
    elif comment:
        assert "unused-ignore: there is no line-length here to ignore" in run.out
        assert "negated-reference: where" not in run.out


def test_a_misspelt_ignore_is_told(governor: Governor, mine: Path) -> None:
    write(mine, {"policies/names/more.rego": "package names\n\n# lint: ignore[line-lenght]\n"})

    assert governor("lint").out.splitlines()[0] == (
        "policies/names/more.rego:3:1: unused-ignore: no check is named line-lenght"
    )


def test_fix_formats_what_opa_formats(
    governor: Governor, mine: Path, opa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(opa).parent}{os.pathsep}{os.environ['PATH']}")
    file = mine / "policies/names/more.rego"
    write(mine, {"policies/names/more.rego": "package names\n_x:=1\n", "policies/names/odd.rego": "package names {"})

    run = governor("lint", "--fix")

    assert file.read_text() == "package names\n\n_x := 1\n"
    assert run.err.splitlines() == [
        "formatted policies/names/more.rego",
        "opa does not format policies/names/odd.rego: it does not parse there",
    ]
    assert "parse-error" in run.out


def test_fix_says_when_opa_is_missing(governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(mine))
    assert shutil.which("opa") is None

    run = governor("lint", "--fix")

    assert (run.code, run.err.startswith("opa is not on PATH: nothing was formatted")) == (0, True)


def test_a_folder_that_is_none_is_refused(governor: Governor, mine: Path) -> None:
    assert governor("lint", "polices")[::2] == (2, "governor: polices: no such folder of policies\n")
    (mine / "empty").mkdir()
    assert governor("lint", "empty")[::2] == (4, "governor: empty: no policy lies below\n")


@pytest.mark.parametrize("language", ["rego", "python"])
def test_what_governor_new_writes_is_clean(governor: Governor, mine: Path, language: str) -> None:
    governor("new", "policy", "cost-center", "--language", language)

    assert governor("lint").out.startswith("no problem – 4 files, 2 policies")


def test_the_page_describes_every_check_as_its_code_does() -> None:
    described = dict(re.findall(r"^### (\S+)\n\n(.*?)\n(?=\n##|\Z)", PAGE, re.DOTALL | re.MULTILINE))

    assert described == {id: inspect.cleandoc(check.__doc__ or "") for id, check in CHECKS.items()}


def test_the_run_on_the_page_is_what_it_prints(governor: Governor, tmp_path: Path) -> None:
    ((name, text),) = re.findall(r"```rego\n# (policies\S+)\n(.*?)```", PAGE, re.DOTALL)
    (shown,) = re.findall(r"\$ governor lint policies\n(.*?)```", PAGE, re.DOTALL)

    assert governor("lint", write(tmp_path, {name: text}) / "policies").out == shown


def test_the_ignore_on_the_page_is_one(governor: Governor, mine: Path) -> None:
    (text,) = re.findall(r"```rego\n(_matches.*?)```", PAGE, re.DOTALL)
    write(mine, {"policies/names/more.rego": f"package names\n\n{text}", "policies/names/cases.yaml": CASES})

    assert governor("lint").out.startswith("no problem, 1 ignored")
