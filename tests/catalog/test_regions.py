"""Names of regions, zones and ARNs, and the country behind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.catalog import regions


@pytest.mark.parametrize(
    ("provider", "name", "region", "country", "jurisdiction"),
    [
        ("aws", "eu-central-1", "eu-central-1", "DE", "EU"),
        ("aws", "us-gov-west-1", "us-gov-west-1", "US", "US-GOV"),
        ("azure", "West Europe", "westeurope", "NL", "EU"),
        ("azure", "SwedenCentral", "swedencentral", "SE", "EU"),
        ("gcp", "europe-west2", "europe-west2", "GB", "UK"),
    ],
)
def test_find(provider, name, region, country, jurisdiction):
    found = regions.find(provider, name)
    assert (found.name, found.country, found.jurisdiction) == (region, country, jurisdiction)
    assert found.source
    assert found.as_of


@pytest.mark.parametrize(
    ("provider", "name"), [("aws", "eu-central-9"), ("aws", "westeurope"), ("oci", "x"), ("aws", "")]
)
def test_what_is_not_listed_is_not_found(provider, name):
    assert regions.find(provider, name) is None


@pytest.mark.parametrize(
    ("provider", "zone", "region"),
    [
        ("aws", "us-east-1a", "us-east-1"),
        ("aws", "us-west-2-lax-1a", "us-west-2"),
        ("aws", "us-gov-west-1a", "us-gov-west-1"),
        ("aws", "eusc-de-east-1b", "eusc-de-east-1"),
        ("aws", "us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("aws", "us-east-1", None),
        ("aws", "us-east-9a", None),
        ("aws", "use1-az1", None),
        ("gcp", "europe-west4-a", "europe-west4"),
        ("gcp", "us-central1-ai1a", "us-central1"),
        ("gcp", "europe-west4", None),
        ("gcp", "mars-north1-a", None),
        ("azure", "1", None),
    ],
)
def test_region_of_zone(provider, zone, region):
    assert regions.region_of_zone(provider, zone) == region


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:ec2:eu-west-1:123456789012:instance/i-1", "eu-west-1"),
        ("arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/i-1", "us-gov-west-1"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1", "us-east-1"),
        ("arn:aws:s3:::bucket", None),
        ("arn:aws:iam::123456789012:role/x", None),
        ("arn:aws:ec2:nowhere-1:123456789012:instance/i-1", None),
        ("eu-west-1", None),
        ("", None),
    ],
)
def test_region_of_arn(arn, region):
    assert regions.region_of_arn(arn) == region


def test_the_document_for_policies_agrees_with_find():
    document = regions.document()
    assert set(document) == {"aws", "azure", "gcp"}
    for provider, names in document.items():
        for name, facts in names.items():
            region = regions.find(provider, name)
            assert facts == {
                "country": region.country,
                "jurisdiction": region.jurisdiction,
                "location": region.location,
            }


@given(st.sampled_from(sorted(regions.document()["aws"])), st.sampled_from("abcdef"))
def test_every_aws_zone_leads_to_its_region(region, letter):
    assert regions.region_of_zone("aws", region + letter) == region
    assert regions.region_of_zone("aws", f"{region}-xyz-1{letter}") == region


@given(st.sampled_from(sorted(regions.document()["gcp"])), st.sampled_from("abcdef"))
def test_every_gcp_zone_leads_to_its_region(region, letter):
    assert regions.region_of_zone("gcp", f"{region}-{letter}") == region


@given(st.text(max_size=40))
def test_no_text_breaks_them(text):
    regions.find("aws", text)
    regions.region_of_arn(text)
    regions.region_of_zone("aws", text)
