"""`--metrics`: what Prometheus reads of a run, and of one that fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from commands.conftest import EXAMPLE, Governor
from core.policy_folders import python, write
from governor.model import Inventory, Shard, Standing
from governor.sources import snapshot

FILE = "governor.prom"


def read(file: Path) -> dict[tuple[str, ...], float]:
    """(name, labels in the order of their names) → value, as Prometheus' own parser reads the file."""
    families = text_string_to_metric_families(file.read_text("utf-8"))
    return {
        (sample.name.removeprefix("governor_"), *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_run_in_figures_is_the_run_in_its_report(governor: Governor, tmp_path: Path) -> None:
    run = governor("check", EXAMPLE, "--environment", "prod", "--metrics", FILE, "-f", "json", "--today", "2026-11-24")

    report, found = json.loads(run.out), read(tmp_path / FILE)
    for state in ("open", "exempt", "undetermined"):
        assert (
            sum(v for key, v in found.items() if key[0] == "findings" and key[-1] == state)
            == (report["summary"][state])
        )
    assert ("findings", "prod", "deny", "TAG001", "open") in found
    assert found["resources", "prod"] == report["summary"]["resources"]
    assert found["last_run_exit_code", "prod"] == run.code == 1
    assert found["last_success_timestamp_seconds", "prod"] == found["last_run_timestamp_seconds", "prod"]
    assert found["cost_usd_per_hour", "prod"] >= found["at_stake_usd_per_hour", "prod"] > 0
    assert found["oldest_price_age_days", "prod"] > 0
    assert [file.name for file in tmp_path.glob(f"{FILE}*")] == [FILE]


def test_a_scan_tells_how_many_shards_are_not_believed(governor: Governor, tmp_path: Path) -> None:
    standings: list[Standing] = ["whole", "quarantined", "whole"]
    shards = tuple(
        Shard(place=f"1/{number}/volumes", standing=standing, resources=0, tagged=0, untagged=0)
        for number, standing in enumerate(standings)
    )
    snapshot.write(
        Inventory(stage="live", source="AWS", resources=(), shards=shards), tmp_path / "night", "2026-11-24T02:00:00Z"
    )

    governor("check", str(tmp_path / "night"), "--metrics", FILE)

    found = read(tmp_path / FILE)
    assert {key[-1]: value for key, value in found.items() if key[0] == "shards"} == {
        "whole": 2, "incomplete": 0, "quarantined": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "plan", "code"),
    [
        ({"bad.json": "{"}, "bad.json", 3),
        ({"governor.yaml": "polices: []\n"}, "plan.json", 2),
        ({"policies/own/own.py": python("return 1 / 0", id="A1")}, "plan.json", 3),
    ],
    ids=["input", "settings", "policy"],
)
def test_a_run_that_fails_says_so_and_when_the_last_one_did_not(
    governor: Governor, mine: Path, files: dict[str, str], plan: str, code: int
) -> None:
    governor("check", "plan.json", "--metrics", FILE)
    before = read(mine / FILE)

    write(mine, files)
    run = governor("check", plan, "--metrics", FILE)
    again = governor("check", plan, "--metrics", FILE)

    after = read(mine / FILE)
    assert run.code == again.code == after["last_run_exit_code", ""] == code
    assert after["last_success_timestamp_seconds", ""] == before["last_run_timestamp_seconds", ""]
    assert after["last_run_timestamp_seconds", ""] > before["last_run_timestamp_seconds", ""]
    judged = "policy" in str(files)
    assert (("failed_policies", "") in after) == judged, "nothing is said of findings that nobody knows"


def test_a_first_run_that_fails_has_no_success(governor: Governor, tmp_path: Path) -> None:
    governor("check", "nowhere.json", "--metrics", FILE)

    assert {name for name, *_ in read(tmp_path / FILE)} == {
        "last_run_timestamp_seconds", "last_run_duration_seconds", "last_run_exit_code",
    }  # fmt: skip


def test_several_judgements_are_no_file_of_metrics(governor: Governor, mine: Path) -> None:
    write(mine, {"other.json": (mine / "plan.json").read_text()})

    run = governor("check", "plan.json", "other.json", "--metrics", FILE)

    assert run.code == 2
    assert "--metrics wants one" in run.err
    assert read(mine / FILE)["last_run_exit_code", ""] == 2


def test_what_cannot_be_written_is_said(governor: Governor, mine: Path) -> None:
    run = governor("check", "plan.json", "--metrics", "nowhere/governor.prom")

    assert run.code == 2
    assert "nowhere/governor.prom: cannot be written (No such file or directory)" in run.err


def test_a_failing_scan_is_told(governor: Governor, tmp_path: Path) -> None:
    run = governor("scan", "--metrics", FILE)

    assert (run.code, read(tmp_path / FILE)["last_run_exit_code", ""]) == (2, 2)
