"""docs/azure-generate.md shows what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from azure_rules import holds
from commands.conftest import ROOT, Governor
from core.policy_folders import write

PAGE = (ROOT / "docs" / "azure-generate.md").read_text("utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The one of the page."""
    files = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
    assert sorted(files) == ["governor.yaml", "policies/residency/data.yaml"]
    return write(tmp_path, files)


def block(name: str, kind: str) -> str:
    (found,) = re.findall(rf"<!-- {name} -->\n```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("name", ["first", "layout"])
def test_the_commands_say_what_is_shown(governor: Governor, repository: Path, name: str) -> None:
    shown = re.split(r"^\$ (.+)\n", block(name, "console"), flags=re.MULTILINE)[1:]

    for command, output in zip(shown[::2], shown[1::2], strict=True):
        run = governor(*command.split()[1:])
        rest = run.err + run.out
        assert run.code == 0
        for part in filter(None, re.split(r"…\n", output)):
            assert part in rest
            rest = rest.partition(part)[2]
        assert rest == ""


def test_the_rule_and_what_is_not_said_are_written(governor: Governor, repository: Path) -> None:
    governor("azure", "generate", "--layout", "portal", "--out", "out")

    shown = json.loads(block("rule", "json"))
    (file,) = (repository / "out").glob("policies/*governor-tag-project-missing/policy.json")
    assert shown in json.loads(file.read_text("utf-8"))["properties"]["policyRule"]["if"]["allOf"]
    assert holds(shown, {"project": " "})
    assert not holds(shown, {"project": "atlas"})
    assert set(block("unsaid", "text").splitlines()) <= set(
        (repository / "out" / "NOT-EXPRESSED.md").read_text("utf-8").splitlines()
    )


def test_the_table_names_each_initiative_and_parameter(governor: Governor, repository: Path) -> None:
    governor("azure", "generate", "--out", "out")

    text = (repository / "out" / "initiatives.tf").read_text("utf-8")
    made = re.findall(r'^  name +=? *= "(.+)"|^  "(\w+)": \{\n    "type"', text, re.MULTILINE)
    for name in {one for pair in made for one in pair if one}:
        assert f"`{name}`" in PAGE
