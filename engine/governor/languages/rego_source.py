"""The parse tree of Rego in, what a rule is made of and reads out: its bodies, the rules it uses, facts it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any

from msgspec import Struct

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
    last: int
    tree: Mapping[str, Any]
    package: str
    """`data.tagging`."""
    imports: Mapping[str, _Steps]
    """Name → what it stands for: `("data", "lib", "helpers")`."""


def bodies(modules: Iterable[Mapping[str, Any]]) -> Iterator[Body]:
    """All rules of the engine's parse trees."""
    for module in modules:
        package = ".".join(_chain(module["ast"]["package"]["refr"]))
        source = module["source"]
        written = source["contents"].encode()
        imports = dict(_import(each, written) for each in module["ast"]["imports"])
        for rule in module["ast"]["rules"]:
            spec = rule.get("Spec") or rule["Default"]
            span = spec["span"]
            last = span["line"] + written.count(b"\n", span["start"], span["end"])
            head = spec if "refr" in spec else next(iter(spec["head"].values()))
            path = f"data.{package}.{'.'.join(_chain(head['refr']))}"
            yield Body(path, source["file"], span["line"], last, spec, f"data.{package}", imports)


def _import(tree: Mapping[str, Any], written: bytes) -> tuple[str, _Steps]:
    steps = _chain(tree["refr"])
    alias = tree.get("as")
    return written[alias["start"] : alias["end"]].decode() if alias else steps[-1], steps


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


def _references(tree: Any) -> Iterator[_Steps]:
    """Every reference in a tree: `("resource", "tags", "project")`, as far as it is written out."""
    if isinstance(tree, dict):
        if "Var" in tree or "RefDot" in tree or "RefBrack" in tree:
            yield _chain(tree)
            yield from _indexes(tree)
            return
        if call := tree.get("Call"):
            function = _chain(call["fcn"])
            if function == ("object", "get") and len(call["params"]) > 1:
                yield *_chain(call["params"][0]), *_path(call["params"][1])
            yield function
            yield from _references(call["params"])
            return
        for inner in tree.values():
            yield from _references(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _references(inner)


def _chain(tree: Mapping[str, Any]) -> _Steps:
    """The steps of a reference up to the first that is not written out."""
    return tuple(takewhile(lambda step: step is not None, _steps(tree)))  # type: ignore[arg-type]


def _steps(tree: Mapping[str, Any]) -> list[str | None]:
    ((form, node),) = tree.items()
    if form == "Var":
        return [str(node["value"])]
    if form == "RefDot":
        return [*_steps(node["refr"]), str(node["field"][1])]
    if form == "RefBrack":
        index = node["index"].get("String")
        return [*_steps(node["refr"]), str(index["value"]) if index else None]
    return [None]


def _indexes(tree: Mapping[str, Any]) -> Iterator[_Steps]:
    """References inside the brackets of a reference, and in what it hangs on."""
    ((form, node),) = tree.items()
    if form == "RefBrack":
        yield from _references(node["index"])
    if form in ("RefDot", "RefBrack"):
        if next(iter(node["refr"])) in ("Var", "RefDot", "RefBrack"):
            yield from _indexes(node["refr"])
        else:
            yield from _references(node["refr"])


def _path(tree: Mapping[str, Any]) -> Iterator[str]:
    """The path that object.get is given: a key, or a list of keys."""
    if "String" in tree:
        yield str(tree["String"]["value"])
    elif "Array" in tree:
        for item in tree["Array"]["items"]:
            if "String" not in item:
                return
            yield str(item["String"]["value"])


def _elements_of_data(tree: Any) -> Iterator[str]:
    """Variables that `some … in data.…` binds: what they hold is no resource."""
    if isinstance(tree, dict):
        if some := tree.get("SomeIn"):
            steps = _steps(some["collection"])
            if steps[0] == "data":
                for bound in (some["key"], some["value"]):
                    if bound and "Var" in bound:
                        yield str(bound["Var"]["value"])
        for inner in tree.values():
            yield from _elements_of_data(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _elements_of_data(inner)
