"""Values of manifests, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from governor.sources.terraform_plan.reading import items

_SUFFIXES = {
    "": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip
_QUANTITY = re.compile(r"\+?([0-9]{1,15}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})(?:e([0-9]))?(m|k|M|G|T|Ki|Mi|Gi|Ti)?", re.ASCII)

FILLED_IN_LATER = "filled in later"


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """The mappings in a list."""
    return (item for item in items(value) if isinstance(item, dict))


def string(value: Any) -> str:
    """The value, or "" where it is no text."""
    return value if isinstance(value, str) else ""


def is_open(value: str) -> bool:
    """Whether a text waits to be filled in: by Argo's parameters, by envsubst."""
    return "{{" in value or "${" in value


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity: `1`, `"2"`, `500m`, `1e3`, `8Gi`. None for what is none."""
    match = _QUANTITY.fullmatch(string(value).strip())
    if match is None:
        return None
    try:
        return Decimal(match[1]).scaleb(int(match[2] or 0)) * _SUFFIXES[match[3] or ""]
    except InvalidOperation:
        return None
