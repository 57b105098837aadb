"""What docs/terraform-code.md shows is what happens."""

from __future__ import annotations

import os
import re
from pathlib import Path

from commands.conftest import ROOT, Governor
from core.policy_folders import write
from governor.sources.terraform_hcl.functions import FUNCTIONS, STRUCTURAL

PAGE = ROOT / "docs" / "terraform-code.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_example_prints_what_the_page_shows(governor: Governor, tmp_path: Path) -> None:
    (code,) = blocks("hcl")
    write(tmp_path, {"main.tf": code.removeprefix("# main.tf\n")})
    first, second = re.findall(r"^    governor (check .+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    run = governor(*first.split())

    if "UPDATE_GOLDEN" in os.environ:
        shown = f"```text\n{run.out}```"
        PAGE.write_text(re.sub(r"```text\n.*?```", lambda _: shown, PAGE.read_text("utf-8"), flags=re.DOTALL), "utf-8")
    assert blocks("text") == [run.out]
    assert run.code == 1
    assert "undetermined" in run.out
    assert ", 0 undetermined" in governor(*second.split(), "-q").out


def test_the_number_of_functions_is_right() -> None:
    assert "some sixty functions" in PAGE.read_text("utf-8")
    assert 60 <= len(FUNCTIONS) + len(STRUCTURAL) < 75
