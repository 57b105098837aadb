"""What docs/manifests.md shows is what happens, in the folder of the examples."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

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
