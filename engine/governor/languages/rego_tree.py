"""The engine's syntax tree of Rego, as far as everybody needs it: its nodes, references, calls and imports.

The engine counts a tab as four columns and gives names as offsets in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

Node = Mapping[str, Any]
"""`{"Call": {…}}`: a node of the syntax tree, as the engine writes it."""


class Ref(Struct, frozen=True):
    """A path: `input.resources[_].id` is `("input", "resources", None, "id")`."""

    path: tuple[str | None, ...]
    """None: a step that is computed."""
    indices: tuple[Node, ...]
    """What computes them."""
    start: int
    root: Node | None = None
    """What the path starts from when that is no name: a call, an object. The path then starts with None."""

    def __str__(self) -> str:
        return "".join(
            "[…]" if step is None and number else f".{step}" if number else step or "…"
            for number, step in enumerate(self.path)
        )


class Import(Struct, frozen=True):
    """A name, and the path it stands for."""

    name: str
    path: tuple[str | None, ...]
    start: int


def walk(tree: Any) -> Iterator[tuple[str, Any]]:
    """Kind and content of every node below, outermost first.

    A reference comes as a whole (`Ref`), a body as `Query`, a `with` as `With`.
    The function of a call is no reference, nor is what a `with` replaces.
    """
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, (list, tuple)):
            todo.extend(reversed(node))
        elif isinstance(node, Mapping):
            kind = kind_of(node)
            if kind in ("Var", "RefDot", "RefBrack"):
                found = ref(node)
                yield "Ref", found
                todo.extend(reversed(found.indices))
                if found.root:
                    todo.append(found.root)
                continue
            content = node[kind] if kind else node
            if kind or "stmts" in node:
                yield kind or "Query", content
            if not isinstance(content, Mapping):
                continue
            passed = {"span", "with_mods", "fcn" if kind == "Call" and called(content) else "span"}
            todo.extend(reversed([part for name, part in content.items() if name not in passed]))
            for mock in content.get("with_mods") or ():
                yield "With", mock
                todo.append(mock["as"])


def kind_of(node: Node) -> str:
    """`Call` of `{"Call": {…}}`; empty for what is no node."""
    name = next(iter(node), "")
    return name if len(node) == 1 and name[:1].isupper() else ""


def ref(node: Node) -> Ref:
    """The whole of a reference."""
    steps: list[str | None] = []
    indices: list[Node] = []
    while True:
        kind = kind_of(node)
        content = node[kind]
        if kind == "RefDot":
            steps.append(content["field"][1])
        elif kind == "RefBrack":
            literal = text(content["index"])
            steps.append(literal)
            if literal is None:
                indices.append(content["index"])
        else:
            break
        node = content["refr"]
    named = kind == "Var"
    steps.append(content["value"] if named else None)
    return Ref(tuple(reversed(steps)), tuple(reversed(indices)), content["span"]["start"], None if named else node)


def called(call: Node) -> str:
    """The name of the function that is called; empty when it is computed."""
    found = ref(call["fcn"])
    return "" if None in found.path else ".".join(step for step in found.path if step is not None)


def text(node: Node) -> str | None:
    """The value of a string; None for anything else."""
    kind = kind_of(node)
    return str(node[kind]["value"]) if kind in ("String", "RawString") else None


def items(node: Node) -> tuple[Node, ...] | None:
    """The items of an array or set that is written out; None for anything else."""
    kind = kind_of(node)
    return tuple(node[kind]["items"]) if kind in ("Array", "Set") else None


def start(node: Any) -> int:
    """Offset of a node."""
    return ref(node).start


def dotted(path: tuple[str | None, ...]) -> str:
    """`a.b`."""
    return ".".join(step or "…" for step in path)


def names(node: Node | None) -> set[str]:
    """The plain names in a pattern."""
    return {found.path[0] for kind, found in walk(node) if kind == "Ref" and found.path[0] and len(found.path) == 1}


def imports(module: Node) -> list[Import]:
    """The imports of a file."""
    written = module["source"]["contents"].encode()
    found = []
    for node in module["ast"]["imports"]:
        path = ref(node["refr"]).path
        renamed = node.get("as")
        name = written[renamed["start"] : renamed["end"]].decode() if renamed else str(path[-1])
        found.append(Import(name, path, node["span"]["start"]))
    return found
