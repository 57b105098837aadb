"""Bills and a day in, what policies see out."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from governor.model import Spend
from governor.spend import Settings
from governor.spend.facts import facts, tagged
from governor.spend.ledger import read
from governor.tagged import of_bills
from spend.bills import TAXONOMY, charge, write

ATLAS = {"project": "atlas"}
TODAY = date(2026, 8, 10)


def seen(folder: Path, *charges: dict[str, Any], today: date = TODAY) -> list[Spend]:
    bill = write(folder / "bill.csv", charges)
    with read([str(bill)], TAXONOMY, Settings()) as ledger:
        return facts(ledger, today)


def every_day(first: date, days: int, usd: int, tags: Any = ATLAS, **more: Any) -> list[dict[str, Any]]:
    return [charge(str(first + timedelta(days=n)), usd, tags, hours=24, **more) for n in range(days)]


def test_a_month_to_date_and_where_it_ends(tmp_path: Path) -> None:
    assert seen(tmp_path, *every_day(date(2026, 8, 1), 10, 100)) == [
        Spend(
            month="2026-08",
            project="atlas",
            usd=Decimal(1000),
            taggable_usd=Decimal(1000),
            through=TODAY,
            forecast_usd=Decimal(3100),
            method="linear",
        )
    ]


def test_what_is_paid_once_is_not_extrapolated(tmp_path: Path) -> None:
    (record,) = seen(
        tmp_path,
        *every_day(date(2026, 8, 1), 10, 100),
        charge("2026-08-01", 500, ATLAS, ChargeCategory="Purchase"),
        charge("2026-08-01", 70, ATLAS, ChargeCategory="Tax"),
        charge("2026-08-02", -50, ATLAS, ChargeCategory="Credit"),
        charge("2026-08-03", -20, ATLAS, ChargeClass="Correction"),
        charge("2026-08-01", 30, ATLAS, hours=31 * 24),
    )

    assert record.usd == 1530
    assert record.forecast_usd == 1530 + 2100
    assert record.taggable_usd == 1510


def test_a_quiet_weekend_is_not_taken_for_a_saving(tmp_path: Path) -> None:
    """5 weeks of work on weekdays only, up to Friday 28 August: the last Monday of the month is all that follows."""
    workdays = [
        charge(str(day), 100, ATLAS, hours=24)
        for day in (date(2026, 7, 27) + timedelta(days=n) for n in range(33))
        if day.weekday() < 5
    ]
    august = [one for one in seen(tmp_path, *workdays, today=date(2026, 8, 28)) if one.month == "2026-08"]

    assert [(one.usd, one.forecast_usd, one.method) for one in august] == [(2000, 2100, "seasonal")]


def test_a_run_that_ended_is_followed_by_others_of_its_project(tmp_path: Path) -> None:
    """An experiment a week: none of them lasts, and what the project will cost is the same for all that."""
    runs = [
        one
        for week in range(5)
        for one in every_day(date(2026, 7, 1) + timedelta(days=7 * week), 7, 10, {**ATLAS, "run-id": f"run-{week}"})
    ]
    records = [one for one in seen(tmp_path, *runs, today=date(2026, 8, 4)) if one.month == "2026-08"]

    assert sum(one.usd for one in records) == 40
    assert sum(one.forecast_usd or 0 for one in records) == 310


def test_a_provider_that_bills_later_is_not_thinned_by_one_that_bills_sooner(tmp_path: Path) -> None:
    (record,) = seen(
        tmp_path,
        *every_day(date(2026, 8, 1), 10, 100),
        *every_day(date(2026, 8, 1), 5, 10, ServiceProviderName="Microsoft"),
    )

    assert record.usd == 1050
    assert record.forecast_usd == 3100 + 310


def test_charges_after_the_day_are_not_there_yet(tmp_path: Path) -> None:
    (record,) = seen(tmp_path, *every_day(date(2026, 8, 1), 31, 100))

    assert (record.usd, record.through, record.forecast_usd) == (1000, TODAY, 3100)


def test_the_month_before_is_told_without_a_forecast(tmp_path: Path) -> None:
    records = seen(tmp_path, charge("2026-06-30", 9), charge("2026-07-01", 5, ATLAS), charge("2026-08-01", 1, ATLAS))

    assert [(one.month, one.usd) for one in records] == [("2026-07", 5), ("2026-08", 1)]
    assert records[0].forecast_usd is None
    assert records[0].method == ""


def test_missing_tags_and_tags_that_are_not_known_are_told_apart(tmp_path: Path) -> None:
    records = seen(
        tmp_path, charge("2026-08-01", 1), charge("2026-08-01", 2, {"x": "y"}), charge("2026-08-01", 4, "no json")
    )

    assert [(one.usd, one.untagged_usd, one.tags_unknown) for one in records] == [(4, 0, True), (3, 1, False)]
    tagged = of_bills(records, "2026-08")
    assert tagged is not None
    assert tagged.tagged == 1 - Decimal(1) / 3
    assert tagged.shares["project"] == 0


def test_the_share_that_carries_tags_is_the_same_by_day_and_by_month(tmp_path: Path) -> None:
    tags = [None, ATLAS, {"team": "nlp"}, {"x": "y"}, "no json", {**ATLAS, "team": "nlp"}]
    bill = write(tmp_path / "a.csv", [charge("2026-08-01", 2**n, each) for n, each in enumerate(tags)])

    with read([str(bill)], TAXONOMY, Settings()) as ledger:
        month = tagged(ledger, "2026-08")
        assert month == of_bills(facts(ledger, TODAY), "2026-08")
    assert month is not None
    assert month.shares["project"] == Decimal(2 + 32) / (1 + 2 + 4 + 8 + 32)


@pytest.mark.parametrize("usd", [0, -5])
def test_there_is_no_share_of_nothing(tmp_path: Path, usd: int) -> None:
    assert of_bills(seen(tmp_path, charge("2026-08-01", usd, ATLAS)), "2026-08") is None
