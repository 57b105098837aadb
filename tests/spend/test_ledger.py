"""Bills in, sums and gaps out."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.spend import Settings
from governor.spend.ledger import Sum, read
from governor.spend.tags import Taxonomy
from spend.bills import TAXONOMY, charge, write

PLAIN = Settings()


def sums(places: object, *by: str, taxonomy: Taxonomy = TAXONOMY, settings: Settings = PLAIN) -> dict[Any, Any]:
    """Values → USD."""
    with read([str(places)], taxonomy, settings) as ledger:
        return {one.values[0] if len(by) == 1 else one.values: one.usd for one in ledger.by(by)}


def gaps(place: object) -> list[Gap]:
    with read([str(place)], TAXONOMY, Settings()) as ledger:
        return list(ledger.gaps)


def test_charges_are_summed_by_tag_to_the_last_digit(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [
        charge("2026-08-01", "0.100000000000001", {"project": "atlas"}),
        charge("2026-08-01", "0.2", {"Application": " atlas "}),
        charge("2026-08-01", "-1e-3", {"proj": "borea"}),
        charge("2026-08-01", "7"),
    ])  # fmt: skip

    assert sums(bill, "project") == {None: 7, "atlas": Decimal("0.300000000000001"), "borea": Decimal("-0.001")}


def test_each_row_that_cannot_be_counted_is_a_gap_with_its_line(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [
        charge("2026-08-01", 1, '{"project":\n"atlas"}'),
        charge("2026-08-01", "", BilledCost=0),
        charge("2026-08-01", "NULL", BilledCost=0),
        charge("2026-08-01", "ten", BilledCost=0),
        charge("2026-08-01", 2, ChargePeriodStart="2026-13-01T00:00:00Z"),
        charge("2026-08-01", 4, "no json"),
        charge("2026-08-01", 8),
    ])  # fmt: skip
    with bill.open("a", encoding="utf-8", newline="") as opened:
        opened.write("2026-08-01T00:00:00Z,too,short\r\n")

    assert {(gap.place, gap.reason) for gap in gaps(bill)} == {
        (f"{bill}:4", "the row is not counted: EffectiveCost has no value that can be read"),
        (f"{bill}:5", "the row is not counted: EffectiveCost has no value that can be read"),
        (f"{bill}:6", "the row is not counted: EffectiveCost has no value that can be read"),
        (f"{bill}:7", "the row is not counted: ChargePeriodStart has no value that can be read"),
        (f"{bill}:8", "Tags are no JSON object: counted, and their tags are not known"),
        (f"{bill}:10", "the row is not counted: ChargePeriodEnd has no value that can be read"),
    }
    assert sums(bill) == {(): 13}


def test_many_bad_rows_are_counted(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [charge("2026-08-01", "x") for _ in range(30)])

    found = gaps(bill)

    assert len(found) == 21
    assert found[-1] == Gap(str(bill), "10 more rows like these")


def test_a_file_that_is_no_bill_is_refused(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [{"ContractId": 1, "BillingCurrency": "USD"}])

    with pytest.raises(Refusal, match="no FOCUS Cost and Usage export: it has no EffectiveCost, BilledCost") as refusal:
        gaps(bill)
    assert (refusal.value.place, refusal.value.code) == (str(bill), CANNOT_JUDGE)


def test_a_place_without_bills_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no bill is here"):
        gaps(tmp_path)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1 and no more")

    with pytest.raises(Refusal, match="cannot be read: ") as refusal:
        gaps(file)
    assert "\n" not in str(refusal.value)


def test_another_currency_is_refused_or_converted_and_never_summed(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [
        charge("2026-08-01", 10, {"project": "atlas"}),
        charge("2026-08-01", 10, {"project": "atlas"}, BillingCurrency="EUR"),
    ])  # fmt: skip

    with pytest.raises(Refusal, match=r"charges are in EUR: give the rate .*rates: \{EUR: 1.1\}"):
        sums(bill, "project")
    assert sums(bill, "project", settings=Settings(rates={"EUR": 1.25})) == {"atlas": Decimal("22.5")}


def test_a_correction_counts_where_the_cost_was_or_where_it_is_invoiced(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [
        charge("2026-07-10", 100),
        charge("2026-07-10", -30, ChargeClass="Correction", BillingPeriodStart="2026-08-01T00:00:00Z"),
        charge("2026-08-10", 5, BilledCost=0),
    ])  # fmt: skip

    assert sums(bill, "month") == {"2026-07": 70, "2026-08": 5}
    assert sums(bill, "month", settings=Settings(cost="BilledCost")) == {"2026-07": 100, "2026-08": -30}


@pytest.mark.parametrize("older", ["ProviderName", "PublisherName"])
def test_older_versions_name_the_provider_otherwise(tmp_path: Path, older: str) -> None:
    old = charge("2026-08-01", 1)
    old[older] = old.pop("ServiceProviderName")
    write(tmp_path / "old.csv", [old])
    write(tmp_path / "new.csv", [charge("2026-08-01", 2)])

    assert sums(tmp_path, "ServiceProviderName") == {"AWS": 3}


def test_times_of_other_zones_are_moved_to_utc(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [charge("2026-08-01", 1, ChargePeriodStart="2026-08-01T01:00:00+02:00")])

    assert sums(bill, "month") == {"2026-07": 1}


def test_a_folder_a_glob_gzip_and_parquet_are_read_alike(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [charge("2026-08-01", 1, {"project": "atlas"}), charge("2026-08-02", 2)])
    expected = {"atlas": 1, None: 2}
    (tmp_path / "zipped").mkdir()
    (tmp_path / "zipped" / "a.csv.gz").write_bytes(gzip.compress(bill.read_bytes()))
    (tmp_path / "maps").mkdir()
    duckdb.sql(
        "SELECT * REPLACE (EffectiveCost::DOUBLE AS EffectiveCost, CASE WHEN Tags IS NULL THEN NULL ELSE"
        f" from_json(Tags, '\"MAP(VARCHAR, VARCHAR)\"') END AS Tags) FROM '{bill}'"
    ).write_parquet(str(tmp_path / "maps" / "a.parquet"))

    assert sums(bill, "project") == sums(tmp_path / "*.csv", "project") == expected
    assert sums(tmp_path / "zipped", "project") == expected
    assert sums(tmp_path / "maps", "project") == expected
    (tmp_path / "more").mkdir()
    write(tmp_path / "more" / "b.csv", [charge("2026-08-03", 4)])
    with read([f"{tmp_path}/zipped", f"{tmp_path}/more/*.csv", f"{tmp_path}/more"], TAXONOMY, PLAIN) as ledger:
        assert {one.values: one.usd for one in ledger.by(["project"])} == {("atlas",): 1, (None,): 6}


def hours(first: int, last: int, **facts: Any) -> list[dict[str, Any]]:
    """A charge for each hour of a day."""
    return [charge(f"2026-08-01T{hour:02}:00", hour, {"project": "atlas"}, **facts) for hour in range(first, last)]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_charge_that_stands_in_two_exports_is_refused_and_never_counted_twice(tmp_path: Path, form: str) -> None:
    (tmp_path / "bills").mkdir()
    first = write(tmp_path / "bills" / "day.csv", hours(1, 11))
    later = write(tmp_path / "later.csv", hours(1, 21))
    second = tmp_path / "bills" / f"month.{form}"
    if form == "csv":
        later.rename(second)
    else:
        with read([str(later)], TAXONOMY, PLAIN) as ledger:
            ledger.keep(second)

    with pytest.raises(Refusal) as told:
        sums(tmp_path / "bills")

    assert told.value.code == CANNOT_JUDGE
    assert str(told.value) == (
        f"{first}: 100% of its charges stand in {second}, too, and would count twice: give one of them"
    )
    assert sums(second, "project") == {"atlas": sum(range(1, 21))}


def test_parts_of_one_export_are_summed(tmp_path: Path) -> None:
    """They meet at an hour, hold much that is free, and a machine of each costs what the other one's does."""
    free = [charge("2026-08-01", 0) for _ in range(50)]
    write(tmp_path / "1.csv", [*free, *hours(1, 11), *hours(1, 11, ServiceProviderName="Azure")])
    write(tmp_path / "2.csv", [*free, *hours(10, 21), *hours(1, 11, ServiceProviderName="Google Cloud")])

    assert sums(tmp_path, "project") == {"atlas": sum(range(1, 21)) + 10 + 2 * sum(range(1, 11)), None: 0}


