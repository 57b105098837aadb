"""Resources of a Terraform plan in the shape that Azure will have them in.

Three things are told apart: what an argument says, what is absent because nobody wrote it, and what is not known. That
is what Terraform learns after apply, what is sensitive, and every property that policies can ask for and that no
argument of `azurerm.TYPES` leads to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog.kinds import Shape
from governor.catalog.prices import PriceBook
from governor.catalog.tables import fold
from governor.model import Inventory
from governor.sources import terraform_plan
from governor.sources.azure.estate.azurerm import COMMON, TYPES, Mapped
from governor.sources.azure.estate.body import Body, overlay
from governor.sources.terraform_plan import UNMISTAKABLE, Collector, Seen
from governor.sources.terraform_plan.draft import Draft
from governor.sources.terraform_plan.locate import Locator
from governor.sources.terraform_plan.reading import mapping, text
from governor.sources.terraform_plan.tags import read_tags
from governor.sources.terraform_plan.withhold import SENSITIVE, WITHHELD

NOT_TOLD = "(unknown)"
"""A part of an id that the plan cannot know."""
_AZAPI = "azapi_resource"
_NOT_WRITTEN = "the code does not set it: its provider does, or Azure"
_OTHER = Shape("other", "azure")
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_GROUP = re.compile(r"/resourceGroups/([^/]+)", re.IGNORECASE)


def from_plan(data: bytes, *, place: str, locator: Locator | None = None) -> Estate:
    """The resources of Azure after a plan (`terraform show -json`). Raises Refusal for what is no plan."""
    inventory, collector = terraform_plan.read(data, place=place, prices=PriceBook.shipped(), locator=locator)
    return estate_of(collector, inventory)


def estate_of(collector: Collector, inventory: Inventory, *, of_code: bool = False) -> Estate:
    """The same of a plan that has been read, or of code that was read as one.

    With `of_code` an argument that is not written is not known, either: only a plan holds what providers fill in.
    """
    plan = _Plan(collector, of_code)
    resources = tuple(plan.resources())
    if secrets := [secret for secret in inventory.secrets if len(secret) >= UNMISTAKABLE]:
        pattern = re.compile("|".join(map(re.escape, secrets)))
        resources = tuple(_without(resource, pattern) for resource in resources)
    return Estate(
        resources=resources,
        gaps=inventory.gaps,
        notes=(*inventory.notes, *plan.notes()),
        secrets=inventory.secrets,
        source=inventory.source,
    )


class _Plan:
    """Makes the resources of one plan."""

    def __init__(self, collector: Collector, of_code: bool) -> None:
        self._collector = collector
        self._of_code = of_code
        self._drafts: dict[str, Draft] = {}
        self._ids: dict[str, str] = {}
        self._subscriptions: dict[str, str] = {}
        self._not_mapped: Counter[str] = Counter()
        for item in collector.seen.values():
            key = item.block.provider_key if item.block else ""
            if found := _SUBSCRIPTION.match(text(item.after.get("id")) or ""):
                self._subscriptions.setdefault(key, found[1])

    def resources(self) -> Iterator[ArmResource]:
        for item in self._collector.seen.values():
            type = item.resource.type
            if mapped := TYPES.get(type):
                yield self._mapped(item, mapped)
            elif type == _AZAPI:
                yield self._azapi(item)
            elif _of_azure(type):
                self._not_mapped[type] += 1

    def notes(self) -> list[str]:
        found = ", ".join(f"{type} ({count})" for type, count in sorted(self._not_mapped.items()))
        if not found and not any(_of_azure(item.resource.type) for item in self._collector.seen.values()):
            return ["it holds no resource of Azure"]
        return [f"not mapped: {found}"] if found else []

    def _mapped(self, item: Seen, mapped: Mapped) -> ArmResource:
        draft = self._draft(item)
        values = _values(draft)
        body = Body(mapped.type, absent=Unknown(_NOT_WRITTEN) if self._of_code else None)
        body.take(values, mapped.arguments, mapped.constants)
        for path in mapped.absent:
            body.set(path, None)
        for path, names in mapped.joined.items():
            body.join(path, [_value(values, name) for name in names])
        body = self._common(body, draft, values)
        if mapped.tags:
            body.set("tags", _tags(draft))
        if mapped.location == "own":
            body.set("location", _location(values))
        elif mapped.location == "parent":
            body.set("location", self._location_of_parent(draft, mapped.parent))
        body.mark_untold(Unknown(f"no argument of {item.resource.type} tells it"))
        return self._resource(item, mapped.type, body)

    def _azapi(self, item: Seen) -> ArmResource:
        """It is written in the words of Resource Manager: `type` is `Microsoft.X/y@version`, `body` what is sent."""
        draft = self._draft(item)
        values = _values(draft)
        type, _, version = (text(_value(values, "type")) or NOT_TOLD).partition("@")
        body = self._common(Body(type), draft, values)
        body.send(_sent(_value(values, "body")))
        if draft.expression("sensitive_body"):
            body.blot(Unknown(SENSITIVE))
        if _value(values, "location") is not None:
            body.set("location", _location(values))
        if _value(values, "tags") is not None:
            body.set("tags", _tags(draft))
        return self._resource(item, type, body, version)

    def _common(self, body: Body, draft: Draft, values: Mapping[str, Any] | Unknown) -> Body:
        for name, goes in COMMON.items():
            if isinstance(values, Unknown) or name in values:
                body.take(values, {name: goes})
        body.set("name", _value(values, "name"))
        return body

    def _resource(self, item: Seen, type: str, body: Body, version: str = "") -> ArmResource:
        return ArmResource(
            id=self._id(item),
            type=type,
            body=body.done(),
            address=item.resource.address,
            api_version=version,
            origin=self._collector.origin(item.resource),
        )

    def _draft(self, item: Seen) -> Draft:
        address = item.resource.address
        if address not in self._drafts:
            change = item.resource.change
            unknown = msgspec.json.decode(change.after_unknown) if bytes(change.after).startswith(b"{") else True
            shape = item.shape or _OTHER
            self._drafts[address] = Draft(
                item.resource, shape, item.block, self._collector.facts, item.after, unknown, item.marks
            )
        return self._drafts[address]

    # Ids

    def _id(self, item: Seen) -> str:
        """The id that it has, or will have, as far as the plan tells."""
        address = item.resource.address
        if address not in self._ids:
            self._ids[address] = NOT_TOLD  # where the way leads in a circle it ends here
            draft = self._draft(item)
            own = text(draft.get("id")) or ""
            self._ids[address] = own if own.startswith("/") and not draft.why_unknown("id") else self._made(draft)
        return self._ids[address]

    def _made(self, draft: Draft) -> str:
        mapped = TYPES.get(draft.resource.type)
        name = _known(draft, "name")
        if mapped is None:
            type = (text(draft.get("type")) or NOT_TOLD).partition("@")[0]
            return self._of_azapi(draft, type, name)
        if mapped.type == "Microsoft.Resources/subscriptions/resourceGroups":
            return f"/subscriptions/{self._subscription(draft)}/resourceGroups/{name}"
        if mapped.extends:
            about = self._parent(draft, mapped.extends) or f"/subscriptions/{self._subscription(draft)}/{NOT_TOLD}"
            return f"{about}/providers/{mapped.type}/{name}"
        if mapped.parent:
            above, _, last = mapped.type.rpartition("/")
            return f"{self._parent(draft, mapped.parent) or self._unknown_parent(draft, above)}/{last}/{name}"
        group = self._group(draft)
        return f"/subscriptions/{self._subscription(draft)}/resourceGroups/{group}/providers/{mapped.type}/{name}"

    def _of_azapi(self, draft: Draft, type: str, name: str) -> str:
        """`parent_id` is a subscription, a group, or the resource that it is a child of."""
        above = self._parent(draft, "parent_id")
        if type.count("/") > 1:
            parent, _, last = type.rpartition("/")
            return f"{above or self._unknown_parent(draft, parent)}/{last}/{name}"
        if type.lower() == "microsoft.resources/resourcegroups":
            return f"{above or f'/subscriptions/{self._subscription(draft)}'}/resourceGroups/{name}"
        above = above or f"/subscriptions/{self._subscription(draft)}/resourceGroups/{NOT_TOLD}"
        return f"{above}/providers/{type}/{name}"

    def _parent(self, draft: Draft, argument: str) -> str:
        """The id that an argument gives, itself or by what it refers to; empty where the plan does not tell."""
        value = "" if draft.why_unknown(argument) else text(draft.get(argument)) or ""
        if value.startswith("/"):
            return value
        if target := self._target(draft, argument):
            return self._id(target)
        mapped = TYPES.get(draft.resource.type)
        if value and mapped and not argument.endswith("_id"):
            above = mapped.type.rpartition("/")[0]
            group = self._group(draft)
            return f"/subscriptions/{self._subscription(draft)}/resourceGroups/{group}/providers/{above}/{value}"
        return ""

    def _unknown_parent(self, draft: Draft, type: str) -> str:
        provider, *types = type.split("/")
        path = "".join(f"/{step}/{NOT_TOLD}" for step in types)
        return f"/subscriptions/{self._subscription(draft)}/resourceGroups/{NOT_TOLD}/providers/{provider}{path}"

    def _target(self, draft: Draft, argument: str) -> Seen | None:
        """The one resource of Azure that an argument refers to."""
        found = {target.resource.address for target in draft.leads_to(argument)}
        seen = [item for address in found if (item := self._collector.seen.get(address))]
        if not seen and not draft.why_unknown(argument) and (id := text(draft.get(argument))):
            seen = [item for item in self._collector.seen.values() if item.after.get("id") == id]
        azure = [item for item in seen if item.resource.type in TYPES or item.resource.type == _AZAPI]
        return azure[0] if len(azure) == 1 else None

    def _group(self, draft: Draft) -> str:
        for argument in ("resource_group_name", "ai_services_hub_id"):
            value = "" if draft.why_unknown(argument) else text(draft.get(argument)) or ""
            if found := _GROUP.search(value):
                return found[1]
            if value:
                return value
            if target := self._target(draft, argument):
                found = _GROUP.search(self._id(target))
                return found[1] if found else NOT_TOLD
        return NOT_TOLD

    def _subscription(self, draft: Draft) -> str:
        key = draft.provider_key
        if key not in self._subscriptions:
            found = self._collector.facts.providers.argument(key, "subscription_id")
            self._subscriptions[key] = found or NOT_TOLD
        return self._subscriptions[key]

    def _location_of_parent(self, draft: Draft, argument: str) -> Any:
        if _value(_values(draft), "location") is not None:
            return _location(_values(draft))
        target = self._target(draft, argument)
        if target is None:
            return Unknown(f"it lies with its {argument.removesuffix('_id')}, which is not in this plan")
        return _location(_values(self._draft(target)))


def _of_azure(type: str) -> bool:
    return type.startswith(("azurerm_", "azapi_"))


def _values(draft: Draft) -> Mapping[str, Any] | Unknown:
    """What the arguments will be, an `Unknown` in place of each that is not known."""
    found = overlay(draft.after, draft.unknown_after, lambda path: Unknown(draft.reason(path)))
    found = overlay(found, draft.marks, lambda _: Unknown(SENSITIVE))
    return found if isinstance(found, Unknown) else mapping(found)


def _value(values: Mapping[str, Any] | Unknown, name: str) -> Any:
    return values if isinstance(values, Unknown) else values.get(name)


def _known(draft: Draft, argument: str) -> str:
    return NOT_TOLD if draft.why_unknown(argument) else text(draft.get(argument)) or NOT_TOLD


def _location(values: Mapping[str, Any] | Unknown) -> Any:
    value = _value(values, "location")
    return fold(value) if isinstance(value, str) else value


def _tags(draft: Draft) -> Any:
    read_tags(draft)
    for path in ("tags", "tags.*"):
        if why := draft.unknown.get(path):
            return Unknown(why)
    return {
        name: Unknown(draft.unknown[f"tags.{name}"]) if f"tags.{name}" in draft.unknown else value
        for name, value in draft.tags.items()
    } or None


def _sent(body: Any) -> Any:
    """Since azapi 2.0 an object; before, its JSON."""
    if not isinstance(body, str):
        return body
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return Unknown("its body is no JSON")


def _without(resource: ArmResource, secret: re.Pattern[str]) -> ArmResource:
    """The same, and no text of it holds a secret."""
    return replace(
        resource,
        id=secret.sub(WITHHELD, resource.id),
        address=secret.sub(WITHHELD, resource.address),
        body=_clear(resource.body, secret),
    )


def _clear(value: Any, secret: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return Unknown(SENSITIVE) if secret.search(value) else value
    if isinstance(value, dict):
        if any(secret.search(key) for key in value):
            return Unknown(SENSITIVE)
        return {key: _clear(item, secret) for key, item in value.items()}
    if isinstance(value, list):
        return [_clear(item, secret) for item in value]
    return value
