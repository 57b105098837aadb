"""Small bills in FOCUS: rows in, a file out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from governor.spend.tags import Taxonomy

TAXONOMY = Taxonomy({
    "project": {"aliases": ["proj", "application"]},
    "experiment-id": {"aliases": ["run-id"]},
    "owner-team": {"aliases": ["team"]},
})  # fmt: skip


def charge(start: str, usd: object, tags: Mapping[str, object] | str | None = None, **facts: Any) -> dict[str, Any]:
    """One charge of an hour, unless `hours` says otherwise; `start` is `2026-08-01` or with a time."""
    begins = datetime.fromisoformat(start)
    month = begins.replace(day=1, hour=0, minute=0)
    text = "" if tags is None else tags if isinstance(tags, str) else json.dumps(tags)
    return {
        "ChargePeriodStart": f"{begins.isoformat()}Z",
        "ChargePeriodEnd": f"{(begins + timedelta(hours=facts.pop('hours', 1))).isoformat()}Z",
        "BillingPeriodStart": f"{month.isoformat()}Z",
        "BillingPeriodEnd": f"{(month + timedelta(days=31)).replace(day=1).isoformat()}Z",
        "EffectiveCost": usd,
        "BilledCost": usd,
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ServiceProviderName": "AWS",
        "Tags": text,
        **facts,
    }


def write(file: Path, charges: Iterable[Mapping[str, Any]]) -> Path:
    """A CSV file with the columns of the first charge."""
    rows = list(charges)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file
