"""Where a request to a model may be processed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.catalog.endpoints import processing_of_location, processing_of_model, processing_of_sku

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize(
    ("model", "selector", "leaves_region", "leaves_jurisdiction"),
    [
        (CLAUDE, "(none)", "no", "no"),
        ("amazon.nova-pro-v1:0", "(none)", "no", "no"),
        (f"us.{CLAUDE}", "us.", "yes", "no"),
        (f"eu.{CLAUDE}", "eu.", "yes", "check"),
        (f"apac.{CLAUDE}", "apac.", "yes", "yes"),
        (f"jp.{CLAUDE}", "jp.", "yes", "no"),
        (f"au.{CLAUDE}", "au.", "yes", "no"),
        (f"us-gov.{CLAUDE}", "us-gov.", "yes", "no"),
        (f"global.{CLAUDE}", "global.", "yes", "yes"),
        (f"moon.{CLAUDE}", "moon.", "check", "check"),
        (f"arn:aws:bedrock:eu-west-1::foundation-model/{CLAUDE}", "(none)", "no", "no"),
        (f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/global.{CLAUDE}", "global.", "yes", "yes"),
        ("arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc123", "provisioned-model", "no", "no"),
        ("arn:aws:bedrock:eu-west-1:123456789012:time-machine/abc123", "time-machine", "check", "check"),
        ("newvendor.model-v1:0", "newvendor.", "check", "check"),
        ("k3j4h5g6f7d8", "k3j4h5g6f7d8", "check", "check"),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123",
            "application-inference-profile",
            "check",
            "check",
        ),
        ("arn:aws:bedrock:eu-west-1:1:default-prompt-router/x:1", "default-prompt-router", "check", "check"),
    ],
)
def test_bedrock(model, selector, leaves_region, leaves_jurisdiction):
    answer = processing_of_model("aws", model)
    assert answer["selector"] == selector
    assert (answer["leaves_region"], answer["leaves_jurisdiction"]) == (leaves_region, leaves_jurisdiction)


@pytest.mark.parametrize(("provider", "model"), [("azure", "gpt-4o"), ("gcp", "gemini"), ("aws", "")])
def test_not_bedrock(provider, model):
    assert processing_of_model(provider, model) is None


@pytest.mark.parametrize(
    ("sku", "leaves_region", "leaves_jurisdiction"),
    [
        ("Standard", "no", "no"),
        ("ProvisionedManaged", "no", "no"),
        ("DataZoneStandard", "yes", "check"),
        ("GlobalStandard", "yes", "yes"),
        ("globalstandard", "yes", "yes"),
        ("DeveloperTier", "yes", "yes"),
    ],
)
def test_azure(sku, leaves_region, leaves_jurisdiction):
    answer = processing_of_sku(sku)
    assert (answer["leaves_region"], answer["leaves_jurisdiction"]) == (leaves_region, leaves_jurisdiction)


def test_a_sku_outside_the_catalogue_must_be_checked():
    assert processing_of_sku("GalaxyStandard") == {
        "selector": "GalaxyStandard",
        "scope": "not in the catalogue",
        "leaves_region": "check",
        "leaves_jurisdiction": "check",
    }


@pytest.mark.parametrize(
    ("location", "selector", "leaves_region", "leaves_jurisdiction"),
    [
        ("global", "global", "yes", "yes"),
        ("us", "us", "yes", "no"),
        ("EU", "eu", "yes", "no"),
        ("europe-west4", "europe-west4", "no", "no"),
        ("me-west1", "me-west1", "check", "check"),
        ("mars-north1", "mars-north1", "check", "check"),
    ],
)
def test_vertex(location, selector, leaves_region, leaves_jurisdiction):
    answer = processing_of_location(location)
    assert answer["selector"] == selector
    assert (answer["leaves_region"], answer["leaves_jurisdiction"]) == (leaves_region, leaves_jurisdiction)


@given(st.text(max_size=30))
def test_every_answer_has_the_same_four_words(text):
    for answer in (processing_of_sku(text), processing_of_location(text), processing_of_model("aws", text or "x")):
        assert list(answer) == ["selector", "scope", "leaves_region", "leaves_jurisdiction"]
        assert {answer["leaves_region"], answer["leaves_jurisdiction"]} <= {"yes", "no", "check"}
        assert all(isinstance(value, str) for value in answer.values())
