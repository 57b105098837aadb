"""From a repository as it is to one that governor judges: what is found, asked, written, and refused."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from commands.conftest import EXAMPLE, ROOT, Governor, Run
from core.policy_folders import write
from governor import config, library
from governor.cli import authoring
from governor.scaffold import found, setup
from made_up_keys import openai

ROOT_MODULE = """\
provider "aws" {
  region = "eu-central-1"
}
# region = "us-east-1"
resource "aws_instance" "trainer" {
  ami           = "ami-0123456789abcdef0"
  instance_type = "p5.48xlarge"
}
module "vpc" {
  source = "./modules/vpc"
}
"""
JOB = (ROOT / "examples/jobs/tune.yaml").read_text("utf-8")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def everything(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "config", "user.email", "ada@example.com")
    write(
        folder,
        {
            ".gitignore": "scratch/\n",
            "infra/main.tf": ROOT_MODULE,
            "infra/modules/vpc/main.tf": 'resource "aws_vpc" "a" {}\n',
            "scratch/main.tf": 'provider "google" {}\n',
            "jobs/tune.yaml": JOB,
            "chart/templates/job.yaml": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: {{ .Values.name }}}\n",
            "azure/export.json": json.dumps({"properties": {"policyDefinitions": []}}),
            "plan.json": EXAMPLE.read_text("utf-8"),
            ".gitlab-ci.yml": "stages: [test]\n",
        },
    )


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def data(folder: Path, concern: str) -> object:
    return library.read_data(folder / "policies" / concern / "data.yaml")


def test_an_empty_folder_gets_settings_and_the_next_commands(governor: Governor, tmp_path: Path) -> None:
    (tmp_path / ".git").rmdir()
    run = governor("init", "--yes")
    assert (run.code, run.err) == (0, "")
    assert run.out == (
        "found: nothing to judge yet\n\nwritten: governor.yaml\n\nnext:\n  governor keys scan .\n  governor policies\n"
    )
    assert files_below(tmp_path) == {"governor.yaml"}
    settings = config.load(tmp_path / "governor.yaml")
    assert (settings.policies, settings.levels) == (("builtin",), ())
    assert governor("check", EXAMPLE).code == 1
    assert governor("keys", "scan", ".").code == 0


def test_a_terraform_root_stays_where_it_lies_and_begins_with_warnings(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"infra/main.tf": ROOT_MODULE, "infra/modules/vpc/main.tf": 'resource "aws_vpc" "a" {}\n'})
    run = governor("init", "--yes", "--ci", "github", "--repository", "https://git.example.com/platform/governor")
    assert (run.code, run.err) == (0, "")
    assert "found: Terraform roots: infra\nfound: regions: eu-central-1\n" in run.out
    assert "  governor check infra\n" in run.out
    assert "  governor check infra\n" in run.out
    judged = governor("check", "infra")
    assert judged.code == 0, "nothing fails on the first day"
    assert "warn  TAG001" in judged.out
    assert "https://github.com/example" not in run.out
    assert data(tmp_path, "residency") == {
        "classes": {"home": {"jurisdictions": ["EU"]}},
        "default_class": "home",
        "ai_endpoints": {"home_jurisdictions": ["EU"]},
    }
    workflow = yaml.safe_load((tmp_path / ".github/workflows/governor.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"] == {"root": ["infra"]}
    assert job["steps"][-1]["uses"] == "platform/governor@v0.1.0"
    assert set(job["steps"][-1]["with"]) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
    report = json.loads(governor("check", EXAMPLE, "--format", "json", "--today", "2026-08-01").out)
    levels = {(finding["policy"], finding["level"]) for finding in report["findings"]}
    assert ("TAG001", "warn") in levels
    assert ("RES001", "warn") in levels, "the example lies in the US"
    assert {policy for policy, level in levels if level == "deny"} == {"KEY003"}


def test_everything_is_found_and_what_was_answered_is_what_check_asks(governor: Governor, tmp_path: Path) -> None:
    (tmp_path / ".git").rmdir()
    everything(tmp_path)
    run = governor(
        "init", "--yes", "--tags", "project, owner-team, billing/code", "--stages", "tuning,serving",
        "--budget", "atlas=20000,speech=1.5", "--keys", "openai=ci-evaluation", "--level", "deny",
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith(
        "found: Terraform roots: infra\n"
        "found: regions: eu-central-1, us-east-1\n"
        "found: job manifests: jobs\n"
        "found: plans: plan.json\n"
        "found: Azure Policy, not yet judged: azure/export.json\n"
    )
    assert [line.removeprefix("written: ") for line in run.out.splitlines() if line.startswith("written: ")] == [
        "governor.yaml",
        "policies/tagging/data.yaml",
        "policies/budgets/data.yaml",
        "policies/residency/data.yaml",
        "policies/keys/data.yaml",
        ".pre-commit-config.yaml",
    ]
    assert "Add to .gitlab-ci.yml, which governor does not touch:\n" in run.out
    assert (tmp_path / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    (entry,) = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["id"] for hook in entry["hooks"]] == [
        "governor-keys",
        "governor-check",
        "governor-plan",
        "governor-lint",
        "governor-test",
    ]
    assert entry["hooks"][2]["files"] == r"^(plan\.json)$"
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in entry["hooks"]} <= {hook["id"] for hook in offered}
    assert data(tmp_path, "budgets") == {"projects": {"atlas": {"monthly_usd": 20000}, "speech": {"monthly_usd": 1.5}}}
    (approval,) = data(tmp_path, "keys")["approved"]  # type: ignore[index]
    assert (approval["provider"], approval["match"]) == ("openai", {"owner": "ci-evaluation"})
    assert approval["owner"] == approval["approved_by"] == "ada@example.com"
    assert date.fromisoformat(approval["expires_at"]) > date.fromisoformat(approval["approved_at"])

    judged = governor("check", "jobs", "--format", "json")
    assert judged.code == 1, judged.err
    lacking = {f["attribute"] for f in json.loads(judged.out)["findings"] if f["policy"] == "TAG001"}
    assert lacking == {"tags.billing/code"}, "the job has project and owner-team, and nothing else is mandatory"
    told = run.out.split("next:\n")[1].splitlines()
    assert told[:3] == ["  governor check jobs", "  governor check plan.json", "  governor check infra"]
    assert governor("check", "infra").code == 1
    assert governor("check", "plan.json").code == 1
    assert governor("lint").code == 0
    assert governor("test").code == 0


def test_a_dry_run_prints_every_file_and_writes_none(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"jobs/tune.yaml": JOB})
    run = governor("init", "--yes", "--dry-run", "--budget", "atlas=5", "--ci", "github")
    assert run.code == 0
    for name in (
        "governor.yaml",
        "policies/budgets/data.yaml",
        ".pre-commit-config.yaml",
        ".github/workflows/governor.yml",
    ):
        assert f"would write {name}:\n" in run.out
    assert "\n    atlas: {monthly_usd: 5}\n" in run.out
    assert "check -f table -f github -- jobs" in run.out
    assert files_below(tmp_path) == {"jobs/tune.yaml"}


def test_what_people_wrote_stays_and_is_told_what_to_add(governor: Governor, tmp_path: Path) -> None:
    mine = {
        ".pre-commit-config.yaml": "repos: []  # mine\n",
        ".github/workflows/governor.yml": "name: mine\n",
        "policies/deny.rego": "package main\n",
    }
    write(tmp_path, mine)
    run = governor("init", "--yes", "--budget", "atlas=5")
    assert (run.code, run.err) == (0, "")
    assert {name: (tmp_path / name).read_text() for name in mine} == mine
    assert "Add to .pre-commit-config.yaml, which governor does not touch:\n\n  repos:\n" in run.out
    assert "Add to .github/workflows/governor.yml, which" in run.out
    assert config.load(tmp_path / "governor.yaml").policies == ("builtin", "governor-policies")
    assert governor("check", EXAMPLE).code == 1


def test_settings_that_are_there_are_left_alone(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"governor.yaml": "policies: [builtin]\n", "infra/main.tf": ROOT_MODULE})
    for arguments in (("init", "--yes"), ("init", "infra", "--yes")):
        run = governor(*arguments)
        assert (run.code, run.out) == (2, "")
        assert run.err == (
            f"governor: {tmp_path}/governor.yaml: governor is in place:"
            " change this file, or move it away and begin anew\n"
        )
    assert (tmp_path / "governor.yaml").read_text() == "policies: [builtin]\n"


def test_without_a_terminal_it_says_what_to_pass(governor: Governor, tmp_path: Path) -> None:
    run = governor("init", "--ci", "github")
    assert (run.code, run.out) == (2, "")
    assert "no terminal to ask on: pass --yes" in run.err
    assert "--jurisdictions, --keys, --key-owner, --level, --ci, --pre-commit, --repository" in run.err
    assert files_below(tmp_path) == set()


@pytest.mark.parametrize(
    ("option", "answer", "complaint"),
    [
        ("--tags", "team", "--tags: 'team' is what the taxonomy calls owner-team: write owner-team"),
        ("--tags", "a b", "--tags: 'a b' is no tag key: a letter,"),
        ("--tags", "site,Site", "--tags: 'Site' reads like site: keep one"),
        ("--tags", " , ", "--tags: name at least one tag key"),
        ("--stages", "\x1b[2J", "--stages: '\\x1b[2J' is no name:"),
        ("--budget", "atlas", "--budget: 'atlas' is half an answer: write PROJECT=USD"),
        ("--budget", "atlas=nan", "--budget: 'nan' is no amount of USD a month"),
        ("--budget", "atlas=-1", "--budget: '-1' is no amount of USD a month"),
        ("--budget", "atlas=1,atlas=2", "--budget: 'atlas' stands twice"),
        ("--jurisdictions", "eu", "--jurisdictions: 'eu' is written EU"),
        ("--jurisdictions", "eu-west-1", "--jurisdictions: 'eu-west-1' is a region in EU: write EU"),
        ("--jurisdictions", "Mars", "--jurisdictions: 'Mars' is none that the catalogue knows: AE,"),
        ("--keys", "skynet=a", "--keys: 'skynet' is no provider that keys are known of: anthropic,"),
        ("--keys", "openai=*", "--keys: '*' is no name of an account"),
        ("--repository", "https://ada:secret@example.com/a/b", "--repository: "),
    ],
)
def test_an_answer_that_cannot_be_is_refused_in_one_line(
    governor: Governor, tmp_path: Path, option: str, answer: str, complaint: str
) -> None:
    run = governor("init", "--yes", "--ci", "github", option, answer)
    assert run.code == 2
    assert run.err.startswith(f"governor: {complaint}")
    assert run.err.count("\n") == 1
    assert files_below(tmp_path) == set()


def test_a_key_given_for_the_name_of_an_account_is_not_repeated(governor: Governor, tmp_path: Path) -> None:
    key = openai()
    run = governor("init", "--yes", "--keys", f"openai={key}")
    assert run.code == 2
    assert "an AI key stands in this answer" in run.err
    assert key not in run.err + run.out
    assert files_below(tmp_path) == set()


def test_links_that_lead_out_are_neither_read_nor_written_through(
    governor: Governor, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = write(tmp_path_factory.mktemp("outside"), {"main.tf": ROOT_MODULE})
    (tmp_path / "infra").symlink_to(outside)
    (tmp_path / "main.tf").symlink_to(outside / "main.tf")
    (tmp_path / ".github").symlink_to(outside)
    run = governor("init", "--yes", "--ci", "github")
    assert run.code == 2
    assert run.out == "found: nothing to judge yet\n"
    assert run.err.endswith("this folder is a link that leads out of the repository\n")
    assert files_below(outside) == {"main.tf"}
    assert not (tmp_path / "governor.yaml").exists()


def test_what_cannot_be_written_leaves_nothing_behind(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {".github": "a file where a folder belongs\n"})
    run = governor("init", "--yes", "--ci", "github", "--budget", "atlas=5")
    assert run.code == 2
    assert run.err.endswith("; nothing was\n")
    assert files_below(tmp_path) == {".github"}
    assert not (tmp_path / "policies").exists()


def test_ci_belongs_to_the_root_and_is_told_no_name_that_it_would_evaluate(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"a/main.tf": ROOT_MODULE})
    run = governor("init", "a", "--yes", "--ci", "github")
    assert run.code == 2
    assert "CI and hooks are the repository's: begin in .., or pass --ci none" in run.err
    assert governor("init", "a", "--yes").code == 0
    assert files_below(tmp_path) == {"a/main.tf", "a/governor.yaml", "a/policies/residency/data.yaml"}

    (tmp_path / "a/governor.yaml").unlink()
    write(tmp_path, {"${{ github.token }}/main.tf": ROOT_MODULE})
    run = governor("init", "--yes", "--ci", "github")
    assert run.code == 2
    assert "CI and hooks cannot be told this name" in run.err


def test_what_is_looked_at_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"{name}/main.tf": ROOT_MODULE for name in "abcd"})
    assert found.look(tmp_path).roots == ("a", "b", "c", "d")
    monkeypatch.setattr(found, "MOST_READ", 2)
    there = found.look(tmp_path)
    assert there.roots == ("a", "b")
    assert found.lines(there)[-1].endswith("2 files: the rest was not looked at")


def on_a_terminal(folder: Path, *arguments: str, answers: str) -> Run:
    """Run `governor` where a person sits: both streams are a terminal, and the answers are typed."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine"), "TERM": "dumb"}
    command = [sys.executable, "-m", "governor", *arguments]
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        os.write(ours, answers.encode())
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # how Linux says that the other side is closed
            pass
    os.close(ours)
    return Run(process.returncode, shown.decode().replace("\r\n", "\n"), "")


