"""Where the facts of a resource come from: what read the plan, and an address in; fact → provenance out.

Nothing is read in a second way that might disagree with the first. The same code reads the resource again without one
part of the plan after the other, and the parts without which a fact would be another are where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from msgspec import Struct

from governor.model import Resource
from governor.sources.terraform_plan import Collector, Seen
from governor.sources.terraform_plan.configuration import references
from governor.sources.terraform_plan.decode import ResourceChange
from governor.sources.terraform_plan.draft import Draft
from governor.sources.terraform_plan.providers import Found, Providers
from governor.sources.terraform_plan.siblings import PlanFacts, Target
from governor.sources.terraform_plan.withhold import TAG_MAPS

_Steps = tuple[str | int, ...]


class Field(Struct, frozen=True):
    """A place in the plan."""

    address: str
    """Of the resource it belongs to; empty: of none."""
    path: _Steps
    """Steps below the resource's change (`change`, `after`, …), or below the whole plan; empty: all of it."""


class Provenance(Struct, frozen=True):
    """Where one fact comes from."""

    text: str
    """For people: `tags of the resource`."""
    fields: tuple[Field, ...] = ()
    """Without all of these the fact would be another, or none. Empty: the plan says nothing, and a default holds."""


class _Part(Struct, frozen=True):
    """What is left out of the plan at once: the same tag stands in two maps."""

    fields: tuple[Field, ...]
    """All of one resource."""
    text: str
    """How people call it."""


FACTS = tuple(name for name in Resource.__struct_fields__ if name not in ("tags", "attributes", "unknown", "sensitive"))
"""Facts that are known by one name; of tags and attributes, each is a fact."""


def facts(resource: Resource) -> dict[str, Any]:
    """Every fact that is not the default, by its path: `tags.project`, `region`, `unknown.hourly_usd`."""
    plain = {name: value for name in FACTS if (value := getattr(resource, name)) != _DEFAULTS.get(name)}
    for name in ("tags", "attributes", "unknown"):
        plain |= {f"{name}.{key}": value for key, value in getattr(resource, name).items()}
    return plain


_DEFAULTS = {
    field.name: field.default for field in msgspec.structs.fields(Resource) if field.default is not msgspec.NODEFAULT
}


def provenance(collector: Collector, resource: Resource) -> dict[str, Provenance]:
    """The provenance of every fact of a resource that the collector found, as `facts` names them."""
    return _Search(collector, resource).found()


