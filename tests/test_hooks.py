"""The hooks that this repository offers work where pre-commit installs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.policy_folders import write
from made_up_keys import openai
from real_terraform import PROJECT

PRE_COMMIT = [sys.executable, "-m", "pre_commit"]


def run(folder: Path, *command: str, skip: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["SKIP"] = skip
    environment["PRE_COMMIT_HOME"] = str(folder.parent / "pre-commit")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def git(folder: Path, *arguments: str) -> None:
    done = run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments)
    assert done.returncode == 0, done.stderr


def test_the_hooks_are_well_formed(tmp_path: Path) -> None:
    done = run(tmp_path, *PRE_COMMIT, "validate-manifest", str(PROJECT / ".pre-commit-hooks.yaml"))
    assert (done.returncode, done.stdout) == (0, "")


def test_the_page_tells_of_the_hooks_that_are_offered() -> None:
    page = (PROJECT / "docs/pre-commit.md").read_text("utf-8")
    offered = {hook["id"] for hook in yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    rows = re.findall(r"^\| (`governor-.+?) \|", page, re.MULTILINE)
    assert set(re.findall(r"`(governor-\w+)`", " ".join(rows))) == offered

    pages = [page, (PROJECT / "docs/keys-in-code.md").read_text("utf-8")]
    used = [hook for text in pages for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
            for hook in _hooks(yaml.safe_load(block))]  # fmt: skip
    assert {hook["id"] for hook in used} == {"governor-check", "governor-keys", "governor-plan"}
    narrowed = {hook["id"]: hook["files"] for hook in used if "files" in hook}
    assert re.search(narrowed["governor-check"], "jobs/train.yaml")
    assert re.search(narrowed["governor-plan"], "plans/prod.json")


def _hooks(settings: Any) -> list[dict[str, Any]]:
    """Those in a `.pre-commit-config.yaml`, or in a piece of its list of hooks."""
    if isinstance(settings, dict):
        return [hook for repo in settings.get("repos", ()) for hook in repo["hooks"]]
    return [hook for hook in settings if "id" in hook]


def test_without_pre_commit_the_script_of_the_page_stops_a_commit(tmp_path: Path) -> None:
    page = (PROJECT / "docs/pre-commit.md").read_text("utf-8")
    (script,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    repository = tmp_path / "work"
    write(
        repository,
        {"infra/main.tf": 'resource "aws_instance" "x" {\n  instance_type = "p5.48xlarge"\n}\n', "ci.yaml": "a: 1\n"},
    )
    git(repository, "init", "--quiet")
    write(tmp_path, {"governor": f'#!/bin/sh\nexec "{sys.executable}" -m governor "$@"\n'})
    (tmp_path / "governor").chmod(0o755)
    hook = repository / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(script, "utf-8")
    hook.chmod(0o755)
    git(repository, "add", "--all")

    path = f"PATH={tmp_path}:{os.environ['PATH']}"
    done = run(repository, "env", path, "git", "-c", "user.name=t", "-c", "user.email=t@e", "commit", "-m", "x")
    assert done.returncode == 1
    assert "terraform code infra, stage commit" in done.stdout + done.stderr
    assert "aws_instance.x" in done.stdout + done.stderr


def test_a_commit_of_policies_is_linted_tested_and_documented(tmp_path: Path) -> None:
    """From a new policy to a commit that passes, and one that three hooks stop."""
    repository = tmp_path / "work"
    repository.mkdir()
    git(repository, "init", "--quiet")
    write(repository, {"governor.yaml": "policies: [policies]\n"})
    governor = (sys.executable, "-c", "from governor.cli import main; main()")
    assert run(repository, *governor, "new", "policy", "owner").returncode == 0
    assert run(repository, *governor, "docs").returncode == 0
    git(repository, "add", "--all")

    good = run(repository, *PRE_COMMIT, "try-repo", str(PROJECT), "--verbose", skip="governor-keys")
    if "CalledProcessError" in good.stdout and "install" in good.stdout:
        pytest.skip("pre-commit cannot install this project here: pip has no index to ask")
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.count("Passed") == 4

    rule = repository / "policies/owner/owner.rego"
    text = rule.read_text().replace("Machines carry", "All machines carry")
    rule.write_text(text.replace('\t"attribute": "tags.owner",\n', ""))
    git(repository, "add", "--all")
    bad = run(repository, *PRE_COMMIT, "try-repo", str(PROJECT), skip="governor-keys")
    assert bad.returncode == 1
    assert bad.stdout.count("Failed") == 3


def test_a_commit_of_code_jobs_and_keys_is_judged(tmp_path: Path) -> None:
    """A module is judged where it is called, a plan in its stage; YAML that launches nothing is passed by."""
    repository = tmp_path / "work"
    repository.mkdir()
    git(repository, "init", "--quiet")
    tags = '  tags = { project = "vision", stage = "evaluation", model = "vit", owner-team = "v", dataset = "d" }\n'
    module = 'resource "aws_instance" "gpu" {\n  instance_type = "g5.xlarge"\n' + tags + "}\n"
    write(
        repository,
        {
            "governor.yaml": "policies: [builtin]\n",
            "prod/main.tf": 'provider "aws" {\n  region = "us-east-1"\n}\n\nmodule "gpu" {\n  source = "../gpu"\n}\n',
            "gpu/main.tf": module,
            "ci.yaml": "jobs: {}\n",
            "app.py": f"key = '{openai()}'\n",
        },
    )
    git(repository, "add", "--all")

    hooks = run(repository, *PRE_COMMIT, "try-repo", str(PROJECT), skip="governor-docs")
    if "CalledProcessError" in hooks.stdout and "install" in hooks.stdout:
        pytest.skip("pre-commit cannot install this project here: pip has no index to ask")

    assert hooks.returncode == 1
    check = hooks.stdout.split("- hook id: governor-check", 1)[1].split("- hook id:", 1)[0]
    assert "terraform code prod, stage commit" in check
    assert "module.gpu.aws_instance.gpu" in check
    assert "gpu/main.tf:1" in check
    assert "experiment-id" in check
    keys = hooks.stdout.split("- hook id: governor-keys", 1)[1]
    assert "app.py:1" in keys
    assert openai() not in hooks.stdout
    failed = [line.split(".")[0] for line in hooks.stdout.splitlines() if line.endswith("Failed")]
    assert failed == ["governor check", "governor keys"]