def test_a_person_is_asked_what_no_option_said_and_asked_again(tmp_path: Path) -> None:
    everything(tmp_path)
    answers = ["", "atlas=much", "atlas=900", "", "openai=ci", "", "deny", "none", "n"]
    run = on_a_terminal(tmp_path, "init", "--stages", "tuning", answers="".join(f"{answer}\n" for answer in answers))
    assert run.code == 0, run.out
    assert (
        "Where data may lie and be processed: jurisdictions such as EU, US, UK, or any.\n  jurisdictions [EU, US]:"
        in run.out
    )
    assert "'much' is no amount of USD a month: write digits, like 20000\n" in run.out
    assert "key-owner [ada@example.com]:" in run.out
    assert "  stages" not in run.out
    assert "  repository" not in run.out, "nothing gets governor from anywhere"
    assert data(tmp_path, "budgets") == {"projects": {"atlas": {"monthly_usd": 900}}}
    assert data(tmp_path, "tagging") == {"tags": {"stage": {"values": ["tuning"]}}}
    assert config.load(tmp_path / "governor.yaml").levels == ()
    assert not (tmp_path / ".pre-commit-config.yaml").exists()


def test_the_page_shows_what_happens_and_every_option(governor: Governor, tmp_path: Path) -> None:
    page = (ROOT / "docs/init.md").read_text("utf-8")
    (shown,) = re.findall(r"<!-- init -->\n```console\n\$ governor (.*?)\n(.*?)```", page, re.DOTALL)
    write(
        tmp_path, {"infra/main.tf": ROOT_MODULE.partition("module")[0], "jobs/tune.yaml": "apiVersion: v1\nkind: Pod\n"}
    )
    assert governor(*shown[0].split()).out == shown[1]
    options = {
        option for row in re.findall(r"^\| (`--.*?) \|", page, re.MULTILINE) for option in re.findall(r"--[a-z-]+", row)
    }
    written = {name for option in authoring.init.params for name in (*option.opts, *option.secondary_opts)}
    assert options == {name for name in written if name.startswith("--")} - {"--yes", "--dry-run", "--adopt"}
    assert "--adopt" in page


