"""A Terraform or OpenTofu plan (`terraform show -json`) in, an inventory out. See docs/plan-facts.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from governor.catalog import ai_keys, regions
from governor.catalog.kinds import SHAPES, Shape, provider_of
from governor.catalog.prices import PriceBook
from governor.catalog.taggable import taggable
from governor.model import Change, Gap, Inventory, Origin, Resource
from governor.sources.terraform_plan import aws, azure, google, model_providers, secrets
from governor.sources.terraform_plan.configuration import Block, Blocks
from governor.sources.terraform_plan.decode import Plan, ResourceChange, decode
from governor.sources.terraform_plan.draft import AFTER_APPLY, Cost, Draft, PlanFacts, cost
from governor.sources.terraform_plan.locate import Locator
from governor.sources.terraform_plan.providers import Providers
from governor.sources.terraform_plan.reading import amount, mapping, text
from governor.sources.terraform_plan.tags import read_tags

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
_decode = msgspec.json.Decoder().decode


def collect(data: bytes, *, place: str, prices: PriceBook, locator: Locator | None = None) -> Inventory:
    """Read a plan. `place` names it in messages; `locator` finds files and lines when the HCL is at hand.

    Everything that exists after the plan is a resource, whatever changes about it; what the plan deletes or forgets
    is in `removed`. Raises Refusal for anything that is no plan.
    """
    return _Collector(decode(data, place), data, place, prices, locator).inventory()


@dataclasses.dataclass(slots=True)
class _Seen:
    """One change on its way to a resource."""

    resource: ResourceChange
    change: Change
    shape: Shape | None
    block: Block | None
    after: Mapping[str, Any]


class _Collector:
    def __init__(self, plan: Plan, data: bytes, place: str, prices: PriceBook, locator: Locator | None) -> None:
        self._plan = plan
        self._place = place
        self._locator = locator
        blocks = Blocks(plan)
        self._blocks = blocks
        self._changes = plan.resource_changes or []
        self._facts = PlanFacts(blocks, Providers(plan, blocks), prices, self._changes)
        self._screens = ai_keys.screens_for(data)
        self._secrets: list[str] = list(secrets.of_plan(plan))
        self._written_keys: dict[Block, list[dict[str, str]]] = {}
        self._gaps: list[Gap] = []
        self._not_covered: dict[str, int] = {}

    def inventory(self) -> Inventory:
        seen = self._first_look()
        resources: dict[str, Resource] = {}
        removed: list[Resource] = []
        standing: list[Draft] = []
        for item in seen:
            if item.change in ("delete", "forget"):
                if item.shape:
                    removed.append(self._removed(item, item.shape))
                continue
            if item.shape is None:
                self._not_covered[item.resource.type] = self._not_covered.get(item.resource.type, 0) + 1
                if self._screens and (found := self._ai_keys(item)):
                    resources[item.resource.address] = self._other(item, found)
                continue
            draft = self._draft(item, item.shape)
            if draft.stands_for:
                standing.append(draft)
            resources[item.resource.address] = self._finish(draft, item)
        for draft in standing:
            self._stand(draft, resources)
        if self._screens:
            for address, found in self._variables().items():
                resources[address] = Resource(
                    id=address, kind="variable", type="variable", provider="terraform", attributes={"ai_keys": found},
                    origin=self._locator.variable(address) if self._locator else None,
                )  # fmt: skip
        return Inventory(
            stage="plan",
            resources=tuple(resources.values()),
            removed=tuple(removed),
            gaps=tuple(self._gaps + self._plan_gaps()),
            not_covered=dict(sorted(self._not_covered.items())),
            notes=tuple(self._notes()),
            secrets=secrets.tidy(self._secrets),
            source=f"terraform plan {self._place}"
            + (f" (Terraform {self._plan.terraform_version})" if self._plan.terraform_version else ""),
        )

    def _first_look(self) -> list[_Seen]:
        """Decode each change and gather what its siblings may need: regions, default tags, secrets."""
        seen: list[_Seen] = []
        providers = self._facts.providers
        shown: set[str] = set()
        for resource in self._changes:
            self._secrets.extend(secrets.of_change(resource.change))
            if resource.mode != "managed":
                continue
            change = _CHANGES.get(frozenset(resource.change.actions))
            if change is None:
                actions = ", ".join(resource.change.actions)[:60] or "none"
                self._gaps.append(Gap(resource.address, f"its actions ({actions}) are not known to governor"))
                change = "update"
            shape = SHAPES.get(resource.type)
            gone = change in ("delete", "forget")
            after = (
                mapping(_decode(resource.change.before if gone else resource.change.after)) if shape or not gone else {}
            )
            block = self._blocks.find(resource.module_address, resource.type, resource.name)
            seen.append(_Seen(resource, change, shape, block, after))
            if shape is None and not resource.type.startswith("aws_"):
                continue
            key = block.provider_key if block else ""
            region = own_region(resource.type, after)
            if region is None and not gone and change != "create":
                region = own_region(resource.type, mapping(_decode(resource.change.before)))
            if region:
                self._facts.own_regions[resource.address] = region
                if block and "region" not in block.expressions and "location" not in block.expressions:
                    providers.saw_region(key, region)
            if block and key not in shown and (tags := _only_default_tags(after, resource.change.after_unknown)):
                shown.add(key)
                providers.saw_default_tags(key, tags)
        return seen

    def _draft(self, item: _Seen, shape: Shape) -> Draft:
        raw = item.resource.change
        draft = Draft(item.resource, shape, item.block, self._facts, item.after, _decode(raw.after_unknown))
        if b"true" in bytes(raw.after_sensitive) or b"true" in bytes(raw.before_sensitive):
            draft.marks = _union(_decode(raw.before_sensitive), _decode(raw.after_sensitive))
        self._region(draft)
        read_tags(draft)
        _read(draft)
        return draft

    def _region(self, draft: Draft) -> None:
        if region := self._facts.own_regions.get(draft.resource.address):
            draft.region = region
            return
        if draft.shape.provider == "azure":
            why = draft.why_unknown("location")
            draft.unknown["region"] = f"location is {why}" if why else "its type tells no location"
        elif draft.shape.provider in ("aws", "gcp"):
            region, why = (
                self._facts.providers.region(draft.provider_key)
                if draft.block
                else (None, "the plan holds no configuration of it")
            )
            draft.region = region
            if region is None:
                draft.unknown["region"] = why

    def _finish(self, draft: Draft, item: _Seen) -> Resource:
        now = cost(draft, draft.region)
        if draft.region is not None:
            draft.unknown.pop("region", None)
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
        if draft.shape.size_gib and (size := amount(draft.get(draft.shape.size_gib))):
            attributes["size_gib"] = size
        if self._screens and (found := self._ai_keys(item)):
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
            origin=self._origin(resource),
        )

    def _previous(self, draft: Draft, item: _Seen, now: Cost) -> Decimal | None:
        if item.change == "create":
            return None
        if item.change == "none":
            return now.hourly_usd
        return self._cost_before(item, draft.shape, draft.region)

    def _cost_before(self, item: _Seen, shape: Shape, region: str | None) -> Decimal | None:
        before = mapping(_decode(item.resource.change.before))
        draft = Draft(item.resource, shape, item.block, self._facts, before, None)
        draft.region = region
        _read(draft)
        return cost(draft, own_region(item.resource.type, before) or region).hourly_usd

    def _removed(self, item: _Seen, shape: Shape) -> Resource:
        draft = Draft(item.resource, shape, item.block, self._facts, item.after, None)
        self._region(draft)
        read_tags(draft)
        return Resource(
            id=item.resource.address,
            kind=shape.kind,
            type=item.resource.type,
            provider=shape.provider,
            region=draft.region,
            tags=draft.tags,
            previous_hourly_usd=self._cost_before(item, shape, draft.region),
            change=item.change,
        )

    def _other(self, item: _Seen, found: list[dict[str, str]]) -> Resource:
        resource = item.resource
        return Resource(
            id=resource.address, kind="other", type=resource.type, provider=provider_of(resource.type), taggable=False,
            change=item.change, attributes={"ai_keys": found}, origin=self._origin(resource),
        )  # fmt: skip

    def _stand(self, draft: Draft, resources: dict[str, Resource]) -> None:
        """Give a rule about another resource that one's region and tags."""
        assert draft.stands_for is not None
        target = resources.get(draft.stands_for.address)
        if target is None:
            return
        own = resources[draft.resource.address]
        unknown = {path: why for path, why in own.unknown.items() if path != "region" and not path.startswith("tags")}
        unknown |= {path: why for path, why in target.unknown.items() if path == "region" or path.startswith("tags")}
        resources[own.id] = msgspec.structs.replace(
            own, region=target.region, tags=target.tags, unknown=unknown, sensitive=target.sensitive
        )

    def _ai_keys(self, item: _Seen) -> list[dict[str, str]]:
        """Literal AI keys in what the resource will hold, and in its configuration: the plan holds user data hashed."""
        raw = item.resource.change.after
        sightings = self._sightings(item.after) if ai_keys.might_hold(bytes(raw), self._screens) else []
        if item.block:
            if item.block not in self._written_keys:
                self._written_keys[item.block] = self._sightings(item.block.expressions)
            sightings = sightings + self._written_keys[item.block]
        return list({(s["place"], s["provider"]): s for s in sightings}.values())

    def _sightings(self, value: Any) -> list[dict[str, str]]:
        found = []
        for sighting, key in secrets.keys_in(value):
            self._secrets.append(key)
            found.append(sighting)
        return found

    def _variables(self) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = {}
        for address, sighting, key in secrets.keys_in_defaults(self._plan):
            self._secrets.append(key)
            found.setdefault(address, []).append(sighting)
        return found

    def _origin(self, resource: ResourceChange) -> Origin | None:
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
        return gaps

    def _notes(self) -> list[str]:
        if self._plan.resource_changes is None:
            return ["the plan changes no resource (refresh only, or empty): there was nothing to judge"]
        return []


def _only_default_tags(after: Mapping[str, Any], unknown: msgspec.Raw) -> dict[str, str]:
    """The default tags of its provider, when the resource has no tags of its own."""
    everything = after.get("tags_all")
    if after.get("tags") or not isinstance(everything, dict) or not everything or mapping(_decode(unknown)).get("tags"):
        return {}
    return {key: str(value) for key, value in everything.items()}


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


def _union(one: Any, other: Any) -> Any:
    """Marks of both trees: what either marks is marked."""
    if one is True or other is True:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _union(one.get(key), other.get(key)) for key in one.keys() | other.keys()}
    if isinstance(one, list) and isinstance(other, list):
        longest = max(len(one), len(other))
        return [_union(*(tree[i] if i < len(tree) else None for tree in (one, other))) for i in range(longest)]
    return one or other


__all__ = ["AFTER_APPLY", "collect"]
