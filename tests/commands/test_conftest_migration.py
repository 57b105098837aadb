"""docs/conftest-migration.md: whoever follows the page sees what the page shows."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from commands.conftest import EXAMPLE, ROOT, Governor
from core.policy_folders import write
from governor import yamlfile

PAGE = (ROOT / "docs" / "conftest-migration.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def follow(governor: Governor, folder: Path) -> list[tuple[str, str]]:
    """Write each file and run each command, in the order of the page: (what it shows, what was printed)."""
    shutil.copy(EXAMPLE, folder / "plan.json")
    seen = []
    for kind, text in BLOCKS:
        if kind == "console":
            command, shown = text.split("\n", 1)
            run = governor(*shlex.split(command.removeprefix("$ governor ")))
            assert run.err == ""
            seen.append((shown, run.out))
        else:
            name, content = text.removeprefix("# ").split("\n", 1)
            write(folder, {name: content})
    return seen


def test_the_page_shows_what_is_printed(governor: Governor, tmp_path: Path) -> None:
    seen = follow(governor, tmp_path)

    assert len(seen) == 2
    for shown, printed in seen:
        assert shown == printed


def test_the_option_asks_the_folder_beside_the_shipped_library(governor: Governor, tmp_path: Path) -> None:
    follow(governor, tmp_path)
    (tmp_path / "governor.yaml").unlink()
    (command,) = re.findall(r"`governor (check .+?)`", PAGE)

    run = governor(*shlex.split(command))

    assert (run.code, run.err) == (1, "")
    assert "main.warn_types" in run.out
    assert "TAG001" in run.out


def test_the_commands_of_pipeline_and_hook_run(governor: Governor, tmp_path: Path) -> None:
    follow(governor, tmp_path)
    hook = yamlfile.read(tmp_path / ".pre-commit-config.yaml")["repos"][0]["hooks"][0]
    (pipeline,) = re.findall(r"^    governor (check .+)$", PAGE, re.MULTILINE)

    assert governor(*shlex.split(hook["entry"].removeprefix("governor "))).code == 1
    assert re.fullmatch(hook["files"], "policy/owners.rego")
    assert governor(*shlex.split(pipeline)).code == 1
    assert (tmp_path / "governor.sarif").is_file()