class _Search:
    def __init__(self, collector: Collector, resource: Resource) -> None:
        self._collector = collector
        self._resource = resource
        self._item = collector.seen.get(resource.id)
        self._watched = _Watched(collector.facts)

    def found(self) -> dict[str, Provenance]:
        told = {name: value for name in facts(self._resource) if (value := self._static(name))}
        item = self._item
        if item is None or item.shape is None:
            return told
        draft, base = self._read(item)
        causes = self._causes(item, draft, facts(base))
        for name in facts(self._resource):
            if name not in told:
                told[name] = self._told(name, causes.get(name, ()), draft)
        if draft.stands_for or draft.stands_for_none:
            told |= self._taken_over(draft)
        return told

    def _static(self, name: str) -> Provenance | None:
        """Facts whose place in the plan is always the same."""
        resource, address = self._resource, self._resource.id
        match name:
            case "id":
                return Provenance("address of the resource")
            case "type" | "kind" | "provider" | "taggable":
                return Provenance(f"the catalogue, for {resource.type}")
            case "change":
                return Provenance("change.actions of the resource", (Field(address, ("change", "actions")),))
            case "previous_id":
                return Provenance("previous_address of the resource", (Field(address, ("previous_address",)),))
            case "origin":
                return Provenance("the HCL that --source names")
            case "attributes.ai_keys":
                places = ", ".join(dict.fromkeys(sighting["place"] for sighting in resource.attributes["ai_keys"]))
                return Provenance(f"{places} of the resource")
            case _:
                return None

    def _read(self, item: Seen) -> tuple[Draft, Resource]:
        """The resource as the plan tells of it now: parts may be left out."""
        assert item.shape is not None
        regions, address = self._collector.facts.own_regions, item.resource.address
        before = regions.pop(address, None)
        if before is not None and (region := self._collector.own_region(item)):
            regions[address] = region
        plan = self._collector.facts
        self._collector.facts = cast("PlanFacts", self._watched)
        try:
            return self._collector.resource(item, item.shape)
        finally:
            self._collector.facts = plan
            if before is not None:
                regions[address] = before

    def _causes(self, item: Seen, draft: Draft, base: Mapping[str, Any]) -> dict[str, tuple[_Part, ...]]:
        """Fact → the parts without any of which it would be another; where there is none, a set of parts together."""
        causes: dict[str, list[_Part]] = {}
        parts = list(self._parts(item, draft, base))
        for part in parts:
            for name in self._changed_without(item, [part], base):
                causes.setdefault(name, []).append(part)
        left = [name for name in base if name not in causes]
        if left:
            changed = self._changed_without(item, parts, base)
            for name in left:
                if name in changed:
                    causes[name] = self._least(item, name, parts, base)
        return {name: tuple(found) for name, found in causes.items()}

    def _least(self, item: Seen, name: str, parts: Sequence[_Part], base: Mapping[str, Any]) -> list[_Part]:
        """Of parts that together decide a fact, those that cannot be put back."""
        least = list(parts)
        for part in parts:
            fewer = [other for other in least if other is not part]
            if fewer and name in self._changed_without(item, fewer, base):
                least = fewer
        return least

    def _parts(self, item: Seen, draft: Draft, base: Mapping[str, Any]) -> Iterator[_Part]:
        """Everything that may be left out. What changes nothing as a whole is not taken apart."""
        address = item.resource.address
        values = {"after": item.after, "after_unknown": _unknown(item)}
        if item.before is not None or item.change in ("update", "replace", "import"):
            values["before"] = self._collector.before(item)[0]
        for tree, value in values.items():
            if not isinstance(value, dict):
                continue
            yield from _tag_parts(address, tree, value)
            for key, inner in value.items():
                if key in TAG_MAPS:
                    continue
                whole = _part(address, ("change", tree, key))
                if self._changed_without(item, [whole], base):
                    leaves = [_part(address, ("change", tree, key, *steps)) for steps in _leaves(inner)]
                    yield from leaves if len(leaves) <= _MOST_LEAVES else [whole]
        yield from self._provider_parts(draft)
        for target in list({id(t): t for t in self._watched.met}.values()):
            where = target.resource.address
            fields = [_part(where, ("change", "after", key)) for key in target.after]
            if self._changed_without(item, fields, base):
                yield from fields
        for change in {c.address: c for c in self._watched.asked}.values():
            yield _Part((Field(change.address, ()),), f"where {change.address} lies")

    def _provider_parts(self, draft: Draft) -> Iterator[_Part]:
        key = draft.provider_key
        providers = self._collector.facts.providers
        if not draft.block or draft.shape.provider not in ("aws", "gcp"):
            return
        found = providers.find_region(key)
        yield _of_provider("region", key, found)
        for name in ("default_tags", "default_labels"):
            defaults = providers.find_defaults(key, name)
            if defaults.value or defaults.why:
                yield _of_provider(name, key, defaults)

    def _changed_without(self, item: Seen, parts: Iterable[_Part], base: Mapping[str, Any]) -> set[str]:
        """The facts that would be others if these parts were not in the plan."""
        fields = [field for part in parts for field in part.fields]
        with self._leaving_out(item, fields):
            now = facts(self._read(item)[1])
        return {name for name in base.keys() | now.keys() if base.get(name) != now.get(name)}

    @contextmanager
    def _leaving_out(self, item: Seen, fields: Sequence[Field]) -> Iterator[None]:
        change = item.resource.change
        kept = item.after, item.before, change.after_unknown
        targets = {t.resource.address: t for t in self._watched.met if not t.resource.deposed}
        afters = {address: target.after for address, target in targets.items()}
        try:
            for field in fields:
                match field.path:
                    case "change", "after", *steps if field.address == item.resource.address:
                        item.after = _without(item.after, steps)
                    case "change", "before", *steps if item.before is not None:
                        item.before = _without(item.before[0], steps), item.before[1]
                    case "change", "after_unknown", *steps:
                        change.after_unknown = msgspec.Raw(msgspec.json.encode(_without(_unknown(item), steps)))
                    case "change", "after", *steps if field.address in targets:
                        targets[field.address].after = _without(targets[field.address].after, steps)
                    case _:
                        self._watched.lacking.add(field)
            yield
        finally:
            item.after, item.before, change.after_unknown = kept
            for address, target in targets.items():
                target.after = afters[address]
            self._watched.lacking.clear()

    def _told(self, name: str, parts: Sequence[_Part], draft: Draft) -> Provenance:
        fields = tuple(dict.fromkeys(field for part in parts for field in part.fields))
        resource = self._resource
        if name == "price" and resource.price:
            return Provenance(f"price book: {resource.price.source}, as of {resource.price.as_of}", fields)
        if name in ("hourly_usd", "max_hourly_usd"):
            return Provenance("price × count" if name == "hourly_usd" else "price × max_count", fields)
        if name.startswith("unknown."):
            return Provenance(self._doubt(name.removeprefix("unknown."), parts, draft), fields)
        if not parts:
            return Provenance("a default: the plan does not say otherwise")
        text = " and ".join(dict.fromkeys(self._named(part) for part in parts[:_MOST_NAMED]))
        more = len(parts) - _MOST_NAMED
        return Provenance(f"{text} and {more} more" if more > 0 else text, fields)

    def _named(self, part: _Part) -> str:
        address = part.fields[0].address
        if not part.fields[0].path or not address:
            return part.text
        return f"{part.text} of {'the resource' if address == self._resource.id else address}"

    def _doubt(self, path: str, parts: Sequence[_Part], draft: Draft) -> str:
        """What a value that is not known is computed from, as far as the configuration says."""
        steps = [
            field.path[2:] for part in parts for field in part.fields if field.path[:2] == ("change", "after_unknown")
        ]
        name = ".".join(map(str, steps[0])) if steps else path
        expression = draft.expression("tags" if name.startswith("tags.") else name)
        names = [
            n
            for n in references(expression)
            if not any(o.startswith((f"{n}.", f"{n}[")) for o in references(expression))
        ]
        return f"{name} of the resource, from {', '.join(dict.fromkeys(names))}" if names else f"{name} of the resource"

    def _taken_over(self, draft: Draft) -> dict[str, Provenance]:
        """A rule about another resource has that one's region and tags."""
        target = draft.stands_for.address if draft.stands_for else ""
        item = self._collector.seen.get(target)
        if item is None or item.shape is None:
            return {}
        read = self._collector.resource(item, item.shape)[1]
        return {
            name: Provenance(found.text.replace("the resource", target), found.fields)
            for name, found in provenance(self._collector, read).items()
            if name == "region" or name.startswith(("tags.", "unknown.tags", "unknown.region"))
        }


