"""From an instance type to USD per hour, and from a contract file to a refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.catalog.prices import COLUMNS, PriceBook, stale
from governor.errors import Refusal
from governor.model import Price

BOOK = PriceBook.shipped()
HEADER = "provider,region,instance_type,on_demand_usd_hour,spot_usd_hour,as_of,source"


@pytest.fixture
def contract(tmp_path):
    def write(*lines, header=HEADER, encoding="utf-8"):
        path = tmp_path / "contract.csv"
        path.write_text("\n".join((header, *lines)) + "\n", encoding=encoding)
        return path

    return write


def test_on_demand():
    price = BOOK.price("aws", "us-east-1", "g5.xlarge", "on_demand")
    assert price == Price(
        Decimal("1.006"), "g5.xlarge", "us-east-1", "karpenter-provider-aws@1d92708 pricing", "2026-07-20"
    )


def test_spot_is_the_spot_price():
    row = BOOK.find("aws", "us-east-1", "p5.48xlarge")
    price = BOOK.price("aws", "us-east-1", "p5.48xlarge", "spot")
    if row.spot_usd_hour is None:
        assert price.note
    else:
        assert (price.usd_per_hour, price.note) == (row.spot_usd_hour, "")


def test_without_a_spot_price_on_demand_is_the_ceiling():
    row = next(row for row in BOOK if row.spot_usd_hour is None)
    price = BOOK.price(row.provider, row.region, row.instance_type, "spot")
    assert price.usd_per_hour == row.on_demand_usd_hour
    assert price.note == "no spot price in the book: the on-demand price is the ceiling"


@pytest.mark.parametrize("purchase", ["reserved", "capacity_block"])
def test_commitments_stand_in_with_a_note(purchase):
    price = BOOK.price("aws", "us-east-1", "p5.48xlarge", purchase)
    assert price.usd_per_hour == Decimal("55.04")
    assert price.note.startswith("no ")


@pytest.mark.parametrize("purchase", ["on_demand", "spot", "reserved", "capacity_block"])
def test_sagemaker_never_takes_the_price_of_ec2(purchase):
    assert BOOK.price("aws", "us-east-1", "ml.p4d.24xlarge", purchase) is None
    assert "SageMaker" in BOOK.why_no_price("aws", "us-east-1", "ml.p4d.24xlarge", purchase)


@pytest.mark.parametrize(
    ("region", "instance_type", "purchase", "reason"),
    [
        ("us-west-1", "p4d.24xlarge", "on_demand", "the price book has no row for p4d.24xlarge in us-west-1"),
        (None, "p4d.24xlarge", "on_demand", "its region is not known"),
        ("us-east-1", "", "on_demand", "its instance type is not known"),
        (
            "us-east-2",
            "p5e.48xlarge",
            "on_demand",
            "the price book has no on-demand price for p5e.48xlarge in us-east-2 (capacity blocks only)",
        ),
        ("us-east-2", "p5e.48xlarge", "spot", ""),
    ],
)
def test_why_there_is_no_price(region, instance_type, purchase, reason):
    assert BOOK.why_no_price("aws", region, instance_type, purchase) == reason
    assert (BOOK.price("aws", region, instance_type, purchase) is None) is bool(reason)


def test_letter_case_and_spaces_do_not_count():
    exact = BOOK.find("azure", "westeurope", "Standard_NC24ads_A100_v4")
    assert exact is not None
    assert BOOK.find("azure", "West Europe", "STANDARD_NC24ADS_A100_V4") == exact


@given(st.sampled_from(list(BOOK)), st.sampled_from(["on_demand", "spot", "reserved", "capacity_block"]))
def test_there_is_a_price_or_a_reason_never_both(row, purchase):
    price = BOOK.price(row.provider, row.region, row.instance_type, purchase)
    reason = BOOK.why_no_price(row.provider, row.region, row.instance_type, purchase)
    assert (price is None) is bool(reason)
    if price is not None:
        assert price.source == row.source
        assert price.usd_per_hour in (row.on_demand_usd_hour, row.spot_usd_hour)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=30))
def test_names_of_any_kind_are_answered(provider, region, instance_type):
    if BOOK.price(provider, region, instance_type, "on_demand") is None:
        assert BOOK.why_no_price(provider, region, instance_type, "on_demand")


def test_contract_prices_win_and_keep_the_accelerator(contract):
    path = contract(
        "aws,us-east-1,p5.48xlarge,31.5,,2026-10-01,EDP 2026", "aws,eu-north-1,ml.p5.48xlarge,63,,2026,quote"
    )
    book = BOOK.with_rows(path)
    assert book.price("aws", "us-east-1", "p5.48xlarge", "on_demand") == Price(
        Decimal("31.5"), "p5.48xlarge", "us-east-1", "EDP 2026", "2026-10-01"
    )
    # The list's spot price does not outlive the row that it stood in.
    assert book.price("aws", "us-east-1", "p5.48xlarge", "spot").usd_per_hour == Decimal("31.5")
    row = book.find("aws", "us-east-1", "p5.48xlarge")
    assert (row.accelerator, row.accelerator_count, row.accelerator_memory_gib) == ("H100", 8, 80)
    assert book.price("aws", "eu-north-1", "ml.p5.48xlarge", "on_demand").usd_per_hour == 63
    assert len(book) == len(BOOK) + 1
    assert BOOK.price("aws", "us-east-1", "p5.48xlarge", "on_demand").usd_per_hour == Decimal("55.04")


def test_overlays_lie_over_one_another(contract):
    first = BOOK.with_rows(contract("aws,us-east-1,p5.48xlarge,31.5,,2026,a"))
    second = first.with_rows(contract("aws,us-east-1,p5.48xlarge,30,,2026,b"))
    assert second.price("aws", "us-east-1", "p5.48xlarge", "on_demand").source == "b"


def test_a_spreadsheet_may_have_saved_the_file(contract):
    path = contract("aws,us-east-1,p5.48xlarge,31.5,,2026,a", ",,,,,,", encoding="utf-8-sig")
    assert BOOK.with_rows(path).find("aws", "us-east-1", "p5.48xlarge").source == "a"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("aws,us-east-1,p5.48xlarge,cheap,,2026,a", "on_demand_usd_hour 'cheap' is no amount"),
        ("aws,us-east-1,p5.48xlarge,-1,,2026,a", "on_demand_usd_hour '-1' is no amount"),
        ("aws,us-east-1,p5.48xlarge,NaN,,2026,a", "on_demand_usd_hour 'NaN' is no amount"),
        ("aws,us-east-1,p5.48xlarge,1,Infinity,2026,a", "spot_usd_hour 'Infinity' is no amount"),
        ("aws,us-east-1,p5.48xlarge,,,2026,a", "the row has no price"),
        ("aws,,p5.48xlarge,1,,2026,a", "region is blank"),
        ("aws,us-east-1,p5.48xlarge,1,,2026,", "source is blank"),
        ("aws,us-east-1,p5.48xlarge,1,,2026-02-30,a", "as_of '2026-02-30' is no day"),
        ("aws,us-east-1,p5.48xlarge,1,,20260201,a", "as_of '20260201' is no day"),
        ("aws,us-east-1,p5.48xlarge,1,,0000,a", "as_of '0000' is no day"),
        ("aws,us-east-1,p5.48xlarge,1,2026,a", "the row has 6 cells, the header 7"),
        ("aws,us-east-1,p4d.24xlarge,1,,2026,a", "has a price at line 2 already"),
    ],
)
def test_a_bad_row_is_refused_at_its_line(contract, line, words):
    path = contract("aws,us-east-1,p4d.24xlarge,20,,2026,a", line)
    with pytest.raises(Refusal) as refusal:
        BOOK.with_rows(path)
    assert refusal.value.place == f"{path}:3"
    assert words in refusal.value.message


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("provider,region,instance_type,price,as_of,source", "unknown column 'price'"),
        ("provider,region,instance_type,spot_usd_hour,spot_usd_hour,as_of,source", "stands there twice"),
        ("provider,region,on_demand_usd_hour,as_of", "the header lacks instance_type, source"),
        ("provider,region,instance_type,as_of,source", "the header has no price"),
        ("", "the header lacks provider"),
    ],
)
def test_a_bad_header_is_refused(contract, header, words):
    path = contract(header=header)
    with pytest.raises(Refusal, match=words) as refusal:
        BOOK.with_rows(path)
    assert refusal.value.place == f"{path}:1"


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(Refusal, match="cannot be read: No such file"):
        BOOK.with_rows(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\naws,r,t,1,,2026,Caf\xe9\n")
    with pytest.raises(Refusal, match="not UTF-8"):
        BOOK.with_rows(tmp_path / "latin.csv")
    (tmp_path / "open.csv").write_text(HEADER + '\naws,"r,t,1,,2026,a\n')
    with pytest.raises(Refusal, match="not CSV"):
        BOOK.with_rows(tmp_path / "open.csv")


def test_the_shipped_file_can_serve_as_a_contract(tmp_path):
    row = BOOK.find("azure", "westeurope", "Standard_NC24ads_A100_v4")
    cells = ["azure", "westeurope", row.instance_type, "A100-80GB", "1", "80", "3.1", "", "2026-11-01", "quote 7"]
    path = tmp_path / "own.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(cells) + "\n")
    assert BOOK.with_rows(path).find("azure", "westeurope", row.instance_type).source == "quote 7"


@pytest.mark.parametrize(
    ("as_of", "today", "old"),
    [
        ("2026-07-20", date(2026, 10, 18), False),
        ("2026-07-20", date(2026, 10, 19), True),
        ("2026", date(2026, 4, 1), False),
        ("2026", date(2026, 4, 2), True),
        ("2026-12-01", date(2026, 10, 19), False),
    ],
)
def test_prices_age(as_of, today, old):
    assert stale(Price(Decimal(1), "t", "r", "s", as_of), today, 90) is old


def test_every_shipped_day_can_be_aged():
    for row in BOOK:
        price = Price(Decimal(1), row.instance_type, row.region, row.source, row.as_of)
        assert stale(price, date(2036, 1, 1), 365)


def test_instances_with_an_accelerator(contract):
    assert {row.instance_type for row in BOOK.with_accelerator("aws", "us-east-1", "H100")} == {
        "p5.48xlarge",
        "p5.4xlarge",
    }
    assert BOOK.with_accelerator("aws", "nowhere", "H100") == []
    own = BOOK.with_rows(contract("aws,us-east-1,p5.4xlarge,5.00,,2026-09-01,contract"))
    assert [row.on_demand_usd_hour for row in own.with_accelerator("aws", "us-east-1", "H100")] == [
        Decimal("55.04"),
        Decimal("5.00"),
    ]
