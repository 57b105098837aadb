"""What the README and the first steps show is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from governor.commands import output
from governor.config import load as load_settings
from real_terraform import EXAMPLES, PROJECT

README = PROJECT / "README.md"
GETTING_STARTED = PROJECT / "docs" / "getting-started.md"
MARKED = re.compile(r"(?<=<!-- demo -->\n)```text\n(.*?)```\n(?=<!-- /demo -->)", re.DOTALL)
DAY = "2026-11-24"
"""The day on which the README's output was made."""


def governor(*arguments: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    # The environment in full: readline, which pytest imports, sets COLUMNS behind the back of os.environ.
    return subprocess.run(
        [sys.executable, "-c", "from governor.cli import main; main()", *arguments],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False, env=dict(os.environ),
    )  # fmt: skip


def demo_arguments() -> list[str]:
    """The arguments `make demo` gives."""
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    line = re.search(r"^\t@\$\(BIN\)/governor (.+)$", makefile, re.MULTILINE)
    assert line
    return line[1].split()


def test_the_readme_shows_what_the_demo_prints() -> None:
    printed = governor(*demo_arguments(), "--today", DAY)
    assert (printed.returncode, printed.stderr) == (0, "")
    text = README.read_text("utf-8")
    if "UPDATE_GOLDEN" in os.environ:
        block = f"```text\n{printed.stdout}```\n"
        README.write_text(
            re.sub(r"(?<=<!-- demo -->\n).*?(?=<!-- /demo -->)", lambda _: block, text, flags=re.DOTALL), "utf-8"
        )
    shown = MARKED.search(README.read_text("utf-8"))
    assert shown
    assert shown[1] == printed.stdout


def test_the_first_two_commands_are_the_promised_ones() -> None:
    commands = re.findall(r"^    (.+?)\s+#", README.read_text("utf-8"), re.MULTILINE)
    assert commands[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("page", [README, *sorted((PROJECT / "docs").glob("**/*.md"))], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_first_steps_work_as_written(tmp_path: Path) -> None:
    """The overlay and the settings of the page, put where the page says, judge the example plan."""
    text = GETTING_STARTED.read_text("utf-8")
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        name = block.splitlines()[0].removeprefix("# ")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(block, "utf-8")
    load_settings(tmp_path / "governor.yaml")
    printed = governor("check", str(EXAMPLES / "plan.json"), "-f", "table", folder=tmp_path)
    assert printed.returncode == 1, printed.stderr
    assert "warn  TAG001" in printed.stdout
    made, tested = re.findall(r"^    governor ((?:new|test) .+)$", text, re.MULTILINE)
    assert governor(*made.split(), folder=tmp_path).returncode == 0
    run = governor(*tested.split(), folder=tmp_path)
    assert run.returncode == 0, run.stdout
    assert "4 passed, 0 failed, 0 untested (" in run.stdout


def test_pages_of_policies_are_fresh() -> None:
    checked = governor("docs", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_width_of_the_demo_is_that_of_a_pipe() -> None:
    shown = MARKED.search(README.read_text("utf-8"))
    assert shown
    assert max(map(len, shown[1].splitlines())) <= output.PIPED_WIDTH