def test_rows_of_parquet_that_cannot_be_counted_are_gaps(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [charge("2026-08-01", 1), charge("2026-08-01", "NULL"), charge("2026-08-01", 4)])
    file = tmp_path / "a.parquet"
    duckdb.sql(f"FROM read_csv('{bill}', all_varchar = true)").write_parquet(str(file))

    assert [gap.place for gap in gaps(file)] == [f"{file}:row 2"]
    assert sums(file) == {(): 5}


def test_what_was_kept_is_read_again_with_its_gaps(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [
        charge("2026-08-01", 1, {"project": "o'brien"}),
        charge("2026-08-01", "x"),
        charge("2026-08-01", 2, "no json"),
    ])  # fmt: skip
    kept = tmp_path / "kept" / "bills.parquet"
    kept.parent.mkdir()
    with read([str(bill)], TAXONOMY, Settings()) as ledger:
        ledger.keep(kept)

    assert sums(kept, "project") == sums(bill, "project") == {"o'brien": 1, None: 2}
    assert gaps(kept) == gaps(bill) != []
    with pytest.raises(Refusal, match="would count twice"):
        sums(tmp_path)
    with pytest.raises(Refusal, match="written for another taxonomy"):
        sums(kept, taxonomy=Taxonomy({"project": {}}))


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    bill = write(tmp_path / "a.csv", [charge("2026-08-01", 1)])

    with pytest.raises(Refusal, match="spend has no projct: there are project, experiment-id, owner-team, month"):
        sums(bill, "projct")