_MOST_LEAVES = 60
"""Values inside one attribute beyond which it is named as a whole."""
_MOST_NAMED = 3


class _Watched:
    """`PlanFacts` that remembers whom it was asked about, and can be made to forget."""

    def __init__(self, plan: PlanFacts) -> None:
        self._plan = plan
        self.met: list[Target] = []
        self.asked: list[ResourceChange] = []
        self.lacking: set[Field] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plan, name)

    @property
    def providers(self) -> _Lacking:
        return _Lacking(self._plan.providers, self.lacking)

    def targets(self, *asked: Any) -> list[Target]:
        return self._meet(self._plan.targets(*asked))

    def named(self, *asked: Any) -> list[Target]:
        return self._meet(self._plan.named(*asked))

    def referring(self, *asked: Any) -> list[Target]:
        return self._meet(self._plan.referring(*asked))

    def region_of(self, change: ResourceChange) -> str | None:
        self.asked.append(change)
        return None if Field(change.address, ()) in self.lacking else self._plan.region_of(change)

    def _meet(self, found: list[Target]) -> list[Target]:
        if not self.lacking:
            self.met.extend(found)
        return found


class _Lacking:
    """`Providers` without what is left out."""

    def __init__(self, providers: Providers, lacking: set[Field]) -> None:
        self._providers = providers
        self._lacking = lacking

    def region(self, key: str) -> tuple[str | None, str]:
        found = self._providers.find_region(key)
        return (None, "left out") if self._lacks("region", key, found) else found[:2]

    def default_tags(self, key: str) -> tuple[dict[str, str] | None, str]:
        return self._defaults(key, "default_tags")

    def default_labels(self, key: str) -> tuple[dict[str, str] | None, str]:
        return self._defaults(key, "default_labels")

    def _defaults(self, key: str, name: str) -> tuple[dict[str, str] | None, str]:
        found = self._providers.find_defaults(key, name)
        return ({}, "") if self._lacks(name, key, found) else found[:2]

    def _lacks(self, name: str, key: str, found: Found[Any]) -> bool:
        fields = _of_provider(name, key, found).fields
        return bool(fields) and not self._lacking.isdisjoint(fields)


