"""Where a resource lies, as far as it says so itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governor.catalog import regions
from governor.sources.terraform_plan.reading import text

PLACE_NAMES = ("region", "location", "zone")
"""Attributes that put a resource elsewhere than its provider would. A zone of Amazon lies in the provider's region."""


def own_region(type: str, values: Mapping[str, Any]) -> str | None:
    """The region that a resource tells of itself: `region`, `location`, its zone, or its ARN."""
    if type.startswith("aws_"):
        if region := text(values.get("region")):
            return region
        if (zone := text(values.get("availability_zone"))) and (region := regions.region_of_zone("aws", zone)):
            return region
        return regions.region_of_arn(arn) if (arn := text(values.get("arn"))) else None
    if type.startswith("azurerm_"):
        location = text(values.get("location"))
        return location.lower().replace(" ", "") if location else None
    if type.startswith("google_"):
        for name in ("region", "zone", "location"):
            if value := text(values.get(name)):
                value = value.rpartition("/")[2].lower()
                return regions.region_of_zone("gcp", value) or value
    return None


def elsewhere(expressions: Mapping[str, Any]) -> bool:
    """Whether a block of the configuration says itself where it lies."""
    return any(name in expressions for name in PLACE_NAMES)
