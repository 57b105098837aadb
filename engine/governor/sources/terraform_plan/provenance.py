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
from governor.sources.terraform_plan.withhold import SENSITIVE, TAG_MAPS

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
    text: str
    """How people call it."""
    of: str = ""
    """Address of the resource it is a field of; empty when the text says all."""
    alone: bool = True
    """Whether it may decide anything without others."""
    lacking: tuple[str, str] | None = None
    """(what, whose): `region` or `default_tags` of a provider, `region` of a resource."""


_NO_FACTS = ("tags", "attributes", "unknown", "sensitive", "origins")

FACTS = tuple(name for name in Resource.__struct_fields__ if name not in _NO_FACTS)
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
                told[name] = self._told(name, causes, draft)
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

    def _causes(self, item: Seen, draft: Draft, base: Mapping[str, Any]) -> dict[str, list[_Part]]:
        """Fact → the parts without any of which it would be another; where there is none, a set of parts together."""
        causes: dict[str, list[_Part]] = {}
        parts = list(self._parts(item, draft, base))
        for part in parts:
            for name in self._changed_without(item, [part], base) if part.alone else ():
                if not any(_inside(other, part) for other in causes.get(name, ())):
                    causes.setdefault(name, []).append(part)
        left = base.keys() - causes.keys()
        for name in left & self._changed_without(item, parts, base) if left else ():
            causes[name] = self._least(item, name, parts, base)
        return causes

    def _least(self, item: Seen, name: str, parts: Sequence[_Part], base: Mapping[str, Any]) -> list[_Part]:
        """Of parts that together decide a fact, those that cannot be put back."""
        least = list(parts)
        for part in reversed(parts):
            fewer = [other for other in least if other is not part]
            if fewer and name in self._changed_without(item, fewer, base):
                least = fewer
        return least

    def _parts(self, item: Seen, draft: Draft, base: Mapping[str, Any]) -> Iterator[_Part]:
        """Everything that may be left out. What changes nothing as a whole is not taken apart."""
        address = item.resource.address
        values = {"after": item.after, "after_unknown": _unknown(item)}
        if item.change in ("update", "replace", "import", "none"):
            values["before"] = self._collector.before(item)[0]
        for tree, value in values.items():
            if not isinstance(value, dict):
                continue
            yield from self._tags(tree, value, draft)
            for key, inner in value.items():
                if key in TAG_MAPS:
                    continue
                whole = _field(address, ("change", tree, key))
                if not self._changed_without(item, [whole], base):
                    yield msgspec.structs.replace(whole, alone=False)
                    continue
                leaves = [_field(address, ("change", tree, key, *steps)) for steps in _leaves(inner)]
                yield from leaves if len(leaves) <= _MOST_LEAVES else ()
                yield whole
        yield from self._of_providers(draft)
        for (where, tree), target in list(self._watched.met.items()):
            fields = [_field(where, ("change", tree, key)) for key in target.after]
            if self._changed_without(item, fields, base):
                yield from fields
        for other in {change.address: change for change in self._watched.asked}:
            yield _lying(other)

    def _tags(self, tree: str, value: Mapping[str, Any], draft: Draft) -> Iterator[_Part]:
        """A tag stands in its own map and in the one with default tags; it comes from the first if it is in it."""
        address = self._resource.id
        maps = {name: value[name] for name in TAG_MAPS if name in value}
        keys = {key for tags in maps.values() if isinstance(tags, dict) for key in tags}
        for key in sorted(keys):
            holding = [name for name, tags in maps.items() if isinstance(tags, dict) and key in tags]
            fields = tuple(Field(address, ("change", tree, name, key)) for name in holding)
            own = next((name for name in holding if name in _OWN), "")
            if own:
                yield _Part(fields, own, of=address)
            else:
                defaults = "default_tags" if "tags_all" in holding else "default_labels"
                yield _Part(fields, f"{defaults} of provider {self._provider(draft.provider_key)}")
        for name, tags in maps.items():
            if tags and not isinstance(tags, dict):
                yield _field(address, ("change", tree, name))

    def _of_providers(self, draft: Draft) -> Iterator[_Part]:
        key = draft.provider_key
        if draft.block and draft.shape.provider in ("aws", "gcp"):
            for name in ("region", "default_tags", "default_labels"):
                found = self._watched.providers.find(name, key)
                others = [witness for witness in found.witnesses if witness != self._resource.id]
                fields = [Field("", found.written)] if found.written else []
                text = f"{name} of provider {self._provider(key)}"
                if others and not found.literal:
                    text += f" ({others[0]} shows it)"
                yield _Part((*fields, *(Field(other, ()) for other in others)), text, lacking=(name, key))

    def _provider(self, key: str) -> str:
        place = self._collector.place_of_provider(key)
        return f"{key} ({place})" if place else key

    def _changed_without(self, item: Seen, parts: Iterable[_Part], base: Mapping[str, Any]) -> set[str]:
        """The facts that would be others if these parts were not in the plan."""
        with self._leaving_out(item, parts):
            now = facts(self._read(item)[1])
        return {name for name in base.keys() | now.keys() if base.get(name) != now.get(name)}

    @contextmanager
    def _leaving_out(self, item: Seen, parts: Iterable[_Part]) -> Iterator[None]:
        change = item.resource.change
        kept = item.after, item.before, change.after_unknown
        targets = dict(self._watched.met)
        afters = {place: target.after for place, target in targets.items()}
        try:
            for part in parts:
                if part.lacking:
                    self._watched.lacking.add(part.lacking)
                for field in part.fields:
                    tree, *steps = field.path[1:] or ("",)
                    if field.address != item.resource.address:
                        if target := targets.get((field.address, str(tree))):
                            target.after = _without(target.after, steps)
                    elif tree == "after":
                        item.after = _without(item.after, steps)
                    elif tree == "before" and item.before is not None:
                        item.before = _without(item.before[0], steps), item.before[1]
                    elif tree == "after_unknown":
                        change.after_unknown = msgspec.Raw(msgspec.json.encode(_without(_unknown(item), steps)))
            yield
        finally:
            item.after, item.before, change.after_unknown = kept
            for place, target in targets.items():
                target.after = afters[place]
            self._watched.lacking.clear()

    def _told(self, name: str, causes: Mapping[str, Sequence[_Part]], draft: Draft) -> Provenance:
        path = name.removeprefix("unknown.")
        withheld = path != name and self._resource.unknown[path] == SENSITIVE
        # A value that is withheld because another resource marks it comes from where it stands.
        parts = causes.get(name) or (causes.get(path, []) if withheld else [])
        fields = tuple(dict.fromkeys(field for part in parts for field in part.fields))
        if name == "price" and self._resource.price:
            price = self._resource.price
            return Provenance(f"price book: {price.source}, as of {price.as_of}", fields)
        if name in ("hourly_usd", "max_hourly_usd"):
            return Provenance("price × count" if name == "hourly_usd" else "price × max_count", fields)
        if name.startswith("unknown."):
            if withheld and not parts:
                marks = Field(self._resource.id, ("change", "after_sensitive"))
                return Provenance("marks of what is sensitive", (marks,))
            return Provenance(self._doubt(parts, draft) or _BY_TYPE, fields)
        if name == "region" and self._resource.id in self._collector.facts.own_regions:
            # What the resource says itself wins over its provider, which may say the same.
            parts = [part for part in parts if part.of] or parts
        # That something else is not known leads to a value, and does not tell it.
        parts = [part for part in parts if all(field.path[:2] != _UNKNOWN for field in part.fields)] or parts
        if name in ("count", "max_count"):
            # Without a type there is nothing to count.
            types = causes.get("attributes.instance_type", ())
            parts = [part for part in parts if part not in types]
        return Provenance(self._named(parts) or _BY_TYPE, fields)

    def _named(self, parts: Sequence[_Part]) -> str:
        by_resource: dict[str, list[str]] = {}
        for part in parts:
            by_resource.setdefault(part.of, []).append(part.text)
        texts = []
        for address, names in by_resource.items():
            if not address:
                texts += names
                continue
            if len(names) > _MOST_NAMED:
                names = [name.partition(".")[0] for name in names]
            of = "the resource" if address == self._resource.id else address
            texts.append(f"{', '.join(dict.fromkeys(names))} of {of}")
        return "; ".join(dict.fromkeys(texts))

    def _doubt(self, parts: Sequence[_Part], draft: Draft) -> str:
        """What a value that is not known is computed from, as far as the configuration says."""
        unknown = [field.path for part in parts for field in part.fields if field.path[:2] == _UNKNOWN]
        if not unknown:
            return self._named(parts)
        written = references(draft.expression(str(unknown[0][2])))
        names = [n for n in written if not any(other.startswith((f"{n}.", f"{n}[")) for other in written)]
        computed = f", from {', '.join(dict.fromkeys(names))}" if names else ""
        return f"{self._named(parts)}{computed}"

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
_BY_TYPE = "its type: the plan says nothing else"
_UNKNOWN = ("change", "after_unknown")
_OWN = ("tags", "labels", "resource_labels", "user_labels")