def test_a_file_that_would_not_load_is_never_written(
    governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers allow none, so the mistake is put in here."""
    monkeypatch.setattr(setup, "settings", lambda *_: "policies: [nowhere]\n")
    run = governor("init", "--yes")
    assert run.code == 2
    assert "nowhere" in run.err
    assert files_below(tmp_path) == set()


def test_what_is_adopted_fails_no_more_and_what_is_new_does(
    governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a repository full of findings to a first day that is green, and a second one that brings something."""
    monkeypatch.delenv("CI", raising=False)
    everything(tmp_path)
    leak = f'resource "aws_ssm_parameter" "k" {{\n  name  = "k"\n  type  = "String"\n  value = "{openai()}"\n}}\n'
    write(tmp_path, {"infra/main.tf": ROOT_MODULE, "serving/main.tf": leak})
    git(tmp_path, "add", "--all")
    git(tmp_path, "-c", "user.name=Ada", "commit", "--quiet", "-m", "Before governor")

    run = governor("init", "--yes", "--adopt", "--ci", "github", "--pre-commit")

    assert (run.code, run.err) == (0, "")
    assert re.search(r"adopted: infra/governor-baseline.json: [1-9]\d* findings\n", run.out)
    assert "adopted: serving/governor-baseline.json: 0 findings\nnot adopted: KEY003 " in run.out
    assert openai() not in run.out
    assert "levels" not in (tmp_path / "governor.yaml").read_text(), "policies decide by their severity"

    workflow = yaml.safe_load((tmp_path / ".github/workflows/governor.yml").read_text())
    gate = workflow["jobs"]["gate"]["steps"][-1]["with"]
    assert gate["baseline"] == "${{ matrix.root }}/governor-baseline.json"
    (hook,) = [
        hook
        for hook in yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
        if hook["id"] == "governor-check"
    ]
    known = ("--baseline", "infra/governor-baseline.json")
    assert governor("check", "infra").code == 1
    assert governor("check", "infra", *known).code == 0
    assert governor("check", "infra", *hook["args"]).code == 0
    assert governor("check", "jobs", "--baseline", "governor-baseline-manifests.json").code == 0
    assert governor("check", "serving", "--baseline", "serving/governor-baseline.json").code == 1

    second = 'resource "aws_instance" "second" {\n  instance_type = "p5.48xlarge"\n}\n'
    write(tmp_path, {"infra/new.tf": second})
    for judged in (governor("check", "infra", *known), governor("check", "infra", *hook["args"])):
        assert judged.code == 1
        new = re.split("KNOWN|UNDETERMINED", judged.out.split("NEW")[1])[0]
        assert "aws_instance.second" in new
        assert "aws_instance.trainer" not in new


def test_nothing_is_adopted_in_a_dry_run(governor: Governor, tmp_path: Path) -> None:
    everything(tmp_path)
    before = files_below(tmp_path)

    assert governor("init", "--yes", "--adopt", "--dry-run").code == 0

    assert files_below(tmp_path) == before
