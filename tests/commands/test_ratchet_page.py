"""What docs/ratchet.md shows is what happens, in the folder of the examples."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from commands.conftest import EXAMPLE, ROOT, Governor
from governor.model import fingerprint
from repositories import Repository

PAGE = (ROOT / "docs" / "ratchet.md").read_text("utf-8")
DAY = "2026-11-24"


@pytest.mark.parametrize(("name", "codes"), [("base", [1]), ("baseline", [0, 1, 0])])
def test_the_example_is_as_shown(governor: Governor, tmp_path: Path, name: str, codes: list[int]) -> None:
    repository = Repository(tmp_path)
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)
    repository.commit()
    repository.git("checkout", "-q", "-b", "feature")
    found = re.search(rf"<!-- {name} -->\n```console\n(.*?)```", PAGE, re.DOTALL)
    assert found
    shown = re.split(r"^\$ (.+)\n", found[1], flags=re.MULTILINE)[1:]

    ended = []
    for command, output in zip(shown[::2], shown[1::2], strict=True):
        if not command.startswith("governor "):
            subprocess.run(command, shell=True, check=True)
            assert output == ""
            continue
        run = governor(*command.split()[1:], "--today", DAY)
        ended.append(run.code)
        rest = run.err + run.out
        for part in re.split(r"…\n?", output):
            assert part in rest
            rest = rest.partition(part)[2]
    assert ended == codes


def test_the_entry_of_the_page_is_one() -> None:
    shown = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    (entry,) = json.loads(shown[1])["findings"]

    assert entry["fingerprint"] == fingerprint(entry["policy"], entry["resource"], entry["attribute"])


def test_the_workflow_has_the_history_that_it_compares_with() -> None:
    workflow, pipeline = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))

    checkout, _, check = workflow["jobs"]["check"]["steps"]
    assert checkout["with"]["fetch-depth"] == 0
    assert "--base" in check["run"]
    assert pipeline["governor"]["variables"]["GIT_DEPTH"] == 0
    assert "--base" in pipeline["governor"]["script"][1]


def test_the_report_of_another_plan_stands_for_the_file(governor: Governor, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)
    (block,) = [
        block for block in re.findall(r"(?:^    .+\n)+", PAGE, re.MULTILINE) if "known.json" in block and "gov" in block
    ]
    first, second = (line.split()[1:] for line in block.strip().splitlines())
    shutil.copy("plan.json", "main-plan.json")

    assert governor(*first, "--today", DAY).code == 0
    run = governor(*second, "--today", DAY)

    assert run.code == 0
    assert "0 new, 31 known, 0 fixed" in run.out