class _Watched:
    """`PlanFacts` that remembers whom it was asked about, and can be made to forget."""

    def __init__(self, plan: PlanFacts) -> None:
        self._plan = plan
        self.met: dict[tuple[str, str], Target] = {}
        """By address and `before` or `after`: what a resource was, or will be."""
        self.asked: list[ResourceChange] = []
        self.lacking: set[tuple[str, str]] = set()
        """(what, whose) of what is left out beside fields."""
        self.providers = _Lacking(plan.providers, self.lacking)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plan, name)

    def targets(self, *asked: Any) -> list[Target]:
        return self._meet(self._plan.targets(*asked), asked)

    def named(self, *asked: Any) -> list[Target]:
        return self._meet(self._plan.named(*asked), asked)

    def referring(self, *asked: Any) -> list[Target]:
        return self._meet(self._plan.referring(*asked), asked)

    def region_of(self, change: ResourceChange) -> str | None:
        self.asked.append(change)
        return None if ("region", change.address) in self.lacking else self._plan.region_of(change)

    def _meet(self, found: list[Target], asked: tuple[Any, ...]) -> list[Target]:
        """Whether the past is asked about comes last, where it may be asked about."""
        tree = "before" if asked[-1] is True else "after"
        for target in found:
            self.met.setdefault((target.resource.address, tree), target)
        return found


