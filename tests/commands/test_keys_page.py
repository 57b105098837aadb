"""The examples of docs/keys-in-code.md do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from commands.conftest import ROOT, Governor
from core.policy_folders import write
from made_up_keys import openai

PAGE = (ROOT / "docs" / "keys-in-code.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_report_of_the_page_is_a_real_one(governor: Governor, tmp_path: Path) -> None:
    (console,) = blocks("console")
    command, _, shown = console.partition("\n")
    (tmp_path / ".git").rmdir()
    write(tmp_path, {"src/app.py": f'import os\n\nos.environ["OPENAI_API_KEY"] = "{openai()}"\n'})

    assert governor(*command.removeprefix("$ governor ").split()).out == shown


def test_the_settings_and_exemptions_of_the_page_load(governor: Governor, tmp_path: Path) -> None:
    (tmp_path / ".git").rmdir()
    files = {name: text for text in blocks("yaml") for name in re.findall(r"\A# (\S+)\n", text)}
    assert sorted(files) == [".pre-commit-config.yaml", "exemptions.yaml", "governor.yaml"]
    files["governor.yaml"] += "exemptions: exemptions.yaml\n"
    write(tmp_path, {**files, "src/app.py": f"KEY = '{openai()}'", "tests/specimens/app.py": f"KEY = '{openai()}'"})

    run = governor("keys", "scan", "--today", "2026-08-01")

    assert (run.code, run.err) == (0, "")
    assert "warn  KEY003" in run.out
    assert run.out.endswith("1 open, 1 exempt, 0 undetermined – 5 files, 1 policy, 0 gaps\n")


def test_the_comment_of_the_page_allows_a_key(governor: Governor, tmp_path: Path) -> None:
    (tmp_path / ".git").rmdir()
    (python,) = blocks("python")
    write(tmp_path, {"app.py": python.replace("…", openai())})

    assert governor("keys", "scan", "--today", "2026-12-31").code == 0
    assert governor("keys", "scan", "--today", "2027-01-01").code == 1