TAGS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["project", " Proj", "application", "other"]), st.sampled_from(["a", " a", "b", ""])
    ),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), TAGS, st.integers(1, 28)), min_size=1, max_size=30))
def test_no_cent_is_lost_or_counted_twice(tmp_path: Path, rows: list[tuple[int, dict[str, str] | None, int]]) -> None:
    bill = write(tmp_path / "a.csv", [
        charge(f"2026-08-{day:02}", Decimal(cents) / 100, tags) for cents, tags, day in rows
    ])  # fmt: skip

    total = Decimal(sum(cents for cents, _, _ in rows)) / 100
    assert sums(bill) == {(): total}
    assert sum(sums(bill, "project").values()) == total
    assert sum(sums(bill, "project", "month").values()) == total


def test_the_official_sample(shared: Path) -> None:
    """Against a computation of its own, with nothing but csv and json."""
    sample = shared / "samples" / "focus" / "focus_sample_1.0_1000.csv"
    taxonomy = Taxonomy({"org": {}, "environment": {"aliases": ["env"]}, "project": {"aliases": ["application"]}})
    by_org: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    by_environment: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    untagged = 0
    with sample.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            tags = {} if row["Tags"] == "NULL" else {k.strip(): v for k, v in json.loads(row["Tags"]).items()}
            untagged += not tags
            by_org[tags.get("org")] += Decimal(row["EffectiveCost"])
            by_environment[tags.get("environment", tags.get("env"))] += Decimal(row["EffectiveCost"])

    assert sums(sample, "org", taxonomy=taxonomy) == by_org
    assert sums(sample, "environment", taxonomy=taxonomy) == by_environment
    assert untagged == 289
    with read([str(sample)], taxonomy, Settings()) as ledger:
        assert ledger.by(["project"])[0] == Sum(("BrightPathMatrix",), Decimal(16), 176)
        assert sum(one.charges for one in ledger.by(["ChargeCategory"])) == 1000
        assert ledger.gaps == []
