"""Inventory and budgets in, what each project is expected to cost in a month out: before the change and after. Pure.

The reckoning is that of the shipped budget policies, which tests keep in step: price times the hours that the stage of
a resource is expected to run, and a price that is not known never counts as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from governor.judge import Blotter, tag_of
from governor.model import Inventory, Resource, Spending

HOURS = Decimal(730)
"""Hours of a month, where the data of budgets does not say otherwise: 8,760 / 12."""


class _Budget(Struct, frozen=True):
    monthly_usd: Decimal


class Budgets(Struct, frozen=True):
    """What is read of the data of the concern `budgets`: see its schema.json."""

    hours: Mapping[str, Decimal] = {}
    """Value of the tag `stage` → hours a month."""
    always_on: tuple[str, ...] = ()
    """Kinds that are paid every hour, whatever the stage says."""
    projects: Mapping[str, _Budget] = {}


def spending(inventory: Inventory, data: Mapping[str, Any] | None = None) -> list[Spending]:
    """One entry for each project that costs something, or has a budget; dearest afterwards first.

    `data` is that of the concern `budgets`. A resource that changes its project counts as its new one's throughout:
    what its tags were is no fact of the inventory. What Terraform only forgets goes on costing what it costs.
    """
    budgets = msgspec.convert(data or {}, Budgets)
    spelled = cache(Blotter(inventory.secrets).text)
    limits = {spelled(name): budget.monthly_usd for name, budget in budgets.projects.items()}
    sums = {name: _Sum() for name in limits}
    for resource in (*inventory.resources, *inventory.removed):
        before, after = _hourly(resource)
        unpriced_before = before is None and resource.change != "create" and _lacks_price(resource)
        unpriced_after = after is None and _lacks_price(resource)
        if not (before or after or unpriced_before or unpriced_after):
            continue
        project = spelled(tag_of(resource, "project"))
        total = sums.get(project) or sums.setdefault(project, _Sum())
        hours = _hours(resource, budgets)
        total.before += (before or 0) * hours
        total.after += (after or 0) * hours
        total.unpriced_before += unpriced_before
        total.unpriced_after += unpriced_after
    found = [
        Spending(
            project=name,
            before_usd=total.before,
            after_usd=total.after,
            budget_usd=limits.get(name),
            unpriced_before=total.unpriced_before,
            unpriced_after=total.unpriced_after,
        )
        for name, total in sums.items()
    ]
    return sorted(found, key=lambda one: (-one.after_usd, -one.before_usd, one.project))


class _Sum(Struct):
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    unpriced_before: int = 0
    unpriced_after: int = 0


def _hourly(resource: Resource) -> tuple[Decimal | None, Decimal | None]:
    """USD per hour before the change and after it; None where no price is known."""
    if resource.change == "none":
        return resource.hourly_usd, resource.hourly_usd
    if resource.change == "delete":
        return resource.previous_hourly_usd, Decimal(0)
    if resource.change == "forget":
        return resource.previous_hourly_usd, resource.previous_hourly_usd
    return resource.previous_hourly_usd, resource.hourly_usd


def _hours(resource: Resource, budgets: Budgets) -> Decimal:
    stage = resource.tags.get("stage", "").strip()
    if resource.kind in budgets.always_on or stage not in budgets.hours:
        return budgets.hours.get("default", HOURS)
    return budgets.hours[stage]


def _lacks_price(resource: Resource) -> bool:
    """Whether it costs something that no price is known for; what the book never prices, a web server, is no gap."""
    if resource.count == 0 and not resource.max_count and "count" not in resource.unknown:
        return False
    return resource.accelerator is not None or "hourly_usd" in resource.unknown