def _of_provider(name: str, key: str, found: Found[Any]) -> _Part:
    fields = [Field("", found.written)] if found.written else []
    fields += [Field(witness, ()) for witness in found.witnesses]
    seen = f", as {found.witnesses[0]} shows" if found.witnesses else ""
    return _Part(tuple(fields), f"{name} of provider {key}{seen}")


def _part(address: str, path: _Steps) -> _Part:
    """A field of a change. What it was before is told apart from what it will be."""
    tree, *steps = path[1:]
    text = ".".join(map(str, steps))
    return _Part((Field(address, path),), f"the former {text}" if tree == "before" else text)


def _tag_parts(address: str, tree: str, value: Mapping[str, Any]) -> Iterator[_Part]:
    """A tag stands in its own map and in the one with the provider's defaults: it comes from the first if it is in it."""
    maps = {name: value[name] for name in TAG_MAPS if name in value}
    keys = {key for tags in maps.values() if isinstance(tags, dict) for key in tags}
    for key in sorted(keys):
        holding = [name for name, tags in maps.items() if isinstance(tags, dict) and key in tags]
        own = [name for name in holding if name in _OWN]
        text = own[0] if own else f"default {'tags' if 'tags_all' in holding else 'labels'} of the provider"
        yield _Part(tuple(Field(address, ("change", tree, name, key)) for name in holding), text)
    for name, tags in maps.items():
        if tags and not isinstance(tags, dict):
            yield _part(address, ("change", tree, name))


_OWN = ("tags", "labels", "resource_labels", "user_labels")


def _unknown(item: Seen) -> Any:
    return msgspec.json.decode(item.resource.change.after_unknown)


def _leaves(value: Any, steps: _Steps = ()) -> Iterator[_Steps]:
    """Steps to every value that holds no others."""
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    if not value or not inner:
        yield steps
    else:
        for step, item in inner:
            yield from _leaves(item, (*steps, step))


def _without(value: Any, steps: Sequence[str | int]) -> Any:
    """The same, and nothing at the end of the steps; what follows it in a list keeps its place."""
    if not steps:
        return None
    step, *rest = steps
    if isinstance(value, dict) and step in value:
        if rest:
            return {**value, step: _without(value[step], rest)}
        return {key: item for key, item in value.items() if key != step}
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return [_without(item, rest) if position == step else item for position, item in enumerate(value)]
    return value
