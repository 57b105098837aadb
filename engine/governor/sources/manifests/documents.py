"""Bytes of YAML or JSON in, plain documents out, each with its place.

Every scalar but null and booleans stays the text it was written as: `1`, `1e3` and `"1"` are one quantity, and a label
keeps its zeros. Aliases share what they name, and are counted as often as they stand: a small file cannot become a
large one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap

MOST_VALUES = 2_000_000
"""Values that one document may hold, its aliases written out."""
DEEPEST = 200
"""Levels of nesting. libyaml's own composer has no such bound, and ends the process."""

_PLAIN = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""What is no text where it is written without quotes."""

_HELM = re.compile(
    r"\{\{-|-\}\}|\{\{\s*(?:/\*|\$|\(|\.(?:Values|Release|Chart|Capabilities|Template|Files)\b"
    r"|(?:else|end)\b|[a-z]\w*\s+[-.$(\"`\d])"
)
"""What Go templates have and Argo's `{{inputs.parameters.x}}` has not."""


class Document(Struct, frozen=True):
    """One object as it was written."""

    data: Any
    place: str
    """The file, or `standard input`."""
    line: int


def read(data: bytes, place: str) -> tuple[list[Document], list[Gap]]:
    """The documents of a file, those of a `List` one by one, and what could not be read.

    A Helm template is a gap: it is no manifest before it is rendered. Raises Refusal, with its line, for what is no
    YAML, repeats a key, or is larger than it looks.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("this file is not UTF-8 text", place=place, code=CANNOT_JUDGE) from None
    if found := _HELM.search(text):
        line = text.count("\n", 0, found.start()) + 1
        return [], [Gap(f"{place}:{line}", "a Helm template: render it first, with helm template … | governor check -")]
    return list(_documents(text, place)), []


def _documents(text: str, place: str) -> Iterator[Document]:
    try:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield from _objects(_Builder(events.__next__, place).value(next(events)), place)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and "nesting depth" in (error.problem or ""):  # a bound of PyYAML's own, which looks far ahead
            raise _too_deep(place, mark.line + 1) from None
        where = f"{place}:{mark.line + 1}:{mark.column + 1}" if mark else place
        raise Refusal(f"this is not YAML: {error.problem or error.context}", place=where, code=CANNOT_JUDGE) from None
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise Refusal(f"this is not YAML: {reason}", place=place, code=CANNOT_JUDGE) from None


class _Value(Struct):
    """A value, where it begins, and how many values it holds."""

    data: Any
    line: int
    size: int = 1
    items: list[_Value] | None = None
    """Of a sequence; of a mapping those of its `items`."""


def _objects(value: _Value, place: str) -> Iterator[Document]:
    """The objects of a document: itself, or the items of a `List`."""
    if value.items is not None and isinstance(value.data, dict) and str(value.data.get("kind")).endswith("List"):
        for item in value.items:
            yield from _objects(item, place)
    elif value.data is not None:
        yield Document(value.data, place, value.line)


def _too_deep(place: str, line: int) -> Refusal:
    return Refusal(f"this YAML is nested more than {DEEPEST} levels deep", place=f"{place}:{line}", code=CANNOT_JUDGE)


class _Builder:
    """Makes plain data of one document's events."""

    def __init__(self, following: Callable[[], Any], place: str) -> None:
        self._next = following
        self._place = place
        self._anchors: dict[str, _Value | None] = {}
        self._depth = 0
        self._size = 0

    def value(self, event: Any) -> _Value:
        """The value that begins with an event."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._count(1, line)
            made = _Value(_PLAIN.get(event.value, event.value) if event.implicit[0] else event.value, line)
        elif isinstance(event, yaml.AliasEvent):
            return self._named(str(event.anchor), line)
        else:
            if event.anchor:
                self._anchors[event.anchor] = None
            self._depth += 1
            if self._depth > DEEPEST:
                raise _too_deep(self._place, line)
            before = self._size
            self._count(1, line)
            made = self._mapping(line) if isinstance(event, yaml.MappingStartEvent) else self._sequence(line)
            made.size = self._size - before
            self._depth -= 1
        if event.anchor:
            self._anchors[event.anchor] = made
        return made

    def _named(self, anchor: str, line: int) -> _Value:
        if anchor not in self._anchors:
            raise self._refusal(f"this is not YAML: no anchor is called {anchor}", line)
        known = self._anchors[anchor]
        if known is None:
            raise self._refusal("this YAML contains itself", line)
        self._count(known.size, line)
        return known

    def _sequence(self, line: int) -> _Value:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self.value(event))
        return _Value([item.data for item in items], line, items=items)

    def _mapping(self, line: int) -> _Value:
        made: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        listed = None
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key_line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal("a key is text here, not an alias, a list or a mapping", key_line)
            key, value = event.value, self.value(self._next())
            if key == "<<" and event.implicit[0]:
                merged = self._merged(value) | merged
            elif key in made:
                raise self._refusal(f"the key {key[:60]!r} stands twice: keep one", key_line)
            else:
                made[key] = value.data
                if key == "items" and self._depth == 1:
                    listed = value.items
        return _Value(merged | made if merged else made, line, items=listed)

    def _merged(self, value: _Value) -> dict[str, Any]:
        """What `<<` brings in; of several mappings the first wins."""
        merged: dict[str, Any] = {}
        for mapping in reversed(value.data if isinstance(value.data, list) else [value.data]):
            if not isinstance(mapping, dict):
                raise self._refusal("<< takes a mapping, or a list of them", value.line)
            merged |= mapping
        return merged

    def _count(self, more: int, line: int) -> None:
        self._size += more
        if self._size > MOST_VALUES:
            raise self._refusal(f"this document holds more than {MOST_VALUES:,} values, its aliases written out", line)

    def _refusal(self, message: str, line: int) -> Refusal:
        return Refusal(message, place=f"{self._place}:{line}", code=CANNOT_JUDGE)
