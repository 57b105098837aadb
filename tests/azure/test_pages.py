"""What the guides show is what happens: each command is run in examples/azure."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from commands.conftest import ROOT, Governor

EXAMPLE = ROOT / "examples" / "azure"
_BLOCK = re.compile(r"^```console\n\$ governor ([^\n]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", ["azure-evaluate", "azure-compare"])
def test_commands_print_what_the_page_shows(governor: Governor, tmp_path: Path, name: str) -> None:
    page = ROOT / "docs" / f"{name}.md"
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)

    def run(command: str) -> str:
        found = governor(*command.split(), "--today", "2026-11-24")
        assert found.err == ""
        assert found.code in (0, 1)
        return found.out

    text = page.read_text("utf-8")
    if "UPDATE_GOLDEN" in os.environ:
        text = _BLOCK.sub(lambda block: f"```console\n$ governor {block[1]}\n{run(block[1])}```", text)
        page.write_text(text, "utf-8")
    blocks = _BLOCK.findall(text)
    assert blocks
    for command, shown in blocks:
        assert shown == run(command), command


def test_every_reason_that_a_page_names_is_given() -> None:
    """The words of the tables are those of the code."""
    code = "\n".join(
        file.read_text("utf-8") for file in sorted((ROOT / "engine" / "governor").rglob("*.py")) if "azure" in str(file)
    )
    page = (ROOT / "docs" / "azure-evaluate.md").read_text("utf-8").partition("## What cannot be told")[2]
    said = re.findall(r"^\| ([^|]+?) \|", page, re.MULTILINE)[1:]

    assert len(said) == 6
    for words in said:
        parts = [part for part in re.split(r"X|Microsoft\.\S+|management groups|subscription", words) if part]
        assert all(part in code for part in parts), words
