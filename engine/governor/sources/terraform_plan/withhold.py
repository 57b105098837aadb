"""Sensitive values go no further than here: what a resource will be comes in, and comes out without them.

Terraform marks a value where it was written and not where the provider copies it to: `tags` is marked, `tags_all` is
not. So marks on either map count for both, and at the end every fact is searched for every secret of the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from governor.model import Gap, Resource
from governor.sources.terraform_plan.decode import Change, ResourceChange
from governor.sources.terraform_plan.reading import mapping, strings

HIDDEN_KEYS = "tags.*"
"""In marks: some tags are withheld with their keys."""
SENSITIVE = "sensitive"
WITHHELD = "(sensitive)"
TAG_MAPS = ("tags", "tags_all", "effective_labels", "terraform_labels", "labels", "resource_labels", "user_labels")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Withholder:
    """Decodes what resources were and will be, without the sensitive parts."""

    def __init__(self, changes: Sequence[ResourceChange]) -> None:
        self._changes = changes
        self._clear: set[str] | None = None
        self.secret_keys: set[str] = set()
        """Keys of tags that were withheld, too: they stood in a map marked as a whole, and nowhere else in clear."""

    def after(self, change: Change) -> tuple[Mapping[str, Any], Any]:
        """(what it will be, marks of what is withheld: None when nothing is)."""
        return self._without(change.after, change)

    def before(self, change: Change) -> tuple[Mapping[str, Any], Any]:
        """(what it was, marks of what is withheld)."""
        return self._without(change.before, change)

    def _without(self, raw: msgspec.Raw, change: Change) -> tuple[Mapping[str, Any], Any]:
        value = mapping(_decode(raw))
        if b"true" not in bytes(change.after_sensitive) and b"true" not in bytes(change.before_sensitive):
            return value, None
        marks = union(_decode(change.before_sensitive), _decode(change.after_sensitive))
        if marks is True:
            return {}, True
        marks = mapping(marks)
        kept = mapping(_pruned({k: v for k, v in value.items() if k not in TAG_MAPS}, marks))
        tags, some_hidden = self._tag_maps(value, marks)
        return {**kept, **tags}, {**marks, HIDDEN_KEYS: True} if some_hidden else marks

    def _tag_maps(self, value: Mapping[str, Any], marks: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """The maps of tags without values that either of them marks, and whether keys were left out as well."""
        maps = {name: value[name] for name in TAG_MAPS if name in value}
        keys: set[str] = set()
        hidden: set[str] = set()
        for name in TAG_MAPS:
            mark, own = marks.get(name), mapping(value.get(name))
            if mark is True:
                if self._clear is None:
                    self._clear = _clear_tag_keys(self._changes)
                keys |= own.keys()
                hidden |= own.keys() - self._clear
            elif isinstance(mark, dict):
                keys.update(key for key, marked in mark.items() if marked)
        self.secret_keys |= hidden
        if keys:
            maps = {
                name: {k: WITHHELD if k in keys else v for k, v in tags.items() if k not in hidden}
                if isinstance(tags, dict)
                else tags
                for name, tags in maps.items()
            }
        return maps, bool(hidden)


class _TagMaps(Struct, gc=False):
    """Only the maps of tags of a resource: the rest is not built."""

    tags: Any = None
    tags_all: Any = None
    effective_labels: Any = None
    terraform_labels: Any = None
    labels: Any = None
    resource_labels: Any = None
    user_labels: Any = None


_tag_maps = msgspec.json.Decoder(_TagMaps | None).decode


def _clear_tag_keys(changes: Sequence[ResourceChange]) -> set[str]:
    """Keys of tags that some resource shows in clear. A key may be the secret, too, when a whole map is marked."""
    found: set[str] = set()
    for change in changes:
        try:
            shown = _tag_maps(change.change.after)
        except msgspec.ValidationError:
            continue
        if shown is None:
            continue
        if b"true" in bytes(change.change.after_sensitive):
            marks = _decode(change.change.after_sensitive)
            if marks is True or any(mapping(marks).get(name) is True for name in TAG_MAPS):
                continue
        for name in TAG_MAPS:
            if isinstance(tags := getattr(shown, name), dict):
                found.update(tags)
    return found


def _pruned(value: Any, marks: Any) -> Any:
    if marks is True:
        return None
    if not marks:
        return value
    if isinstance(marks, dict) and isinstance(value, dict):
        return {
            key: _pruned(item, mark) if (mark := marks.get(key)) else item
            for key, item in value.items()
            if marks.get(key) is not True
        }
    if isinstance(marks, list) and isinstance(value, list):
        return [_pruned(item, marks[i] if i < len(marks) else None) for i, item in enumerate(value)]
    return value


def union(one: Any, other: Any) -> Any:
    """Marks of both trees: what either marks is marked."""
    if one is True or other is True:
        return True
    if not one or not other or one == other:
        return one or other
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: union(one.get(key), other.get(key)) for key in one.keys() | other.keys()}
    if isinstance(one, list) and isinstance(other, list):
        longest = max(len(one), len(other))
        return [union(*(tree[i] if i < len(tree) else None for tree in (one, other))) for i in range(longest)]
    return one


def scrub(resources: list[Resource], gaps: list[Gap], secrets: Sequence[str]) -> tuple[list[Resource], list[Gap]]:
    """The same facts, and none of them holds a secret. Addresses stay: they are what everything is known by."""
    if not secrets:
        return resources, gaps
    # All facts as one JSON text: written and searched in a fraction of the time it takes to look at each.
    everything = _encode((resources, gaps))
    found = [secret for secret in secrets if _encode(secret)[1:-1] in everything]
    if not found:
        return resources, gaps
    pattern = re.compile("|".join(map(re.escape, found)))
    return (
        [_scrubbed(r, pattern) if pattern.search("\0".join(_texts(r))) else r for r in resources],
        [Gap(gap.place, pattern.sub(WITHHELD, gap.reason)) for gap in gaps],
    )


def _texts(resource: Resource) -> Iterator[str]:
    yield resource.region or ""
    yield from resource.tags
    yield from resource.tags.values()
    yield from resource.unknown
    yield from resource.unknown.values()
    for name, value in resource.attributes.items():
        yield from _texts_of(name, value)


def _texts_of(attribute: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif attribute == "processing":
        yield value["selector"]  # the rest are words of ours
    else:
        yield from strings(value)
        if isinstance(value, dict):
            yield from value


def _scrubbed(resource: Resource, secret: re.Pattern[str]) -> Resource:
    unknown = {
        path: secret.sub(WITHHELD, why)
        for path, why in resource.unknown.items()
        if path.startswith("attributes.") or not secret.search(path)
    }
    sensitive = [path for path in resource.sensitive if not secret.search(path)]
    tags: dict[str, str] = {}
    for key, value in resource.tags.items():
        if secret.search(key):
            unknown["tags.*"] = SENSITIVE
        elif value != WITHHELD and secret.search(value):
            tags[key], unknown[f"tags.{key}"] = WITHHELD, SENSITIVE
            sensitive.append(f"tags.{key}")
        else:
            tags[key] = value
    attributes: dict[str, Any] = {}
    for name, value in resource.attributes.items():
        if isinstance(value, dict) and name in ("delivered_tags", "key"):
            attributes[name] = {
                key: item if item == WITHHELD or not secret.search(str(item)) else WITHHELD
                for key, item in value.items()
                if not secret.search(key)
            }
        elif name == "ai_keys":
            attributes[name] = [{**s, "place": secret.sub(WITHHELD, s["place"])} for s in value]
        elif any(secret.search(text) for text in _texts_of(name, value)):
            unknown[f"attributes.{name}"] = SENSITIVE
            sensitive.append(f"attributes.{name}")
        else:
            attributes[name] = value
    changed: dict[str, Any] = {}
    if resource.region and secret.search(resource.region):
        changed["region"], unknown["region"] = None, SENSITIVE
        sensitive.append("region")
    if changed or ("instance_type" not in attributes and "instance_type" in resource.attributes):
        # A price, and an accelerator, would tell which type it is, and where.
        changed |= {"price": None, "hourly_usd": None, "max_hourly_usd": None, "previous_hourly_usd": None}
        unknown["hourly_usd"] = SENSITIVE
    if "instance_type" not in attributes and "instance_type" in resource.attributes:
        changed["accelerator"], unknown["accelerator"] = None, SENSITIVE
    return replace(resource, tags=tags, attributes=attributes, unknown=unknown, sensitive=tuple(sensitive), **changed)
