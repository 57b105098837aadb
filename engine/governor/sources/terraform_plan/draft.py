"""A resource while its facts are being read: what readers fill in, and what they may ask of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from governor.catalog.accelerators import accelerator_of
from governor.catalog.kinds import Shape
from governor.catalog.prices import PriceBook
from governor.model import Accelerator, Price, Purchase
from governor.sources.terraform_plan.configuration import Block, Blocks, without_indexes
from governor.sources.terraform_plan.decode import ResourceChange
from governor.sources.terraform_plan.providers import Providers
from governor.sources.terraform_plan.reading import at, is_unknown, mapping, number, text

AFTER_APPLY = "known after apply"
SENSITIVE = "sensitive"
WITHHELD = "(sensitive)"
NOT_YET = "(known after apply)"


class Line(Struct):
    """Instances of one type, or of whichever of several types is to be had."""

    types: list[str]
    count: int = 1
    max_count: int | None = None


class Draft:
    """The facts of one resource so far. `after` is what it will be (or, for its former cost, what it was)."""

    __slots__ = (
        "accelerator", "after", "attributes", "block", "change", "delivered", "lines", "marks", "plan", "purchase",
        "region", "resource", "sensitive", "shape", "stands_for", "tags", "unknown", "unknown_after",
    )  # fmt: skip

    def __init__(
        self,
        resource: ResourceChange,
        shape: Shape,
        block: Block | None,
        plan: PlanFacts,
        after: Mapping[str, Any],
        unknown_after: Any,
    ) -> None:
        self.resource = resource
        self.shape = shape
        self.block = block
        self.plan = plan
        self.after = after
        self.unknown_after = unknown_after
        self.marks: Any = None
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
            return AFTER_APPLY
        return SENSITIVE if self.marks is not None and is_unknown(self.marks, path) else ""

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

    def counts(self, path: str, default: int | None = 1) -> int | None:
        """The count at a path; a count that is not known makes the price unknown."""
        if path and (why := self.why_unknown(path)):
            self.unknown["count"] = f"{path} is {why}"
            self.unknown["hourly_usd"] = f"{path} is {why}"
        return default if not path else (found if (found := number(self.get(path))) is not None else default)

    def expression(self, path: str) -> Any:
        """What the configuration says at a path, or None."""
        return at(self.block.expressions, path) if self.block else None

    def leads_to(self, path: str) -> list[Target]:
        """The resources that the configuration refers to at a path."""
        if self.block is None:
            return []
        return self.plan.targets(self.resource, self.block, self.expression(path))

    def says(self, name: str, path: str) -> None:
        """Keep the text at a path as an attribute, or why it is not known."""
        if why := self.why_unknown(path):
            self.unknown[f"attributes.{name}"] = why
        elif value := text(self.get(path)):
            self.attributes[name] = value


class Target(Struct):
    """A resource that another one refers to."""

    resource: ResourceChange
    after: Mapping[str, Any]
    unknown_after: Any
    block: Block | None


class PlanFacts:
    """What a reader may ask of the whole plan."""

    def __init__(self, blocks: Blocks, providers: Providers, prices: PriceBook, changes: list[ResourceChange]) -> None:
        self.blocks = blocks
        self.providers = providers
        self.prices = prices
        self.own_regions: dict[str, str] = {}
        """Address → region that the resource itself tells."""
        self._changes = changes
        self._by_block: dict[str, dict[str, list[ResourceChange]]] | None = None
        self._by_name: dict[tuple[str, str], dict[str, list[ResourceChange]]] = {}

    def targets(self, asker: ResourceChange, block: Block, expression: Any) -> list[Target]:
        """Where an expression leads. Among instances of one block, those of the asker's module or index win."""
        found: list[Target] = []
        for address in self.blocks.follow(block, expression):
            modules = self._instances(address)
            near = modules.get(asker.module_address) or [change for module in modules.values() for change in module]
            same = [change for change in near if change.index is not None and change.index == asker.index]
            found.extend(self.target(change) for change in same or near)
        return found

    def _instances(self, address: str) -> Mapping[str, list[ResourceChange]]:
        """The instances of a block (its address has no indexes), by the module instance they stand in."""
        if self._by_block is None:
            self._by_block = {}
            for change in self._changes:
                if change.mode == "managed" and change.change.actions != ["delete"]:
                    modules = self._by_block.setdefault(without_indexes(change.address), {})
                    modules.setdefault(change.module_address, []).append(change)
        return self._by_block.get(address, {})

    def target(self, change: ResourceChange) -> Target:
        """A change with what it will be."""
        after = self._after(change)
        unknown = msgspec.json.decode(change.change.after_unknown)
        return Target(change, after, unknown, self.blocks.find(change.module_address, change.type, change.name))

    def region_of(self, change: ResourceChange) -> str | None:
        """The region of another resource of the plan. Ask when every resource's own evidence is in."""
        if change.address in self.own_regions:
            return self.own_regions[change.address]
        block = self.blocks.find(change.module_address, change.type, change.name)
        return self.providers.region(block.provider_key)[0] if block else None

    def named(self, asker: ResourceChange, type: str, path: str, name: str) -> list[Target]:
        """Resources of a type that carry a name at a path; those of the asker's own module, if there are any."""
        if (type, path) not in self._by_name:
            index = self._by_name[type, path] = {}
            for change in self._changes:
                if change.type != type or change.mode != "managed" or change.change.actions == ["delete"]:
                    continue
                if found := text(at(self._after(change), path)):
                    index.setdefault(found, []).append(change)
        candidates = self._by_name[type, path].get(name, [])
        near = [c for c in candidates if c.module_address == asker.module_address] or candidates
        return [self.target(change) for change in near]

    @staticmethod
    def _after(change: ResourceChange) -> Mapping[str, Any]:
        return mapping(msgspec.json.decode(change.change.after))


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
    elif priced:
        result.hourly_usd, result.max_hourly_usd = total, most
    return result
