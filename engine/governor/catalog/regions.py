"""Region names in, countries and jurisdictions out."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from governor.catalog import tables

_ZONES = {
    # us-east-1a, us-gov-west-1a; local zone us-west-2-lax-1a; wavelength zone us-east-1-wl1-bos-wlz-1
    "aws": re.compile(r"([a-z]+(?:-[a-z]+)+-\d+)(?:[a-z]|-.+)"),
    # europe-west4-a; AI zone us-central1-ai1a
    "gcp": re.compile(r"([a-z]+(?:-[a-z]+)+\d+)-[a-z0-9]+"),
}


class Region(Struct, frozen=True, gc=False):
    """One region of one cloud."""

    provider: str
    name: str
    country: str
    """ISO 3166-1 alpha-2; "" where the provider does not say."""
    jurisdiction: str
    """Whose law holds: EU, EEA, UK, CH, US, US-GOV, or a country; CLASSIFIED for secret partitions."""
    location: str
    """The provider's words: `Europe (Frankfurt)`."""
    as_of: str
    source: str


def find(provider: str, name: str) -> Region | None:
    """The region of that name, letter case and spaces aside: `West Europe` is `westeurope`.

    None for a name that is not in the catalogue; a policy must not take it for an allowed one.
    """
    return _regions().get((provider, tables.fold(name)))


def region_of_zone(provider: str, zone: str) -> str | None:
    """The region that a zone of aws or gcp lies in; None when the name is no zone of a known region."""
    pattern = _ZONES.get(provider)
    match = pattern.fullmatch(zone.lower()) if pattern else None
    region = find(provider, match[1]) if match else None
    return region.name if region else None


def region_of_arn(arn: str) -> str | None:
    """The region field of an ARN; None when it has none, or one that is not known."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return None
    region = find("aws", parts[3])
    return region.name if region else None


@cache
def document() -> dict[str, dict[str, dict[str, str]]]:
    """Provider → region → country, jurisdiction and location: what Rego policies see as `data.catalog.regions`."""
    document: dict[str, dict[str, dict[str, str]]] = {}
    for region in _regions().values():
        document.setdefault(region.provider, {})[region.name] = {
            "country": region.country,
            "jurisdiction": region.jurisdiction,
            "location": region.location,
        }
    return document


@cache
def _regions() -> dict[tuple[str, str], Region]:
    return {
        (provider, tables.fold(name)): Region(provider, name, country, jurisdiction, location, as_of, source)
        for provider, name, country, jurisdiction, location, _, as_of, source in tables.records("regions.csv")
    }
