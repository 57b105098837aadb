"""What docs/spend.md shows is what happens."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from commands.conftest import ROOT, Governor
from governor import library
from governor.spend import Settings
from governor.tagged import KEYS
from spend.bills import charge, write

PAGE = (ROOT / "docs" / "spend.md").read_text("utf-8")


def test_the_sums_are_as_shown(governor: Governor, tmp_path: Path) -> None:
    days = [str(date(2026, 8, 1) + timedelta(days=n)) for n in range(10)]
    write(
        tmp_path / "focus.csv",
        [one for day in days for one in (charge(day, 1000, {"project": "atlas"}), charge(day, 200))],
    )
    found = re.search(r"```console\n\$ (.+)\n([^`]*)```", PAGE)
    assert found
    run = governor(*found[1].split()[1:])

    assert run.code == 0
    assert found[2].removesuffix("…\n") in run.out


def test_the_policies_and_their_data_are_there() -> None:
    loaded = library.load([library.builtin()])
    shown = set(re.findall(r"\| \[(BUD\d+)\]", PAGE))

    assert shown == {p.id for p in loaded.policies if p.concern == "budgets" and p.stages == ("live",)}
    data = loaded.concerns["budgets"].config
    assert set(re.findall(r"`(shares|untagged)\.(\w+)`", PAGE)) <= {
        (part, name) for part in ("shares", "untagged") for name in data[part]
    }
    assert set(KEYS.values()) <= set(loaded.concerns["tagging"].config["tags"])
    assert Settings().cost == "EffectiveCost"
