"""The data files themselves: every row can be traced, every number makes sense."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from decimal import Decimal

import pytest

from governor.catalog import accelerators, regions, taggable
from governor.catalog.prices import COLUMNS, PriceBook
from governor.catalog.tables import DATA

TABLES = sorted(DATA.glob("*.csv"))

# Clouds whose regions are not in regions.csv: their names are sales areas, countries or data centres of the seller.
SELLERS_WITHOUT_REGIONS = {"coreweave", "lambda", "nebius", "oci", "runpod"}

# docs/catalogue.md states these. A new one is an error of the source until somebody has looked at it.
SPOT_ABOVE_ON_DEMAND = {
    ("aws", "ap-southeast-1", "p4de.24xlarge"),
    ("gcp", "europe-west4", "tpu-v2-device-chip"),
    ("gcp", "europe-west4", "tpu-v2-pod-chip"),
    ("gcp", "europe-west4", "tpu-v3-device-chip"),
    ("gcp", "europe-west4", "tpu-v3-pod-chip"),
    ("gcp", "us-central1", "tpu-v2-pod-chip"),
    ("gcp", "us-central2", "tpu-v4-pod-chip"),
}


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_every_row_names_its_source_and_day(path):
    rows = read(path)
    assert rows
    for row in rows:
        assert None not in row, "a row has more cells than the header"
        assert None not in row.values(), "a row has fewer cells than the header"
        assert row["source"].strip()
        assert re.fullmatch(r"\d{4}(-\d\d-\d\d)?", row["as_of"])


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_files_are_plain_utf_8_with_unix_lines(path):
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert data.decode("utf-8").endswith("\n")
    assert b"\r" not in data
    assert not data.startswith(b"\xef\xbb\xbf")


def test_the_price_book_has_the_columns_that_an_overlay_has():
    assert tuple(read(DATA / "gpu_prices.csv")[0]) == COLUMNS


def test_no_place_is_priced_twice():
    places = Counter((r.provider, r.region, r.instance_type.lower()) for r in PriceBook.shipped())
    assert [place for place, n in places.items() if n > 1] == []


def test_prices_counts_and_memories_are_above_zero():
    for row in PriceBook.shipped():
        numbers = (row.on_demand_usd_hour, row.spot_usd_hour, row.accelerator_count, row.accelerator_memory_gib)
        assert all(number > 0 for number in numbers if number is not None), row
        assert row.on_demand_usd_hour is not None or row.spot_usd_hour is not None, row


def test_spot_is_above_on_demand_only_where_the_docs_say_so():
    above = {
        (row.provider, row.region, row.instance_type)
        for row in PriceBook.shipped()
        if row.spot_usd_hour and row.on_demand_usd_hour and row.spot_usd_hour > row.on_demand_usd_hour
    }
    assert above == SPOT_ABOVE_ON_DEMAND


def test_every_priced_region_of_the_three_clouds_is_a_known_region():
    lost = {
        (row.provider, row.region)
        for row in PriceBook.shipped()
        if row.provider not in SELLERS_WITHOUT_REGIONS and regions.find(row.provider, row.region) is None
    }
    assert lost == set()


def test_every_accelerator_that_is_priced_or_names_a_family_has_facts():
    models = {row.accelerator for row in PriceBook.shipped()}
    models |= {row["accelerator"] for row in read(DATA / "instance_families.csv")} - {"unknown"}
    assert [model for model in sorted(models) if accelerators.facts(model) is None] == []


def test_one_instance_type_holds_the_same_accelerator_everywhere():
    shapes = {}
    for row in PriceBook.shipped():
        shape = (row.accelerator, row.accelerator_count, row.accelerator_memory_gib)
        assert shapes.setdefault((row.provider, row.instance_type), shape) == shape


def test_endpoints_answer_in_three_words():
    for row in read(DATA / "ai_endpoints.csv"):
        assert {row["leaves_region"], row["leaves_jurisdiction"]} <= {"yes", "no", "check"}
        assert row["scope"]


def test_the_lists_of_aws_types_are_sorted_and_apart():
    lists = []
    for name in ("taggable_aws.txt", "untaggable_aws.txt"):
        lines = (DATA / name).read_text(encoding="utf-8").splitlines()
        comments = [line for line in lines if line.startswith("#")]
        assert any("5.100.0" in line for line in comments)
        assert any("as_of: " in line for line in comments)
        types = [line for line in lines if not line.startswith("#")]
        assert types == sorted(set(types))
        lists.append(set(types))
    assert not lists[0] & lists[1]


@pytest.mark.parametrize(
    ("resource_type", "answer"),
    [
        ("aws_instance", True),
        ("aws_autoscaling_group", True),
        ("aws_sagemaker_endpoint", True),
        ("aws_iam_access_key", False),
        ("aws_inspector_resource_group", False),
        ("aws_something_of_next_year", None),
        ("azurerm_cognitive_deployment", False),
        ("azurerm_kubernetes_cluster_node_pool", True),
        ("google_service_account_key", False),
        ("google_apikeys_key", False),
        ("openai_project", None),
    ],
)
def test_taggable(resource_type, answer):
    assert taggable.taggable(resource_type) is answer


def test_the_book_knows_money_to_the_cent():
    row = PriceBook.shipped().find("aws", "us-east-1", "p4d.24xlarge")
    assert row is not None
    assert row.on_demand_usd_hour == Decimal("21.957642")
