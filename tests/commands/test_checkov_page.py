"""What docs/checkov.md shows is what happens, in the folder of the examples."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from commands.conftest import EXAMPLE, ROOT, Governor
from governor import config, yamlfile
from real_checkov import RELEASE

PAGE = (ROOT / "docs" / "checkov.md").read_text("utf-8")
DAY = "2026-11-24"


def console(name: str) -> list[tuple[str, list[str]]]:
    """(command, parts of what it prints) each; `…` stands for what is left out."""
    found = re.search(rf"<!-- {name} -->\n```console\n(.*?)```", PAGE, re.DOTALL)
    assert found
    shown = re.split(r"^\$ (.+)\n", found[1], flags=re.MULTILINE)[1:]
    return [
        (command, [part for part in re.split(r"^…\n", output, flags=re.MULTILINE) if part])
        for command, output in zip(shown[::2], shown[1::2], strict=True)
    ]


@pytest.fixture
def examples(tmp_path: Path) -> list[str]:
    """The folder of the page; its YAML examples."""
    shutil.copytree(EXAMPLE.parent, tmp_path, dirs_exist_ok=True)
    blocks: list[str] = re.findall(r"```yaml\n# governor.yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "governor.yaml").write_text(blocks[0], "utf-8")
    return blocks


@pytest.mark.xdist_group("checkov")
def test_both_ways_are_as_shown(
    governor: Governor, examples: list[str], checkov: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(checkov.parent), str(program.parent), os.environ["PATH"]]))
    monkeypatch.setenv("CKV_SKIP_PACKAGE_UPDATE_CHECK", "true")
    ((asking, table),) = console("governor")
    (writing, written), (running, results) = console("checks")

    judged = governor(*asking.split()[1:], "--today", DAY)
    assert (judged.code, judged.err) == (1, "")
    assert [part for part in table if part not in judged.out] == []
    assert "CKV_AWS_126" not in judged.out
    assert governor(*writing.split()[1:]).out == "".join(written)
    ran = subprocess.run(running.split(), capture_output=True, text=True, encoding="utf-8", check=False)
    assert ran.returncode == 1
    assert [part for part in results if part not in ran.stdout] == [], ran.stdout


def test_the_settings_are_the_defaults(examples: list[str], tmp_path: Path) -> None:
    (tmp_path / "defaults.yaml").write_text(examples[1], "utf-8")

    settings = config.load(tmp_path / "defaults.yaml")
    assert settings == config.Settings()
    assert set(yamlfile.read(tmp_path / "defaults.yaml")["checkov"]) == set(settings.checkov.__struct_fields__)


def test_the_release_is_the_one_that_is_tested() -> None:
    assert f"checkov\n{RELEASE}" in PAGE or f"checkov {RELEASE}" in PAGE
