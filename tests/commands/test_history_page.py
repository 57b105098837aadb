"""What docs/history-and-backtest.md shows is what happens, in the folder of the examples."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from commands.conftest import EXAMPLE, ROOT, Governor

PAGE = (ROOT / "docs" / "history-and-backtest.md").read_text("utf-8")
DAY = "2026-11-24"


def test_the_examples_are_as_shown(governor: Governor, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)
    for name, text in re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, "utf-8")
    blocks = re.findall(r"<!-- \w+ -->\n```console\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == PAGE.count("```console") == 3

    ran = []
    for block in blocks:
        shown = re.split(r"^\$ (.+)\n", block, flags=re.MULTILINE)[1:]
        for command, output in zip(shown[::2], shown[1::2], strict=True):
            program, *arguments = command.split()
            if program != "governor":
                subprocess.run(command, shell=True, check=True)
                continue
            run = governor(*arguments, *(("--today", DAY) if arguments[0] == "check" else ()))
            ran.append((arguments[0], run.code))
            assert run.err == ""
            rest = run.out
            for part in filter(None, re.split(r"…\n?", output)):
                assert part in rest
                rest = rest.partition(part)[2]
    assert ran == [("check", 1), ("check", 1), ("check", 1), ("history", 0), ("backtest", 0)]
