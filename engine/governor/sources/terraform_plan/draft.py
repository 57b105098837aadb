"""A resource while its facts are being read: what readers fill in, and what they may ask of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from governor.catalog.accelerators import accelerator_of
from governor.catalog.kinds import Shape
from governor.model import Accelerator, Price, Purchase
from governor.sources.terraform_plan.configuration import Block
from governor.sources.terraform_plan.decode import ResourceChange
from governor.sources.terraform_plan.reading import at, is_unknown, number, text
from governor.sources.terraform_plan.siblings import PlanFacts, Target
from governor.sources.terraform_plan.withhold import SENSITIVE

AFTER_APPLY = "known after apply"
NOT_YET = "(known after apply)"
"""What a tag reads that is not known: Terraform will tell."""
NOT_TOLD = "(not known)"
"""Or will not: the code is without a value that a person has to give."""


class Line(Struct):
    """Instances of one type, or of whichever of several types is to be had."""

    types: list[str]
    count: int = 1
    max_count: int | None = None


class Draft:
    """The facts of one resource so far. `after` is what it will be (or, for its former cost, what it was)."""

    __slots__ = (
        "accelerator", "after", "attributes", "before", "block", "delivered", "lines", "marks", "paid_by", "plan",
        "purchase", "region", "resource", "sensitive", "shape",
        "stands_for", "stands_for_none", "tags", "unknown", "unknown_after",
    )  # fmt: skip

    def __init__(
        self,
        resource: ResourceChange,
        shape: Shape,
        block: Block | None,
        plan: PlanFacts,
        after: Mapping[str, Any],
        unknown_after: Any,
        marks: Any = None,
        before: bool = False,
    ) -> None:
        self.resource = resource
        self.shape = shape
        self.block = block
        self.plan = plan
        self.after = after
        self.unknown_after = unknown_after
        self.marks = marks
        self.before = before
        """Whether this draft is of the past: what it refers to is then the past, too."""
        self.tags: dict[str, str] = {}
        self.region: str | None = None
        self.purchase: Purchase = "on_demand"
        self.lines: list[Line] = []
        self.accelerator: Accelerator | None = None
        """One that no instance type tells of: a GPU hung onto a general machine."""
        self.attributes: dict[str, Any] = {}
        self.delivered: dict[str, str] | None = None
        self.unknown: dict[str, str] = {}
        self.sensitive: list[str] = []
        self.paid_by = ""
        """Address of the reservation that its instances run in, and that pays for them."""
        self.stands_for_none = ""
        """Why that resource cannot be told: then its tags are not known either."""
        self.stands_for: ResourceChange | None = None
        """The resource whose tags and region this one is judged by: a replication rule is about its bucket."""

    @property
    def provider_key(self) -> str:
        return self.block.provider_key if self.block else ""

    def get(self, path: str) -> Any:
        """What the resource will hold at a path."""
        return at(self.after, path)

    def why_unknown(self, path: str) -> str:
        """Why the value at a path is not known, or ""."""
        if is_unknown(self.unknown_after, path):
            reason = self.reason(path)
            return reason if reason == AFTER_APPLY else f"not known: {reason}"
        return SENSITIVE if self.marks is not None and is_unknown(self.marks, path) else ""

    def reason(self, path: str) -> str:
        """Why what is unknown at a path is: as is told of the path, of what it lies in, or of what lies in it."""
        reasons = self.resource.reasons
        if not reasons:
            return AFTER_APPLY
        above = path
        while above:
            if above in reasons:
                return reasons[above]
            above = above.rpartition(".")[0]
        return next((why for below, why in reasons.items() if below.startswith(f"{path}.")), AFTER_APPLY)

    def launches(self, path: str, count: int | None = 1, max_count: int | None = None) -> bool:
        """Note instances of the type at a path. False when there is neither a type nor a reason why it is unknown."""
        if why := self.why_unknown(path):
            self.type_unknown(f"{path} is {why}")
            return True
        value = self.get(path)
        types = [t for t in (value if isinstance(value, list) else [value]) if isinstance(t, str) and t]
        return self.launches_any(types, count, max_count)

    def launches_any(self, types: list[str], count: int | None, max_count: int | None) -> bool:
        """Note instances of whichever of the types is to be had."""
        if types:
            self.lines.append(Line(types, 1 if count is None else count, max_count))
        return bool(types)

    def has_accelerator(self) -> bool:
        """Whether any type noted so far carries one."""
        return any(accelerator_of(self.shape.provider, type) for line in self.lines for type in line.types)

    def type_unknown(self, why: str) -> None:
        """The instance type is not known, and with it neither accelerator nor price."""
        for path in ("accelerator", "hourly_usd", "attributes.instance_type"):
            self.unknown.setdefault(path, why)

    def written(self, path: str) -> bool | None:
        """Whether the configuration says something at a path; None when that cannot be told (`dynamic` blocks)."""
        if self.block is None:
            return None
        value: Any = self.block.expressions
        steps = path.split(".")
        for position, step in enumerate(steps):
            if isinstance(value, dict) and ("references" in value or "constant_value" in value):
                return True
            if isinstance(value, dict) and step.isdigit():
                continue
            if isinstance(value, dict) and step not in value:
                return False if position == len(steps) - 1 else None
            value = at(value, step)
            if value is None:
                return None
        return True

    def counts(self, path: str, default: int | None = 1) -> int | None:
        """The count at a path; one that is not known makes the price unknown.

        What the configuration leaves out is the provider's to fill in, which happens as by default.
        """
        if not path:
            return default
        why = self.why_unknown(path)
        if why and not (why == AFTER_APPLY and self.written(path) is False):
            self.unknown["count"] = self.unknown["hourly_usd"] = f"{path} is {why}"
        found = number(self.get(path))
        return default if found is None else found

    def expression(self, path: str) -> Any:
        """What the configuration says at a path, or None."""
        return at(self.block.expressions, path) if self.block else None

    def leads_to(self, path: str) -> list[Target]:
        """The resources that the configuration refers to at a path."""
        return self.leads(self.expression(path))

    def leads(self, expression: Any) -> list[Target]:
        """The resources that an expression of its block refers to."""
        if self.block is None or expression is None:
            return []
        return self.plan.targets(self.resource, self.block, expression, self.before)

    def named(self, type: str, path: str, name: Any) -> list[Target]:
        """The resources of a type that carry this name at a path."""
        return self.plan.named(self.resource, type, path, name, self.before) if text(name) else []

    def says(self, name: str, path: str) -> None:
        """Keep the text or the whole number at a path as an attribute, or why it is not known."""
        value = self.get(path)
        if why := self.why_unknown(path):
            self.unknown[f"attributes.{name}"] = why
        elif (said := text(value) or number(value)) is not None:
            self.attributes[name] = said


class Cost(Struct):
    """What the lines of a draft amount to."""

    accelerator: Accelerator | None = None
    price: Price | None = None
    hourly_usd: Decimal | None = None
    max_hourly_usd: Decimal | None = None
    count: int | None = None
    max_count: int | None = None
    why_unknown: str = ""


def cost(draft: Draft, region: str | None) -> Cost:
    """Price times count over all lines. Where several types may be taken, the dearest counts.

    Types without an accelerator have no price here and cost nothing *known*; an accelerator without a price makes the
    whole unknown.
    """
    if not draft.lines:
        return Cost()
    provider, book = draft.shape.provider, draft.plan.prices
    result = Cost(count=0, max_count=0)
    total = most = Decimal(0)
    priced = False
    for line in draft.lines:
        count, max_count = line.count, max(line.count, line.max_count if line.max_count is not None else line.count)
        result.count = (result.count or 0) + count
        result.max_count = (result.max_count or 0) + max_count
        best: Price | None = None
        for type in line.types:
            accelerator = accelerator_of(provider, type)
            price = book.price(provider, region, type, draft.purchase)
            if price is not None and (best is None or price.usd_per_hour > best.usd_per_hour):
                best = price
            if accelerator is not None:
                if result.accelerator is None or price is best:
                    result.accelerator = accelerator
                if price is None:
                    result.why_unknown = book.why_no_price(provider, region, type, draft.purchase)
        if best is not None:
            priced = True
            total += best.usd_per_hour * count
            most += best.usd_per_hour * max_count
            if result.price is None or best.usd_per_hour > result.price.usd_per_hour:
                result.price = best
    if result.why_unknown:
        result.price = None
    elif draft.paid_by and priced:
        result.hourly_usd = result.max_hourly_usd = Decimal(0)
        if result.price:
            result.price = replace(result.price, note=f"paid by {draft.paid_by}, whose instances these are")
    elif priced:
        result.hourly_usd, result.max_hourly_usd = total, most
    return result
