"""Literal AI keys in manifests, and what else must not be shown."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from governor.sources.manifests.reading import string
from governor.sources.terraform_plan.reading import mapping
from governor.sources.terraform_plan.secrets import keys_in


def keys_of(data: Any) -> tuple[list[dict[str, str]], set[str]]:
    """(`{place, provider, rule}` of every literal AI key, all that is secret) in a document.

    The values of a `Secret` are secret, keys or not, and are read through their base64.
    """
    secrets: set[str] = set()
    if isinstance(data, dict) and data.get("kind") == "Secret":
        opened = {name: _opened(value) for name, value in mapping(data.get("data")).items()}
        secrets |= {value for part in (data.get("data"), data.get("stringData"), opened) for value in _texts(part)}
        data = {**data, "data": opened}
    elif isinstance(data, dict):
        secrets |= {*_texts(data.get("secrets"))}  # of a SkyPilot task
    found = {}
    for sighting, key in keys_in(data):
        found[sighting["place"], sighting["provider"]] = sighting
        secrets.add(key)
    return list(found.values()), secrets


def _opened(value: Any) -> str:
    """What a base64 text says; the text itself when it is none."""
    try:
        return b64decode(string(value), validate=True).decode()
    except ValueError:
        return string(value)


def _texts(values: Any) -> list[str]:
    return [value for value in mapping(values).values() if isinstance(value, str)]
