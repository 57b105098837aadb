"""What docs/manifests.md shows is what happens, in the folder of the examples."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from commands.conftest import EXAMPLE, ROOT, Governor

PAGE = (ROOT / "docs" / "manifests.md").read_text("utf-8")
DAY = "2026-11-24"


def test_the_example_is_as_shown(governor: Governor, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)
    found = re.search(r"<!-- check -->\n```console\n(.*?)```", PAGE, re.DOTALL)
    assert found
    shown = re.split(r"^\$ (.+)\n", found[1], flags=re.MULTILINE)[1:]
    runs = [governor(*command.split()[1:], "--today", DAY) for command in shown[::2]]

    for run, output in zip(runs, shown[1::2], strict=True):
        for part in output.split("…\n"):
            assert part in run.out
    assert [run.code for run in runs] == [1, 0]


def test_the_hook_runs_on_the_files_that_it_is_given(governor: Governor, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)
    found = re.search(r"```yaml\n# \.pre-commit-config\.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    (used,) = yaml.safe_load(found[1])[0]["hooks"]
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (hook,) = [hook for hook in offered if hook["id"] == used["id"]]
    assert re.match(used["files"], "jobs/tune.yaml")

    command = hook["entry"].split()[1:]
    assert governor(*command, "jobs/tune.yaml", "governor.yaml").code == 0
    assert governor(*command, "jobs/serve.yaml", "jobs/tune.yaml").code == 1
