"""The parse tree of Rego in, what a rule is made of and reads out: its bodies, the rules it uses, facts it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from msgspec import Struct

from governor.languages.rego_tree import Import, Node, Ref, called, imports, items, names, ref, text, walk
from governor.model import Resource

_FACTS = frozenset(Resource.__struct_fields__)
_Steps = tuple[str, ...]


class Body(Struct, frozen=True):
    """One body of a rule."""

    path: str
    """`data.tagging.deny_missing_tag`: bodies of one rule share it."""
    file: str
    first: int
    """Line it begins in, from 1."""
    lines: tuple[str, ...]
    tree: Node
    package: str
    """`data.tagging`."""
    imports: Mapping[str, _Steps]
    """Name → what it stands for: `("data", "lib", "helpers")`."""


def bodies(modules: Iterable[Node]) -> Iterator[Body]:
    """All rules of the engine's parse trees."""
    for module in modules:
        package = ".".join(_written(ref(module["ast"]["package"]["refr"])))
        source = module["source"]
        contents = source["contents"].encode()
        written = source["contents"].split("\n")
        stand_for = {found.name: _written(found) for found in imports(module)}
        for rule in module["ast"]["rules"]:
            spec = rule.get("Spec") or rule["Default"]
            span = spec["span"]
            first = span["line"]
            last = first + contents.count(b"\n", span["start"], span["end"])
            lines = tuple(written[first - 1 : last])
            head = spec if "refr" in spec else next(iter(spec["head"].values()))
            path = f"data.{package}.{'.'.join(_written(ref(head['refr'])))}"
            yield Body(path, source["file"], first, lines, spec, f"data.{package}", stand_for)


def reached(found: Iterable[Body], path: str) -> list[Body]:
    """The bodies of a rule, then those of every rule that it uses."""
    by_path: dict[str, list[Body]] = {}
    for body in found:
        by_path.setdefault(body.path, []).append(body)
    paths = [path]
    for known in paths:
        for body in by_path.get(known, ()):
            for steps in filter(None, _references(body.tree)):
                whole = (*body.imports.get(steps[0], steps[:1]), *steps[1:])
                if whole[0] != "data":
                    whole = (*body.package.split("."), *whole)
                # A rule is named by the beginning of a reference; the rest looks into what it gives.
                names = (".".join(whole[:length]) for length in range(3, len(whole) + 1))
                paths += [name for name in dict.fromkeys(names) if name in by_path and name not in paths]
    return [body for known in paths for body in by_path.get(known, ())]


def facts_named(found: Iterable[Body]) -> frozenset[str]:
    """Paths of the facts of resources that rules name. What is looked up by a variable is named as a whole."""
    named: set[str] = set()
    for body in found:
        of_data = set(_elements_of_data(body.tree))
        for steps in _references(body.tree):
            if len(steps) > 1 and steps[0] not in ("input", "data", *of_data) and steps[1] in _FACTS:
                fact = steps[1:]
                if fact[0] in ("tags", "unknown"):  # all that follows is one key
                    fact = fact[:2]
                if fact[0] == "unknown":
                    fact = tuple(fact[1:])
                named.add(".".join(fact))
    return frozenset(named - {""})


def _references(tree: Node) -> Iterator[_Steps]:
    """Every reference and every function called, as far as they are written out: `("resource", "tags", "project")`."""
    for kind, node in walk(tree):
        if kind == "Ref":
            yield _written(node)
        elif kind == "Call" and (function := called(node)):
            yield tuple(function.split("."))
            if function == "object.get" and len(node["params"]) > 1:
                of, key, *_ = node["params"]
                yield *_written(ref(of)), *takewhile(bool, map(_word, items(key) or (key,)))


def _written(found: Ref | Import) -> _Steps:
    """The steps of a path up to the first that is not written out."""
    return tuple(takewhile(bool, (step or "" for step in found.path)))


def _word(node: Node) -> str:
    return text(node) or ""


def _elements_of_data(tree: Node) -> Iterator[str]:
    """Variables that `some … in data.…` binds: what they hold is no resource."""
    for kind, node in walk(tree):
        if kind == "SomeIn" and ref(node["collection"]).path[0] == "data":
            yield from names(node["key"]) | names(node["value"])
