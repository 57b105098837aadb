"""`governor gate`, from a folder or a plan to reports, a comment on a real server, and an exit code."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import platforms
import real_terraform
from commands.conftest import Governor
from core.policy_folders import rego, write
from platforms import TOKEN, Answer, Platform

needs_terraform = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on PATH")

SECRET = "hunter2-hunter2-hunter2"
VOLUME = """
variable "password" { sensitive = true }
resource "aws_ebs_volume" "data" {
  availability_zone = "us-east-1a"
  size              = 10
  tags              = merge({ password = var.password }, %s)
}
provider "aws" {
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}
"""


@pytest.fixture(params=["github", "gitlab"])
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    with platforms.serve(request.param) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
@pytest.mark.parametrize("platform", ["github"], indirect=True)
def test_from_a_folder_to_a_comment_that_follows_the_change(
    governor: Governor, tmp_path: Path, terraform: real_terraform.Terraform, platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A change without an owner is stopped; the next commit names one, and the same comment says so."""
    write(
        tmp_path,
        {"governor.yaml": "policies: [policies]\n", "policies/names/names.rego": rego(body="not resource.tags.owner")},
    )
    infra = write(tmp_path / "infra", {"main.tf": VOLUME % "{}"})
    for name, value in terraform.workspace(infra).environment.items():
        if name not in ("PATH", "TF_CLI_ARGS"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("TF_VAR_password", SECRET)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    gate = ("gate", "infra", "--environment", "prod", "--comment", platform.kind, "-f", "table", "-f", "json=v.json")

    stopped = governor(*gate)
    assert stopped.code == 1, stopped.err
    assert "infra/main.tf:3" in stopped.out
    assert "terraform plan infra (Terraform 1." in stopped.out
    again = governor(*gate)
    write(infra, {"main.tf": VOLUME % '{ owner = "ada" }'})
    passed = governor(*gate)

    assert [run.err.splitlines()[-1] for run in (stopped, again, passed)] == [
        "governor: comment on acme/platform#7 created",
        "governor: comment on acme/platform#7 unchanged",
        "governor: comment on acme/platform#7 updated",
    ]
    assert (again.code, passed.code) == (1, 0)
    (comment,) = platform.bodies
    assert comment.startswith("<!-- governor:prod ")
    assert "✅ governor `prod`: All good" in comment
    assert json.loads((tmp_path / "v.json").read_text())["summary"]["open"] == 0
    assert "⚠️" not in (tmp_path / "summary.md").read_text()
    said = "".join(run.out + run.err for run in (stopped, again, passed))
    for file in (tmp_path / "v.json", tmp_path / "summary.md"):
        said += file.read_text()
    assert TOKEN not in said + comment
    assert SECRET not in said + comment


def test_a_plan_of_another_step(governor: Governor, mine: Path, platform: Platform) -> None:
    run = governor("gate", "--plan", "plan.json", "--comment", platform.kind)

    assert run.code == 1
    assert "aws_instance.long" in run.out
    (comment,) = platform.bodies
    assert comment.startswith("<!-- governor:default ")
    assert "aws_instance.long" in comment


def test_two_environments_have_a_comment_each(governor: Governor, mine: Path, platform: Platform) -> None:
    for environment in ("prod", "prod eu", "prod"):
        governor("gate", "--plan", "plan.json", "--comment", platform.kind, "--environment", environment)

    assert [body.split()[1] for body in platform.bodies] == ["governor:prod", "governor:prod%20eu"]
    assert len(platform.written) == 2


@pytest.mark.parametrize("exit_zero", [True, False])
def test_a_comment_that_cannot_be_posted_is_no_verdict(
    governor: Governor, mine: Path, platform: Platform, exit_zero: bool
) -> None:
    """As in a pull request from a fork, whose token may only read."""
    platform.spoil = lambda request, usual: (
        Answer(403, {"message": "Forbidden"}) if request.startswith("POST") else usual()
    )

    run = governor("gate", "--plan", "plan.json", "--comment", platform.kind, *["--exit-zero"] * exit_zero)

    assert run.code == (0 if exit_zero else 1)
    assert "governor: warning: the comment was not posted, the exit code stands: http://" in run.err
    assert "answers 403 Forbidden" in run.err
    assert TOKEN not in run.out + run.err


def test_what_was_not_judged_does_not_stand_as_it_was(
    governor: Governor, mine: Path, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A green comment of the last commit would be a lie about this one."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write(tmp_path, {"clean.json": json.dumps({"format_version": "1.2", "resource_changes": []}), "bad.json": "{"})
    governor("gate", "--plan", "clean.json", "--comment", platform.kind)
    assert "✅" in platform.bodies[0]

    run = governor("gate", "--plan", "bad.json", "--comment", platform.kind)

    assert run.code == 3
    (comment,) = platform.bodies
    assert "## ⚠️ governor: this change was not judged\n\n`bad.json: " in comment
    assert "this change was not judged" in (tmp_path / "summary.md").read_text()


def test_nor_when_governor_itself_fails(
    governor: Governor, mine: Path, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # for the log

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("governor.commands.check.settle", fail)

    run = governor("gate", "--plan", "plan.json", "--comment", platform.kind)

    assert run.code == 3
    assert "this change was not judged\n\n`governor failed: see the log of this run`" in platform.bodies[0]
    assert SECRET not in platform.bodies[0] + run.out + run.err


def test_without_a_pull_request_it_says_so(governor: Governor, mine: Path) -> None:
    for platform in ("github", "gitlab"):
        run = governor("gate", "--plan", "plan.json", "--comment", platform)
        assert (run.code, run.err) == (1, "governor: no comment: this run is for no pull request\n")


def test_without_comment_nobody_is_asked(governor: Governor, mine: Path, platform: Platform) -> None:
    run = governor("gate", "--plan", "plan.json")

    assert (run.code, run.err, platform.requests) == (1, "", [])


def test_the_summary_of_a_step_is_added_to(
    governor: Governor, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    run = governor("gate", "--plan", "plan.json", "-f", "markdown")

    assert summary.read_text() == f"# Before\n{run.out}"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    run = governor("gate", "--plan", "plan.json")
    assert (run.code, run.err) == (1, "governor: warning: the summary of the step was not written (Is a directory)\n")


def test_it_judges_as_check_does(governor: Governor, mine: Path) -> None:
    for options in ([], ["-f", "json"], ["--exit-zero", "-q"], ["--fail-level", "note"]):
        assert governor("gate", "--plan", "plan.json", *options) == governor("check", "plan.json", *options)


def test_the_fail_level_of_a_run(governor: Governor, mine: Path) -> None:
    write(mine, {"governor.yaml": "policies: [policies]\nlevels: [{policies: '*', level: warn}]\n"})

    assert governor("check", "plan.json").code == 0
    assert governor("check", "plan.json", "--fail-level", "warn").code == 1
    assert governor("gate", "--plan", "plan.json", "--fail-level", "warn").code == 1


@pytest.mark.parametrize("options", [["--var", "a=b"], ["--no-refresh"], ["--workspace", "prod"], ["--timeout", "5"]])
def test_a_plan_that_is_made_needs_no_way_of_making_it(governor: Governor, mine: Path, options: list[str]) -> None:
    run = governor("gate", "--plan", "plan.json", *options)

    assert (run.code, run.out) == (2, "")
    assert "--plan gives a plan that is made: leave out --var, --workspace and all else that makes one" in run.err


@needs_terraform
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--plan", "infra/a"], "infra/a: this is no plan: `governor check` judges code and manifests"),
        (["--plan", "infra"], "infra: 2 judgements are about this folder: name one of infra/a, infra/b"),
        (["infra"], "infra: no Terraform code (*.tf) lies in this folder: give the root module"),
        (["infra/a", "--plan", "none.json"], "none.json: no such file or folder: make one with: terraform show"),
    ],
)
def test_what_is_no_plan_and_makes_none_is_no_gate(
    governor: Governor, mine: Path, arguments: list[str], told: str
) -> None:
    write(mine, {"infra/a/main.tf": "", "infra/b/main.tf": ""})

    run = governor("gate", *arguments)

    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"governor: {told}")


def test_a_folder_whose_plan_fails_is_not_judged(governor: Governor, mine: Path, platform: Platform) -> None:
    write(mine / "infra", {"main.tf": 'variable "region" {}\n'})

    run = governor("gate", "infra", "--comment", platform.kind, "-f", "json=verdict.json")

    assert run.code == 3
    assert run.err.endswith("governor: infra: terraform plan failed: No value for required variable (main.tf:1)\n")
    assert not (mine / "verdict.json").exists()
    assert "No value for required variable" in platform.bodies[0]


def test_mistakes_are_found_before_a_plan_is_made(governor: Governor, mine: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    program = write(tmp_path, {"terraform": f"#!/bin/sh\ntouch {marker}\n"}) / "terraform"
    program.chmod(0o755)

    for options in (["-f", "nope"], ["--config", "nope.yaml"], ["--policies", "nope"]):
        assert governor("gate", ".", "--binary", str(program), *options).code == 2
    assert not marker.exists()


def test_without_requests_there_is_a_line(governor: Governor, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)

    run = governor("gate", "--plan", "plan.json", "--comment", "github")

    assert (run.code, run.err) == (2, "governor: --comment needs requests: pip install 'gpu-governor[gate]'\n")
    assert governor("gate", "--plan", "plan.json").code == 1
