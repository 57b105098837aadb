"""Model ids, deployment SKUs and locations in, where a request may be processed out.

Each answer is the `processing` attribute of docs/plan-facts.md: `selector`, `scope`, and `leaves_region` and
`leaves_jurisdiction` as yes, no or check. `check` means that the name alone does not decide it: treat it as unknown.
"""

from __future__ import annotations

from functools import cache

from governor.catalog import regions, tables

_NOT_LISTED = "not in the catalogue"

# The first word of a bare Bedrock model id. Any other first word may be a geography newer than the catalogue.
# https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
_VENDORS = frozenset(
    {
        "ai21",
        "amazon",
        "anthropic",
        "cohere",
        "deepseek",
        "google",
        "luma",
        "meta",
        "minimax",
        "mistral",
        "moonshot",
        "moonshotai",
        "nvidia",
        "openai",
        "qwen",
        "stability",
        "twelvelabs",
        "writer",
        "zai",
    }
)

_NAMED_BY_MODEL = frozenset({"foundation-model", "inference-profile"})
"""Kinds of ARN that end in a model id or in the id of a profile that names one."""

# No guarantee for machine-learning processing: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/data-residency
_MIDDLE_EAST = frozenset({"AE", "BH", "IL", "QA", "SA"})


def processing_of_model(provider: str, model: str) -> dict[str, str] | None:
    """Where Bedrock may process a request to `model`: a model id, an inference profile id, or an ARN of one.

    None for providers other than aws, and for an empty name.
    """
    if provider != "aws" or not model:
        return None
    if model.startswith("arn:"):
        kind, _, model = model.split(":", 5)[-1].partition("/")
        known = _answer("aws", "arn_resource", kind, selector=kind)
        if known is not None:
            return known
        if kind not in _NAMED_BY_MODEL:
            return _unlisted(kind)
    first, dot, _ = model.partition(".")
    if dot and first in _VENDORS:
        return _answer("aws", "model_id_prefix", "(none)")
    return _answer("aws", "model_id_prefix", first + dot) or _unlisted(first + dot)


def processing_of_sku(sku: str) -> dict[str, str]:
    """Where Azure may process a request to a deployment of that SKU name; letter case does not count."""
    return _answer("azure", "deployment_sku", sku) or _unlisted(sku)


def processing_of_location(location: str) -> dict[str, str]:
    """Where Vertex AI may process a request to an endpoint in `location`: a region, `us`, `eu` or `global`."""
    known = _answer("gcp", "location", location)
    if known is not None:
        return known
    region = regions.find("gcp", location)
    if region is None:
        return _unlisted(location)
    kind = "middle-east" if region.country in _MIDDLE_EAST else "region"
    return _answer("gcp", "location_class", kind, selector=region.name) or _unlisted(location)


def _answer(provider: str, selector_type: str, name: str, selector: str = "") -> dict[str, str] | None:
    row = _rows().get((provider, selector_type, name.lower()))
    if row is None:
        return None
    listed, scope, leaves_region, leaves_jurisdiction = row
    return {
        "selector": selector or listed,
        "scope": scope,
        "leaves_region": leaves_region,
        "leaves_jurisdiction": leaves_jurisdiction,
    }


def _unlisted(selector: str) -> dict[str, str]:
    return {"selector": selector, "scope": _NOT_LISTED, "leaves_region": "check", "leaves_jurisdiction": "check"}


@cache
def _rows() -> dict[tuple[str, str, str], tuple[str, str, str, str]]:
    return {
        (provider, kind, selector.lower()): (selector, scope, leaves_region, leaves_jurisdiction)
        for provider, kind, selector, scope, leaves_region, leaves_jurisdiction, *_ in tables.records(
            "ai_endpoints.csv"
        )
    }
