"""What docs/azure-check.md shows is what happens."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from commands.conftest import ROOT, Governor
from core.policy_folders import write
from governor import library

PAGE = (ROOT / "docs" / "azure-check.md").read_text("utf-8")
FRAGMENTS = ROOT / "policies" / "azure" / "fragments"


def test_the_report_is_as_shown(governor: Governor) -> None:
    shutil.copy(FRAGMENTS / "AZP005_avoid.jsonc", "export.jsonc")
    shutil.copy(FRAGMENTS / "AZP008_avoid.jsonc", "states.jsonc")
    found = re.search(r"```console\n\$ (.+)\n([^`]*(?:`[^`]+`[^`]*)*?)```", PAGE)
    assert found

    run = governor(*found[1].split()[1:])

    assert run.code == 1
    parts = found[2].split("…\n")
    assert len(parts) == 3
    assert [part for part in parts if part not in run.out] == []


def test_the_data_is_an_overlay_that_is_taken(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n# (policies/azure/data\.yaml)\n(.*?)```", PAGE, re.DOTALL)
    assert found
    write(tmp_path, {found[1]: found[2]})

    config = library.load([library.builtin(), tmp_path / "policies"]).concerns["azure"].config

    assert config["tags"] == ["project", "owner-team"]
    assert config["suffices"]["requires_tags"] == ["deny", "modify"]
    assert config["suffices"]["gpu"] == ["deny"]


def test_it_lists_the_policies_of_the_concern() -> None:
    shown = set(re.findall(r"\| \[(AZP\d+)\]", PAGE))

    assert shown == {p.id for p in library.load([library.builtin()], only=["azure"]).policies}
