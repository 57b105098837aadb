"""`governor spend` and `check --spend`: bills in, sums and findings out."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from commands.conftest import EXAMPLE, Governor
from spend.bills import charge, write

ATLAS = {"project": "atlas", "owner": "nlp"}


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    """Ten days of 1,000 USD for atlas, and 200 for nobody."""
    days = [str(date(2026, 8, 1) + timedelta(days=n)) for n in range(10)]
    return write(
        tmp_path / "focus.csv",
        [one for day in days for one in (charge(day, 1000, ATLAS, hours=24), charge(day, 200, hours=24))],
    )


def settings(folder: Path, text: str = "") -> None:
    (folder / "governor.yaml").write_text(f"policies: [builtin, policies]\n{text}", "utf-8")
    (folder / "policies" / "budgets").mkdir(parents=True)
    (folder / "policies" / "budgets" / "data.yaml").write_text("projects: {atlas: {monthly_usd: 11000}}\n", "utf-8")


def test_sums_by_project_and_how_much_carries_tags(governor: Governor, bill: Path) -> None:
    run = governor("spend", bill, "--today", "2026-08-10")

    assert (run.code, run.err) == (0, "")
    assert run.out == (
        "project        USD   share  charges\n"
        "atlas    10,000.00  83.3 %       10\n"
        "(none)    2,000.00  16.7 %       10\n"
        "\n"
        "Spend of 2026-08 that carries a tag: 83.3 %; project 83.3 %, experiment-id 0.0 %, model 0.0 %, dataset 0.0 %,"
        " stage 0.0 %, owner-team 83.3 %\n"
    )


def test_sums_as_json_of_what_was_stored(governor: Governor, bill: Path, tmp_path: Path) -> None:
    assert governor("spend", bill, "--store", tmp_path / "bills.parquet").code == 0
    run = governor(
        "spend", "bills.parquet", "--by", "owner-team", "--by", "month", "-f", "json", "--today", "2026-08-10"
    )

    told = json.loads(run.out)
    assert told["sums"] == [
        {"values": {"owner-team": "nlp", "month": "2026-08"}, "usd": 10000, "charges": 10},
        {"values": {"owner-team": None, "month": "2026-08"}, "usd": 2000, "charges": 10},
    ]
    assert told["cost"] == "EffectiveCost"
    assert told["tagged"]["shares"]["project"] == pytest.approx(5 / 6)


def test_a_month_that_is_none_is_refused(governor: Governor, bill: Path) -> None:
    run = governor("spend", bill, "--month", "2026-13")

    assert (run.code, run.err) == (2, "governor: --month: '2026-13' is not a month: write YYYY-MM\n")


def test_what_could_not_be_read_is_told_and_exits_with_3(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [charge("2026-08-01", 1), charge("2026-08-01", "x")])
    run = governor("spend", "a.csv")

    assert run.code == 3
    assert run.err == "governor: a.csv:3: the row is not counted: EffectiveCost has no value that can be read\n"


def test_policies_judge_what_bills_say(governor: Governor, bill: Path, tmp_path: Path) -> None:
    settings(tmp_path)
    run = governor("check", EXAMPLE, "--stage", "live", "--spend", bill, "--today", "2026-08-10", "-f", "json")

    found = {
        f["policy"]: f["msg"] for f in json.loads(run.out)["findings"] if f["policy"] in ("BUD005", "BUD006", "BUD007")
    }
    assert found == {
        "BUD005": "project/atlas has cost $10,000 in 2026-08 up to 2026-08-10, over $9,900, 90 % of its budget of"
        " $11,000; the most for owner-team nlp: $10,000",
        "BUD006": "project/atlas is forecast to cost $31,000 by the end of 2026-08 (linear; $10,000 up to 2026-08-10),"
        " over its budget of $11,000; the most for owner-team nlp: $10,000",
        "BUD007": "16.7 % of the spend of 2026-08 ($2,000 of $12,000 up to 2026-08-10) carries no tag project, above"
        " 10 %; $2,000 of it carries no tag at all",
    }


def test_without_bills_a_live_run_says_that_it_knows_nothing_of_cost(governor: Governor) -> None:
    run = governor("check", EXAMPLE, "--stage", "live")

    assert "note: no bills are given (--spend): policies of actual cost find nothing" in run.out
    assert "no bills" not in governor("check", EXAMPLE).out


def test_bills_of_another_month_are_no_pass_in_silence(governor: Governor, bill: Path) -> None:
    run = governor("check", EXAMPLE, "--stage", "live", "--spend", bill, "--today", "2026-10-03")

    assert "note: bills say nothing of 2026-10 (the last charge ends 2026-08-11)" in run.out


def test_a_gap_in_bills_ends_a_strict_run_with_3(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [charge("2026-08-01", "x")])
    run = governor("check", EXAMPLE, "--stage", "live", "--spend", "a.csv", "--strict", "--today", "2026-08-10")

    assert run.code == 3
    assert "a.csv:2" in run.out


def test_the_settings_say_which_cost_and_what_a_currency_is_worth(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [charge("2026-08-01", 10, ATLAS, BilledCost=4, BillingCurrency="EUR")])
    assert governor("spend", "a.csv").err.startswith("governor: spend: charges are in EUR")
    settings(tmp_path, "spend: {cost: BilledCost, rates: {EUR: 1.25}}\n")

    assert json.loads(governor("spend", "a.csv", "-f", "json").out)["sums"] == [
        {"values": {"project": "atlas"}, "usd": 5, "charges": 1}
    ]


def test_a_policy_in_rego_sees_spend(governor: Governor, bill: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "cost"
    folder.mkdir(parents=True)
    (folder / "cost.rego").write_text(
        "package cost\n\n# METADATA\n# title: Nothing costs\n# custom:\n#   id: CST001\n#   severity: high\n"
        'deny_cost contains {"resource": r.project, "msg": sprintf("%v", [r.usd]), "attribute": "usd"} if {\n'
        "\tsome r in input.spend\n\tr.project\n}\n",
        "utf-8",
    )
    run = governor("check", EXAMPLE, "--policies", "own", "--spend", bill, "--today", "2026-08-10", "-f", "json")

    assert [f["msg"] for f in json.loads(run.out)["findings"] if f["policy"] == "CST001"] == ["10000"]


def test_a_missing_duckdb_is_named(governor: Governor, bill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    run = governor("spend", bill)

    assert (run.code, run.err) == (2, "governor: bills are read with DuckDB: pip install 'gpu-governor[spend]'\n")
