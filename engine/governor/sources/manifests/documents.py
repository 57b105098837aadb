"""Bytes of YAML or JSON in, plain documents out, each with its place.

Every scalar but null and booleans stays the text it was written as: `1`, `1e3` and `"1"` are one quantity, and a label
keeps its zeros. Aliases share what they name, and are counted as often as they stand: a small file cannot become a
large one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.yamlfile import Loader

MOST_NODES = 2_000_000
"""Values that one document may hold, its aliases written out."""

_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_STRING = "tag:yaml.org,2002:str"

_HELM = re.compile(
    r"\{\{-|-\}\}|\{\{\s*(?:/\*|\$|\(|\.(?:Values|Release|Chart|Capabilities|Template|Files)\b"
    r"|(?:include|template|if|else|range|with|end|define|toYaml|tpl|required|default|printf)\b)"
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
        for node in yaml.compose_all(text, Loader=Loader):
            yield from _objects(node, _Builder(place), place)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{place}:{mark.line + 1}:{mark.column + 1}" if mark else place
        raise Refusal(f"this is not YAML: {error.problem or error.context}", place=where, code=CANNOT_JUDGE) from None
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise Refusal(f"this is not YAML: {reason}", place=place, code=CANNOT_JUDGE) from None
    except RecursionError:
        raise Refusal("this YAML is nested too deeply", place=place, code=CANNOT_JUDGE) from None


def _objects(node: yaml.Node, builder: _Builder, place: str) -> Iterator[Document]:
    """The objects of a document: itself, or the items of a `List`."""
    data = builder.plain(node)
    if isinstance(data, dict) and _is_list(data) and isinstance(node, yaml.MappingNode):
        items = next((value for key, value in node.value if key.value == "items"), None)
        if isinstance(items, yaml.SequenceNode):
            for item in items.value:
                yield from _objects(item, builder, place)
            return
    if data is not None:
        yield Document(data, place, node.start_mark.line + 1)


def _is_list(data: dict[str, Any]) -> bool:
    kind = data.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and isinstance(data.get("items"), list)


class _Builder:
    """Makes plain data of one document's nodes."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._made: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()
        self._nodes = 0

    def plain(self, node: yaml.Node) -> Any:
        """What a node says."""
        if isinstance(node, yaml.ScalarNode):
            self._nodes += 1
            if node.tag == _STRING:
                return node.value
            if node.tag == _NULL:
                return None
            return node.value in ("true", "True", "TRUE") if node.tag == _BOOL else node.value
        known = self._made.get(id(node))
        if known is not None:
            self._count(node, known[1])
            return known[0]
        if id(node) in self._open:
            raise self._refusal(node, "this YAML contains itself")
        self._open.add(id(node))
        before = self._nodes
        self._count(node, 1)
        made = self._mapping(node) if isinstance(node, yaml.MappingNode) else [self.plain(item) for item in node.value]
        self._open.discard(id(node))
        self._made[id(node)] = made, self._nodes - before
        return made

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refusal(key, "a key is text here, not a list or a mapping")
            if key.value == "<<" and key.tag != _STRING:
                merged = self._merged(value) | merged
            elif key.value in made:
                raise self._refusal(key, f"the key {key.value[:60]!r} stands twice: keep one")
            else:
                made[key.value] = self.plain(value)
        return merged | made if merged else made

    def _merged(self, node: yaml.Node) -> dict[str, Any]:
        """What `<<` brings in; of several mappings the first wins."""
        found = self.plain(node)
        merged: dict[str, Any] = {}
        for mapping in reversed(found if isinstance(found, list) else [found]):
            if not isinstance(mapping, dict):
                raise self._refusal(node, "<< takes a mapping, or a list of them")
            merged |= mapping
        return merged

    def _count(self, node: yaml.Node, more: int) -> None:
        self._nodes += more
        if self._nodes > MOST_NODES:
            raise self._refusal(node, f"this document holds more than {MOST_NODES:,} values, its aliases written out")

    def _refusal(self, node: yaml.Node, message: str) -> Refusal:
        return Refusal(message, place=f"{self._place}:{node.start_mark.line + 1}", code=CANNOT_JUDGE)
