"""Rego as checks see it: one file in, its rules with what they call, read and negate out.

The engine counts a tab as four columns and gives names as offsets in bytes; here a place is a line and a character of
it, both from 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from msgspec import Struct

from governor.languages import raw_folders, rego_engine
from governor.languages.rego_tree import Node, Ref, called, dotted, imports, kind_of, names, ref, start, walk
from governor.lint.remark import Place


class Call(Struct, frozen=True):
    """A call of a function by name."""

    name: str
    arguments: tuple[Node, ...]
    start: int


class Negation(Struct, frozen=True):
    """What stands behind a `not`."""

    node: Node
    defined: frozenset[str]
    """Paths that other lines of the body, or the rule's value, need: were one undefined, nothing would hold anyway."""


class Rule(Struct, frozen=True):
    """One definition of a rule. A rule may have several."""

    name: str
    """Dotted; steps in brackets are left out."""
    form: str
    """Set, Object, Complete, Func or Default."""
    start: int
    arity: int
    """Arguments of a function."""
    locals: frozenset[str]
    """Names that mean something of the rule's own somewhere in it."""
    chained: tuple[int, ...]
    """Offsets of bodies that follow another without `else`."""
    refs: tuple[Ref, ...]
    calls: tuple[Call, ...]
    negations: tuple[Negation, ...]
    mocks: tuple[int, ...]
    """Offsets of each `with`."""
    nodes: tuple[tuple[str, Node], ...]
    """Kind and content of every other node."""


class Module:
    """One file of Rego."""

    def __init__(self, file: Path, concern: str, tree: Node) -> None:
        self.file = file
        self.concern = concern
        """Empty where a folder holds policies of plans as Terraform wrote them: it has no concerns."""
        self.tree = tree
        self.text: str = tree["source"]["contents"]
        self.is_test = file.stem.endswith("_test")
        syntax = tree["ast"]
        self.package = dotted(ref(syntax["package"]["refr"]).path)
        self.package_start: int = ref(syntax["package"]["refr"]).start
        self.imports = imports(tree)
        self.rules = [self._rule(found) for found in syntax["rules"]]

    @cached_property
    def _bytes(self) -> bytes:
        return self.text.encode()

    @cached_property
    def _lines(self) -> list[int]:
        """Offset of the first byte of each line."""
        return [0, *accumulate(len(line) + 1 for line in self._bytes.split(b"\n"))]

    def place(self, start: int) -> Place:
        """The place of an offset."""
        line = bisect_right(self._lines, start)
        before = self._bytes[self._lines[line - 1] : start]
        return Place(self.file, line, len(before.decode(errors="replace")) + 1)

    def place_of_object(self, content: Node) -> Place:
        """The place of `{"a": 1}`. The engine gives the offset of its last key."""
        first = start(content["fields"][0][1])
        return self.place(self._bytes.rfind(b"{", 0, first))

    def path(self, rule: Rule | None, ref: Ref) -> tuple[str | None, ...]:
        """What a reference of a rule leads to, from `data` or `input` on; empty for what is the rule's own."""
        root = ref.path[0]
        if root is None or (rule and root in rule.locals):
            return ()
        if root in ("data", "input"):
            return ref.path
        for found in self.imports:
            if found.name == root:
                return found.path + ref.path[1:]
        return ("data", *self.package.split("."), *ref.path)

    def _named(self, span: Node) -> str:
        return self._bytes[span["start"] : span["end"]].decode()

    def _rule(self, found: Node) -> Rule:
        if default := found.get("Default"):
            return self._seen("Default", default, default["refr"], default["args"], [])
        spec = found["Spec"]
        ((form, head),) = spec["head"].items()
        if form == "Compr":
            form = "Object" if "RefBrack" in head["refr"] else "Complete"
        return self._seen(form, spec, head["refr"], head.get("args", []), spec["bodies"])

    def _seen(self, form: str, rule: Node, head: Node, arguments: list[Node], bodies: list[Node]) -> Rule:
        named = ref(head)
        refs: list[Ref] = []
        calls: list[Call] = []
        negations: list[Negation] = []
        mocks: list[int] = []
        nodes: list[tuple[str, Node]] = []
        own = {name for argument in arguments for name in names(argument)}
        parts = {name: part for name, part in rule.get("head", {}).get(_form(rule), {}).items() if name != "refr"}
        values = {id(body["query"]): body["assign"] if body["is_else"] else list(parts.values()) for body in bodies}
        parts |= {"index": named.indices, "bodies": bodies, "value": rule.get("value")}
        for kind, node in walk(parts):
            if kind == "Ref":
                refs.append(node)
            elif kind == "Call" and (name := called(node)):
                calls.append(Call(name, tuple(node["params"]), ref(node["fcn"]).start))
                nodes.append((kind, node))
            elif kind == "With":
                mocks.append(node["span"]["start"])
            elif kind == "Query":
                negations += _negations(node, values.get(id(node)))
            else:
                own.update(self._introduced(kind, node))
                nodes.append((kind, node))
        plain = [step for step in named.path if step is not None]
        chained = tuple(body["span"]["start"] for body in bodies[1:] if not body["is_else"])
        return Rule(
            ".".join(plain), form, named.start, len(arguments), frozenset(own), chained, tuple(refs), tuple(calls),
            tuple(negations), tuple(mocks), tuple(nodes),
        )  # fmt: skip

    def _introduced(self, kind: str, node: Node) -> set[str]:
        """Names that a node makes the rule's own."""
        if kind == "SomeIn":
            return names(node["key"]) | names(node["value"])
        if kind == "SomeVars":
            return {self._named(span) for span in node["vars"]}
        if kind == "Every":
            return {self._named(node[part]) for part in ("key", "value") if node[part]}
        if kind == "AssignExpr" and node["op"] == "ColEq":
            return names(node["lhs"])
        return set()


def read(file: Path, concern: str) -> Module:
    """Parse a file; a Refusal when it does not parse. Without a concern it may be Rego as it was before OPA 1.0."""
    return Module(file, concern, rego_engine.syntax([file])[0] if concern else raw_folders.syntax(file))


def _negations(body: Node, value: Any) -> Iterator[Negation]:
    """Each `not` of a body. What the rule's value is made of is needed, too."""
    literals = [statement["literal"] for statement in body["stmts"]]
    plain = [literal for literal in literals if kind_of(literal) not in ("NotExpr", "Every")]
    defined = frozenset(map(str, _needed([*plain, value])))
    return (Negation(literal["NotExpr"]["expr"], defined) for literal in literals if kind_of(literal) == "NotExpr")


def _needed(node: Any) -> Iterator[Ref]:
    """References without which a line does not hold: a comprehension is only empty."""
    if isinstance(node, list):
        for part in node:
            yield from _needed(part)
    elif isinstance(node, Mapping) and not (kind := kind_of(node)).endswith("Compr"):
        if kind in ("Var", "RefDot", "RefBrack"):
            if None not in (found := ref(node)).path:
                yield found
        elif kind == "Call":
            yield from _needed(node[kind]["params"])
        else:
            yield from _needed([part for name, part in node.items() if name != "span"])


def _form(rule: Node) -> str:
    return next(iter(rule.get("head", {})), "")