class _Lacking:
    """`Providers` without what is left out."""

    def __init__(self, providers: Providers, lacking: set[tuple[str, str]]) -> None:
        self._providers = providers
        self._lacking = lacking

    def find(self, name: str, key: str) -> Found[Any]:
        return self._providers.find_region(key) if name == "region" else self._providers.find_defaults(key, name)

    def region(self, key: str) -> tuple[str | None, str]:
        return (None, "left out") if self._lacks("region", key) else self._providers.region(key)

    def default_tags(self, key: str) -> tuple[dict[str, str] | None, str]:
        return ({}, "") if self._lacks("default_tags", key) else self._providers.default_tags(key)

    def default_labels(self, key: str) -> tuple[dict[str, str] | None, str]:
        return ({}, "") if self._lacks("default_labels", key) else self._providers.default_labels(key)

    def _lacks(self, name: str, key: str) -> bool:
        return (name, key) in self._lacking


def _inside(part: _Part, whole: _Part) -> bool:
    """Whether a part is one value of an attribute that stands for all of its values."""
    one, other = part.fields[:1], whole.fields[:1]
    return (
        bool(one and other)
        and one[0].address == other[0].address
        and one != other
        and (one[0].path[: len(other[0].path)] == other[0].path != ())
    )


def _lying(address: str) -> _Part:
    return _Part((Field(address, ()),), f"where {address} lies", lacking=("region", address))


def _field(address: str, path: _Steps) -> _Part:
    """A field of a change. What it was before is told apart from what it will be."""
    text = ".".join(map(str, path[2:]))
    return _Part((Field(address, path),), f"the former {text}" if path[1] == "before" else text, of=address)


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
