"""A Terraform or OpenTofu plan (`terraform show -json`) in, an inventory out. See docs/plan-facts.md."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import msgspec

from governor.catalog import ai_keys
from governor.catalog.kinds import SHAPES, Shape, provider_of
from governor.catalog.prices import PriceBook
from governor.catalog.taggable import taggable
from governor.model import Change, Gap, Inventory, Origin, Resource, Stage
from governor.sources.terraform_plan import aws, aws_groups, azure, google, model_providers
from governor.sources.terraform_plan.configuration import Block, Blocks, without_indexes
from governor.sources.terraform_plan.decode import Plan, ResourceChange, decode, plain, planned_only, unreadable
from governor.sources.terraform_plan.draft import AFTER_APPLY, Cost, Draft, cost
from governor.sources.terraform_plan.locate import Locator
from governor.sources.terraform_plan.places import PLACE_NAMES, elsewhere, own_region
from governor.sources.terraform_plan.providers import Providers
from governor.sources.terraform_plan.reading import amount, mapping
from governor.sources.terraform_plan.secrets import BASE64, Secrets, keys_in, keys_in_configuration, tidy
from governor.sources.terraform_plan.siblings import PlanFacts
from governor.sources.terraform_plan.tags import only_default_tags, read_tags
from governor.sources.terraform_plan.withhold import SENSITIVE, WITHHELD, Withholder, scrub
from governor.workers import ahead

STAGE: Stage = "plan"
READERS = {**aws.READERS, **azure.READERS, **google.READERS, **model_providers.READERS}

_CHANGES: dict[frozenset[str], Change] = {
    frozenset({"no-op"}): "none",
    frozenset({"create"}): "create",
    frozenset({"update"}): "update",
    frozenset({"delete"}): "delete",
    frozenset({"forget"}): "forget",
    frozenset({"delete", "create"}): "replace",
    frozenset({"forget", "create"}): "replace",
}
UNMISTAKABLE = 20
"""Characters from which on a sensitive value is sought in all facts, not only where it is marked."""
_LARGE = 4_000_000
"""Bytes of a plan from which on a second process saves more than it costs."""
_NOT_MANAGED = frozenset({"data", "ephemeral"})
_decode = msgspec.json.Decoder().decode


def takes(path: Path, piped: bytes) -> bool:
    """Any file, and standard input: what is no plan is told so."""
    return not path.is_dir()


def collect(
    data: bytes, *, place: str, prices: PriceBook, locator: Locator | None = None, keep_document: bool = False
) -> Inventory:
    """Read a plan. `place` names it in messages; `locator` finds files and lines when the HCL is at hand.

    Everything that exists after the plan is a resource, whatever changes about it; what the plan deletes or forgets
    is in `removed`. With `keep_document` the inventory holds the plan as it was written, too, for policies that read
    that. Raises Refusal for anything that is no plan.
    """
    inventory, collector = read(data, place=place, prices=prices, locator=locator)
    return msgspec.structs.replace(inventory, document=collector.document) if keep_document else inventory


def read(data: bytes, *, place: str, prices: PriceBook, locator: Locator | None = None) -> tuple[Inventory, Collector]:
    """As `collect`, and what collected it: `provenance` asks it where its facts come from."""
    try:
        document = plain(data, place)
        collector = Collector(decode(document, place), document, place, prices, locator)
        return collector.inventory(), collector
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(error, place) from None


class Origins(Protocol):
    """Finds where blocks are written: a `Locator`, or a source that knows it anyway."""

    def resource(self, module_address: str, type: str, name: str) -> Origin | None:
        """Where the block of a resource stands."""

    def provider(self, key: str) -> Origin | None:
        """Where a provider is configured: `aws`, `aws.west`, or `module.a:aws` inside a module."""

    def block(self, address: str) -> Origin | None:
        """Where `module.a.var.b`, or another block that is no resource, stands."""


@dataclasses.dataclass(slots=True)
class Seen:
    """One change on its way to a resource."""

    resource: ResourceChange
    change: Change
    shape: Shape | None
    block: Block | None
    after: Mapping[str, Any]
    """What it will be (was, when it goes), without what is sensitive."""
    marks: Any
    before: tuple[Mapping[str, Any], Any] | None = None
    """What it was and what is withheld of that, once it has been asked for."""


class Collector:
    """Reads one plan."""

    def __init__(self, plan: Plan, data: bytes, place: str, prices: PriceBook, locator: Origins | None) -> None:
        self._plan = plan
        self._place = place
        self._locator = locator
        blocks = Blocks(plan)
        self._blocks = blocks
        self._changes = plan.resource_changes or []
        self._withholder = Withholder(self._changes)
        self.facts = PlanFacts(blocks, Providers(plan, blocks), prices, self._changes, self._withholder)
        self.document = plan.document
        """The plan as it was written."""
        self.seen: dict[str, Seen] = {}
        """What stands in the plan and is not gone after it, by address."""
        self._screens: Sequence[re.Pattern[bytes]] = ()
        """Those that catch something in the file; a large one is searched beside all that follows."""
        large = len(data) > _LARGE
        self._screening = ahead(lambda: ai_keys.screens_for(data)) if large else lambda: ai_keys.screens_for(data)
        self._secrets = Secrets()
        self._secrets.of_plan(plan)
        self._shown: set[str] = set()
        self._unknowns: dict[bytes, Any] = {}
        self._written_keys: dict[Block, list[dict[str, str]]] = {}
        self._addresses_with_keys: set[str] = set()
        self._gaps = [Gap(*damage) for damage in plan.damage]
        self._not_covered: dict[str, int] = {}

    def inventory(self) -> Inventory:
        seen = self._first_look()
        self._screens = ai_keys.screens(self._screening())
        resources: dict[str, Resource] = {}
        removed: list[Resource] = []
        standing: list[Draft] = []
        for item in seen:
            address = item.resource.address
            if item.change in ("delete", "forget"):
                if item.shape:
                    removed.append(self._removed(item, item.shape))
                continue
            if address in resources:
                self._gaps.append(Gap(address, "it stands in the plan more than once: only the first was judged"))
                continue
            self.seen[address] = item
            if item.shape is None:
                self._not_covered[item.resource.type] = self._not_covered.get(item.resource.type, 0) + 1
                if found := self._ai_keys(item):
                    resources[address] = self._other(item, found)
            else:
                draft, resources[address] = self.resource(item, item.shape)
                if draft.stands_for or draft.stands_for_none:
                    standing.append(draft)
        for draft in standing:
            self._stand(draft, resources)
        if self._screens:
            self._add_written_keys(resources)
        self._secrets.values |= self._withholder.secret_keys
        # A fact is hidden only for what nobody writes by chance: a variable marked sensitive that says `us-east-1`, or
        # the name of a tag, would else take that fact out of every resource and out of every policy's sight.
        withheld = [value for value in tidy(self._secrets.values) if len(value) >= UNMISTAKABLE]
        kept, gaps = scrub(list(resources.values()), self._gaps + self._plan_gaps(), withheld)
        gone, _ = scrub(removed, [], withheld)
        if self._addresses_with_keys:
            kept = [self._without_key(resource) for resource in kept]
        return Inventory(
            stage="plan",
            resources=tuple(kept),
            removed=tuple(gone),
            gaps=tuple(gaps),
            not_covered=dict(sorted(self._not_covered.items())),
            notes=tuple(self._notes()),
            secrets=tidy(self._secrets.values | self._secrets.tag_values),
            source=f"terraform plan {self._place}"
            + (f" (Terraform {self._plan.terraform_version})" if self._plan.terraform_version else ""),
        )

    def _without_key(self, resource: Resource) -> Resource:
        """An address is known by everyone, a key by nobody: the key of a for_each may be one."""
        if resource.id not in self._addresses_with_keys:
            return resource
        for key in self._secrets.values:
            resource = msgspec.structs.replace(resource, id=resource.id.replace(key, WITHHELD))
        return resource

    def _first_look(self) -> list[Seen]:
        """Decode each change and gather what its siblings may need: regions, default tags, secrets."""
        seen: list[Seen] = []
        for resource in self._changes:
            self._secrets.of_change(resource.change)
            if resource.mode in _NOT_MANAGED:
                continue
            change = _CHANGES.get(frozenset(resource.change.actions))
            if change is None:
                actions = ", ".join(resource.change.actions)[:60] or "none"
                self._gaps.append(Gap(resource.address, f"its actions ({actions}) are not known to governor"))
                change = "update"
            if change in ("none", "update") and _is_object(resource.change.importing):
                change = "import"  # it exists already, and may be changed as it is taken in
            gone = change in ("delete", "forget")
            shape = SHAPES.get(resource.type)
            block = self._blocks.find(resource.module_address, resource.type, resource.name)
            if gone:
                values, marks = self._withholder.before(resource.change) if shape else ({}, None)
            else:
                values, marks = self._withholder.after(resource.change)
                if not _is_object(resource.change.after):
                    self._gaps.append(Gap(resource.address, "the plan does not hold what it will be"))
            item = Seen(resource, change, shape, block, values, marks)
            seen.append(item)
            if shape or resource.type.startswith("aws_"):
                self._learn(item)
        return seen

    def _learn(self, item: Seen) -> None:
        """What a resource tells of where it lies, and of its provider."""
        resource, block = item.resource, item.block
        region = self.own_region(item)
        if region and not resource.deposed:
            self.facts.own_regions[resource.address] = region
            if block and not elsewhere(block.expressions):
                self.facts.providers.saw_region(block.provider_key, region, resource.address)
        if block and block.provider_key not in self._shown:
            tags = only_default_tags(item.after, resource.change.after_unknown)
            if tags:
                self._shown.add(block.provider_key)
                self.facts.providers.saw_default_tags(block.provider_key, tags, resource.address)

    def own_region(self, item: Seen) -> str | None:
        """The region that a resource tells of itself, or told before the change."""
        resource = item.resource
        region = own_region(resource.type, item.after)
        moves = item.block is not None and elsewhere(item.block.expressions)
        if region is None and item.change in ("update", "replace", "import", "none") and not moves:
            # A place that is written and not known may be another than before; what the provider sets stays.
            before = self.before(item)[0]
            region = None if resource.type.startswith("azurerm_") else own_region(resource.type, before)
        return region

    def before(self, item: Seen) -> tuple[Mapping[str, Any], Any]:
        """What it was, and what is withheld of that."""
        item.before = item.before or self._withholder.before(item.resource.change)
        return item.before

    def place_of_provider(self, key: str) -> str:
        """`file:line` of a provider block, when the HCL is at hand."""
        found = self._locator.provider(key) if self._locator else None
        return f"{found.file}:{found.line}" if found else ""

    def resource(self, item: Seen, shape: Shape) -> tuple[Draft, Resource]:
        """All facts of a resource that follow from the plan, but for what a rule takes over from what it is about."""
        draft = self._draft(item, shape)
        return draft, self._finish(draft, item)

    def _draft(self, item: Seen, shape: Shape) -> Draft:
        unknown = self._unknown_after(item.resource.change.after_unknown)
        if not _is_object(item.resource.change.after):
            unknown = True
        draft = Draft(item.resource, shape, item.block, self.facts, item.after, unknown, item.marks)
        self._region(draft)
        read_tags(draft)
        _read(draft)
        return draft

    def _unknown_after(self, raw: msgspec.Raw) -> Any:
        """What is unknown hangs on the block more than on the instance: most instances share it to the byte."""
        text = bytes(raw)
        if text not in self._unknowns:
            self._unknowns[text] = _decode(raw)
        return self._unknowns[text]

    def _region(self, draft: Draft) -> None:
        if region := self.facts.own_regions.get(draft.resource.address):
            draft.region = region
            return
        unknown = draft.unknown_after
        hidden = unknown is True or draft.marks is not None or any(name in mapping(unknown) for name in PLACE_NAMES)
        for name in PLACE_NAMES if hidden else ():
            if (why := draft.why_unknown(name)) and (why != AFTER_APPLY or draft.written(name) is not False):
                draft.unknown["region"] = f"{name} is {why}"
                if draft.shape.provider == "gcp" or name == "region" or why != AFTER_APPLY:
                    return
        if draft.shape.provider == "azure":
            draft.unknown.setdefault("region", "its type tells no location")
        elif draft.shape.provider in ("aws", "gcp"):
            region, why = (
                self.facts.providers.region(draft.provider_key)
                if draft.block
                else (None, "the plan holds no configuration of it")
            )
            draft.region = region
            if region is None:
                draft.unknown["region"] = why

    def _finish(self, draft: Draft, item: Seen) -> Resource:
        now = cost(draft, draft.region)
        if draft.region is not None:
            draft.unknown.pop("region", None)
        if draft.marks is True:
            draft.unknown["attributes"] = SENSITIVE
        unknown = draft.unknown
        if now.why_unknown:
            unknown.setdefault("hourly_usd", now.why_unknown)
        if "hourly_usd" in unknown:
            now.hourly_usd = now.max_hourly_usd = None
        attributes = draft.attributes
        types = [type for line in draft.lines for type in line.types]
        if types:
            attributes["instance_type"] = now.price.instance_type if now.price else types[0]
            if len(types) > 1:
                attributes["instance_types"] = types
        if draft.delivered is not None:
            attributes["delivered_tags"] = draft.delivered
        if path := draft.shape.size_gib:
            if why := draft.why_unknown(path):
                unknown["attributes.size_gib"] = why
            elif size := amount(draft.get(path)):
                attributes["size_gib"] = size
        if found := self._ai_keys(item):
            attributes["ai_keys"] = found
        resource = draft.resource
        return Resource(
            id=resource.address,
            kind=draft.shape.kind,
            type=resource.type,
            provider=draft.shape.provider,
            region=draft.region,
            tags=draft.tags,
            taggable=taggable(resource.type) is not False,
            accelerator=now.accelerator or draft.accelerator,
            purchase=draft.purchase,
            count=now.count,
            max_count=now.max_count if now.max_count != now.count else None,
            price=now.price,
            hourly_usd=now.hourly_usd,
            max_hourly_usd=now.max_hourly_usd if now.max_hourly_usd != now.hourly_usd else None,
            previous_hourly_usd=self._previous(draft, item, now),
            change=item.change,
            previous_id=resource.previous_address,
            attributes=attributes,
            unknown=unknown,
            sensitive=tuple(draft.sensitive),
            origin=self.origin(resource),
        )

    def _previous(self, draft: Draft, item: Seen, now: Cost) -> Decimal | None:
        # What is forgotten when its successor is made goes on costing what it did.
        if item.change == "create" or "forget" in item.resource.change.actions:
            return None
        if item.change == "none":
            return now.hourly_usd
        return self._cost_before(item, draft.shape, draft.region)

    def _cost_before(self, item: Seen, shape: Shape, region: str | None) -> Decimal | None:
        if not shape.instance_type and not shape.reader:
            return None  # what launches nothing costs nothing that is known
        # Not kept: of a large plan that would be as much again.
        before, marks = item.before or self._withholder.before(item.resource.change)
        draft = Draft(item.resource, shape, item.block, self.facts, before, None, marks, before=True)
        draft.region = region
        _read(draft)
        if "hourly_usd" in draft.unknown:
            return None
        return cost(draft, own_region(item.resource.type, before) or region).hourly_usd

    def _removed(self, item: Seen, shape: Shape) -> Resource:
        draft = Draft(item.resource, shape, item.block, self.facts, item.after, None, item.marks, before=True)
        draft.region = own_region(item.resource.type, item.after)
        if draft.region is None:
            self._region(draft)
        read_tags(draft)
        if not shape.tags and item.resource.type == "aws_autoscaling_group":
            aws_groups.group_tags(draft)
        return Resource(
            id=item.resource.address,
            kind=shape.kind,
            type=item.resource.type,
            provider=shape.provider,
            region=draft.region,
            tags=draft.tags,
            previous_hourly_usd=self._cost_before(item, shape, draft.region),
            change=item.change,
            unknown={path: why for path, why in draft.unknown.items() if path.startswith(("tags", "region"))},
            sensitive=tuple(draft.sensitive),
        )

    def _other(self, item: Seen, found: list[dict[str, str]]) -> Resource:
        resource = item.resource
        return Resource(
            id=resource.address, kind="other", type=resource.type, provider=provider_of(resource.type), taggable=False,
            change=item.change, attributes={"ai_keys": found}, origin=self.origin(resource),
        )  # fmt: skip

    def _stand(self, draft: Draft, resources: dict[str, Resource]) -> None:
        """Give a rule about another resource that one's region and tags."""
        own = resources[draft.resource.address]
        unknown = {path: why for path, why in own.unknown.items() if not path.startswith("tags")}
        target = resources.get(draft.stands_for.address) if draft.stands_for else None
        if target is None:
            unknown["tags"] = draft.stands_for_none or "what it copies is not in this plan"
            resources[own.id] = msgspec.structs.replace(own, tags={}, unknown=unknown)
            return
        unknown.pop("region", None)
        unknown |= {path: why for path, why in target.unknown.items() if path == "region" or path.startswith("tags")}
        resources[own.id] = msgspec.structs.replace(
            own, region=target.region, tags=target.tags, unknown=unknown, sensitive=target.sensitive
        )

    def _ai_keys(self, item: Seen) -> list[dict[str, str]]:
        """Literal AI keys in what the resource will hold, and in its configuration: the plan holds user data hashed."""
        raw = item.resource.change.after
        sightings = (
            self._sightings(_decode(raw)) if self._screens and ai_keys.might_hold(bytes(raw), self._screens) else []
        )
        if not sightings and (packed := {name: item.after[name] for name in BASE64 & item.after.keys()}):
            sightings = self._sightings(packed)  # no screen sees through base64
        if item.block and self._screens:
            if item.block not in self._written_keys:
                self._written_keys[item.block] = self._sightings(item.block.expressions)
            sightings = sightings + self._written_keys[item.block]
        if self._screens and (inside := self._sightings({"address": item.resource.address})):
            sightings = sightings + inside
            self._addresses_with_keys.add(item.resource.address)
        return list({(s["place"], s["provider"]): s for s in sightings}.values())

    def _sightings(self, value: Any) -> list[dict[str, str]]:
        found = []
        for sighting, key in keys_in(value):
            self._secrets.values.add(key)
            found.append(sighting)
        return found

    def _add_written_keys(self, resources: dict[str, Resource]) -> None:
        """Literal AI keys in what is no resource: defaults of variables, provider blocks, calls of modules."""
        made = {without_indexes(change.address) for change in self._changes if change.mode == "managed"}
        for address, kind, type, sighting, key in keys_in_configuration(self._plan, made):
            self._secrets.values.add(key)
            found = resources.get(address)
            if found is None:
                origin = self._locator.block(address) if self._locator else None
                found = Resource(
                    id=address, kind=kind, type=type, provider="terraform", taggable=False, origin=origin,
                    attributes={"ai_keys": []},
                )  # fmt: skip
            known = found.attributes.get("ai_keys", [])
            resources[address] = msgspec.structs.replace(
                found, attributes={**found.attributes, "ai_keys": [*known, sighting]}
            )

    def origin(self, resource: ResourceChange) -> Origin | None:
        """Where the block of a resource is written, when the HCL is at hand."""
        return self._locator.resource(resource.module_address, resource.type, resource.name) if self._locator else None

    def _plan_gaps(self) -> list[Gap]:
        gaps = []
        if self._plan.deferred_changes:
            gaps.append(
                Gap(self._place, f"{len(self._plan.deferred_changes)} changes are deferred: they are not in this plan")
            )
        elif self._plan.complete is False:
            gaps.append(
                Gap(self._place, "the plan says that it is not complete (-target?): what it leaves out was not judged")
            )

        if self._plan.resource_changes is None and (left_out := planned_only(self._plan)):
            gaps.append(
                Gap(self._place, f"it lists no resource_changes, but {left_out} resources are planned: none was judged")
            )
        return gaps

    def _notes(self) -> list[str]:
        if not self._plan.resource_changes and not planned_only(self._plan):
            return ["the plan changes no resource (refresh only, or empty): there was nothing to judge"]
        return []


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(raw).startswith(b"{")


def _read(draft: Draft) -> None:
    """Instance types and counts, and what the type's own reader adds."""
    shape = draft.shape
    if shape.provider == "azure":
        azure.place(draft)
    if shape.instance_type and not shape.reader:
        count = draft.counts(shape.count)
        draft.launches(shape.instance_type, count, draft.counts(shape.max_count, count))
    if shape.reader:
        READERS[shape.reader](draft)


__all__ = ["AFTER_APPLY", "STAGE", "Collector", "Origins", "Seen", "collect", "read", "takes"]
