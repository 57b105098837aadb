"""Money in, how much of it carries tags out. Pure. What is dear and untagged weighs more than what is cheap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from governor.judge import hidden_by
from governor.model import Resource, Spend, Tagged

KEYS = {
    "project": "project",
    "experiment": "experiment-id",
    "model": "model",
    "dataset": "dataset",
    "stage": "stage",
    "team": "owner-team",
}
"""Field of a record of spend → key of the taxonomy. A key that the taxonomy has not is empty throughout."""


def of_bills(spend: Iterable[Spend], month: str) -> Tagged | None:
    """Of what was spent in a month; None where nothing was, or the credits outweigh it.

    Spend whose tags are not known counts on neither side.
    """
    known = [one for one in spend if one.month == month and not one.tags_unknown]
    total = sum((one.taggable_usd for one in known), Decimal(0))
    if total <= 0:
        return None
    shares = {
        key: sum((one.taggable_usd for one in known if getattr(one, field)), Decimal(0)) / total
        for field, key in KEYS.items()
    }
    untagged = sum((one.untagged_usd for one in known), Decimal(0))
    return Tagged(month=month, usd=total, shares=shares, tagged=1 - untagged / total)


def of_prices(resources: Iterable[Resource], taxonomy: Mapping[str, Any]) -> Tagged | None:
    """Of what resources cost by the price book; None where no price is known. `taxonomy` is the data of `tagging`.

    The keys are those that some kind of resource must carry. Resources whose tags are not known count on neither side.
    """
    keys = list(dict.fromkeys(key for demand in taxonomy.get("mandatory", {}).values() for key in demand["tags"]))
    total = tagged = Decimal(0)
    carried = dict.fromkeys(keys, Decimal(0))
    for resource in resources:
        usd = resource.hourly_usd
        if not usd or not resource.taggable:
            continue
        if resource.unknown and any(hidden_by(resource, f"tags.{key}") for key in ("*", *keys)):
            continue
        total += usd
        tagged += usd if resource.tags else 0
        for key in keys:
            if resource.tags.get(key, "").strip():
                carried[key] += usd
    if not total:
        return None
    return Tagged(month="", usd=total, shares={key: usd / total for key, usd in carried.items()}, tagged=tagged / total)
