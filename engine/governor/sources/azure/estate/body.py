"""A body of Resource Manager, put together of values that may not be known.

Policies reach properties by aliases only. So what nothing tells is marked where the aliases of the type lead: `Unknown`
stands there, and what is absent is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from governor.azure_model import Unknown
from governor.catalog import azure_aliases
from governor.sources.azure.estate.azurerm import Arguments, Part, To

Tree = dict[str, Any]
"""Steps below a place, lower-case → their own tree; of what is covered, True for a place that is wholly told."""

_ALWAYS_TOLD = frozenset({"id", "name", "type", "location", "tags", "identity", "zones", "plan", "extendedlocation"})
_ROOTS: Tree = {"properties": {}, "sku": {}, "kind": {}}


class Body:
    """What is known of a body so far."""

    def __init__(self, type: str, *, absent: Unknown | None = None) -> None:
        self._type = type
        self._absent = absent
        """What stands for an argument that is not there; None: nothing does."""
        self._node: dict[str, Any] = {}
        self._told: Tree = dict.fromkeys(_ALWAYS_TOLD, True)

    def set(self, path: str, value: Any) -> None:
        """Put a value at `a.b`; None says that nothing is there."""
        _cover(self._told, path)
        _put(self._node, path, value)

    def take(
        self, values: Mapping[str, Any] | Unknown, arguments: Arguments, constants: Mapping[str, Any] = {}
    ) -> None:
        """Put the values of arguments where they go."""
        self._node |= constants_of(constants)
        for path in constants:
            _cover(self._told, path)
        _take(self._node, self._told, values, arguments, self._absent)

    def join(self, path: str, values: Iterable[Any]) -> None:
        """Put a text made of several values at a path: not known when one of them is not."""
        parts = list(values)
        unknown = next((part for part in parts if isinstance(part, Unknown)), None)
        self.set(path, unknown or "_".join(str(part) for part in parts if part is not None) or None)

    def send(self, body: Any) -> None:
        """Take over a body as it is sent."""
        if isinstance(body, dict):
            self._node |= {name: value for name, value in body.items() if value is not None}
        elif isinstance(body, Unknown):
            self.blot(body)

    def blot(self, unknown: Unknown) -> None:
        """Mark all that policies can ask for and that nothing has told so far."""
        _mark(self._node, {**_ROOTS, **_reached(self._type.lower())}, self._told, unknown)

    def mark_untold(self, unknown: Unknown) -> None:
        """The same, of types whose aliases are known."""
        _mark(self._node, _reached(self._type.lower()), self._told, unknown)

    def done(self) -> dict[str, Any]:
        """The body."""
        return {"type": self._type, **self._node}


def overlay(value: Any, marks: Any, unknown: Callable[[str], Unknown], path: str = "") -> Any:
    """The value, with an `Unknown` wherever a tree of marks (`after_unknown`, `after_sensitive`) says True."""
    if marks is True:
        return unknown(path)
    if isinstance(value, Unknown) or not _any(marks):
        return value
    if isinstance(marks, dict):
        found = dict(value) if isinstance(value, dict) else {}
        for name, mark in marks.items():
            if _any(mark):
                found[name] = overlay(found.get(name), mark, unknown, f"{path}.{name}" if path else name)
        return found
    items = list(value) if isinstance(value, list) else []
    items += [None] * (len(marks) - len(items))
    for position, mark in enumerate(marks):
        items[position] = overlay(items[position], mark, unknown, f"{path}.{position}" if path else str(position))
    return items


def constants_of(constants: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`."""
    node: dict[str, Any] = {}
    for path, value in constants.items():
        _put(node, path, value)
    return node


def _any(marks: Any) -> bool:
    if isinstance(marks, (dict, list)):
        return any(map(_any, marks.values() if isinstance(marks, dict) else marks))
    return marks is True


def _take(
    node: dict[str, Any], told: Tree, values: Mapping[str, Any] | Unknown, arguments: Arguments, absent: Unknown | None
) -> None:
    for name, goes in sorted(arguments.items(), key=lambda item: isinstance(item[1], Part)):
        value = values if isinstance(values, Unknown) else values.get(name)
        if isinstance(goes, Part):
            _part(node, told, value, goes, absent)
            continue
        to = goes if isinstance(goes, To) else To(goes)
        _cover(told, to.path)
        if value is None:
            value = absent
        elif to.change and not isinstance(value, Unknown):
            value = to.change(value)
        if value is not None and (value is not absent or not _at(node, to.path)):
            _put(node, to.path, value)


def _part(node: dict[str, Any], told: Tree, value: Any, part: Part, absent: Unknown | None) -> None:
    blocks = [value] if isinstance(value, (dict, Unknown)) else value if isinstance(value, list) else []
    blocks = [block for block in blocks if isinstance(block, (dict, Unknown))]
    if isinstance(value, Unknown) or (not part.many and any(isinstance(block, Unknown) for block in blocks)):
        _cover(told, part.path)
        _put(node, part.path, value if isinstance(value, Unknown) else blocks[0])
    elif not blocks:
        if absent and not _at(node, part.path):
            _put(node, part.path, absent)
        _cover(told, part.path)
        # Other arguments may lead into the same object: then only what the block would hold is not there.
        for goes in part.arguments.values():
            _cover(told, f"{part.path}.{goes if isinstance(goes, str) else goes.path}")
    else:
        inside = _inside(told, part.path)
        found: list[Any] = []
        for block in blocks:
            if isinstance(block, Unknown):
                found.append(block)
                continue
            own = constants_of(part.constants)
            for path in part.constants:
                _cover(inside, path)
            _take(own, inside, block, part.arguments, absent)
            found.append(own)
        _put(node, part.path, found if part.many else found[0])


def _put(node: dict[str, Any], path: str, value: Any) -> None:
    if value is None:
        return
    *steps, last = path.split(".")
    for step in steps:
        below = node.setdefault(step, {})
        if not isinstance(below, dict):
            return  # it is not known as a whole
        node = below
    if isinstance(value, dict) and isinstance(known := node.get(last), dict):
        known.update(value)
    else:
        node[last] = value


def _at(node: Any, path: str) -> Any:
    for step in path.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _cover(told: Tree, path: str) -> None:
    *steps, last = path.lower().split(".")
    for step in steps:
        below = told.setdefault(step, {})
        if below is True:
            return
        told = below
    told.setdefault(last, True)


def _inside(told: Tree, path: str) -> Tree:
    for step in path.lower().split("."):
        below = told.setdefault(step, {})
        if below is True:
            below = told[step] = {}
        told = below
    return told


@cache
def _reached(type: str) -> Tree:
    """Where the aliases of a type lead, as a tree that keeps the case of its steps."""
    tree: Tree = {}
    kind = azure_aliases.shipped().type(type)
    for alias in kind.aliases.values() if kind else ():
        node = tree
        for step in alias.path.replace("[*]", "").split("."):
            node = node.setdefault(step, {})
    return tree


def _mark(node: dict[str, Any], reached: Tree, told: Any, unknown: Unknown) -> None:
    names = {name.lower(): name for name in node}
    for step, below in reached.items():
        covered = told.get(step.lower())
        if covered is True:
            continue
        if step.lower() in names:
            value = node[names[step.lower()]]
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    _mark(inner, below, covered or {}, unknown)
        elif covered:
            inner = {}
            _mark(inner, below, covered, unknown)
            if inner:
                node[step] = inner
        else:
            node[step] = unknown
