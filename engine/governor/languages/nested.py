"""Rego policies and their data, moved below one path of their own: what another engine is given.

On a server that many use, two libraries both have a package `tagging` and data at `data.config`. So what policies know
as `data` becomes `data.governor.rREVISION.library`, in their packages and wherever they say `data`. Lines stay where
they are, and rules mean what they meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from governor import cache
from governor.errors import Refusal
from governor.languages import Source, rego, rego_engine
from governor.model import Policy

LIBRARY = "library"
INVENTORIES = "inventories"
"""Where inventories lie, below `data.governor`, that are too large for one request."""

ASK = "ask"
"""The package that answers for all policies at once, beside the library."""

_ANSWER = """\
package {root}.{ask}

# All policies in one evaluation, so that what they share is worked out once. Without the data it is undefined, and
# without one of the modules it does not compile: nothing answers by halves.
answer := {{"revision": data.{root}.revision, "violations": violations}} if {{
{present}
	asked := input.asked
	inventory := _inventory
	violations := _violations with data.{root}.asked as asked with input as inventory
}}

_inventory := input.inventory if not input.parts

# Where one part is missing, nothing is answered.
_inventory := object.union(input.inventory, lists) if {{
	parts := data.governor.{inventories}[input.parts.name]
	count(parts) == input.parts.count
	lists := {{name: items |
		some name in input.parts.lists
		items := [item | some part in parts; part.list == name; some item in part.items]
	}}
}}
"""
_VIOLATIONS = """
_violations[{id}] := data.{root}.{rule} if {id} in data.{root}.asked
"""
_PRESENT = """
governor_module_{number}(_) := true
"""
"""Ends each module. A function, because no document shows those; and OPA deletes no module whose function is called."""


class Nested(Struct, frozen=True):
    """A library of Rego as a server holds it."""

    revision: str
    """64 hexadecimal digits: equal when policies and data are."""
    root: str
    """`governor.r0123456789abcdef`, the path below `data` where all of it lies."""
    modules: Mapping[str, str]
    """File → Rego. The last one is the module that answers, and compiles when all the others are there."""
    data: Mapping[str, Any]
    """The document at `root`, without the rules."""


def nest(sources: Sequence[Source], policies: Sequence[Policy], config: Mapping[str, Any]) -> Nested:
    """Move the files, all their policies and each concern's data below a path named after what they say."""
    names = dict(zip((str(source.path) for source in sources), _names(sources), strict=True))
    trees = rego_engine.syntax([source.path for source in sources])
    texts = {names[tree["source"]["file"]]: tree["source"]["contents"] for tree in trees}
    rules = {policy.id: policy.rule.removeprefix("data.") for policy in policies}
    world = rego.world(config)
    revision = cache.digest(canonical([_ANSWER, _VIOLATIONS, _PRESENT, texts, rules, world]).encode())
    root = f"governor.r{revision[:16]}"
    folder = root.replace(".", "/")
    modules = {}
    present = []
    for number, tree in enumerate(trees):
        library = f"{root}.{LIBRARY}"
        modules[f"{folder}/{LIBRARY}/{names[tree['source']['file']]}"] = (
            f"{_moved(tree, library)}{_PRESENT.format(number=number)}"
        )
        present.append(f"\tdata.{library}.{_package(tree)}.governor_module_{number}(true)")
    modules[f"{folder}/{ASK}.rego"] = _ANSWER.format(
        root=root, ask=ASK, present="\n".join(present), inventories=INVENTORIES
    ) + "".join(
        _VIOLATIONS.format(root=root, id=json.dumps(id), rule=f"{LIBRARY}.{rule}") for id, rule in sorted(rules.items())
    )
    return Nested(revision, root, modules, {"revision": revision, LIBRARY: world})


def canonical(value: Any) -> str:
    """JSON in the one form that OPA hashes: keys in order, no blanks, U+2028 and U+2029 escaped as Go does.

    https://www.openpolicyagent.org/docs/management-bundles#signature-format
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise Refusal("the data of a policy holds .nan or .inf, which JSON has no word for: write a number") from None
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _names(sources: Sequence[Source]) -> Iterator[str]:
    """`tagging/tagging.rego`: no path of this machine. The same file name of another folder gets a number."""
    seen: dict[str, int] = {}
    for source in sources:
        name = f"{source.concern}/{source.path.name}"
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{source.concern}/{seen[name]}/{source.path.name}"


def _moved(tree: Mapping[str, Any], path: str) -> str:
    """A module with its package, and every `data` in it, below the path."""
    text = tree["source"]["contents"].encode()
    (package,) = _starts(tree["ast"]["package"], None)
    inserts = {package: f"{path}.", **{start + len("data"): f".{path}" for start in _starts(tree["ast"], "data")}}
    for start, insert in sorted(inserts.items(), reverse=True):
        text = text[:start] + insert.encode() + text[start:]
    return str(text.decode())


def _package(tree: Mapping[str, Any]) -> str:
    """`names.sub`, as it is written."""
    ((_, path),) = tree["ast"]["package"]["refr"].items()
    return str(tree["source"]["contents"].encode()[path["span"]["start"] : path["span"]["end"]].decode())


def _starts(node: Any, name: str | None) -> Iterator[int]:
    """Where a variable of that name, or of any, stands in a part of the tree."""
    if isinstance(node, list):
        for item in node:
            yield from _starts(item, name)
    elif isinstance(node, dict):
        variable = node.get("Var")
        if isinstance(variable, dict) and name in (None, variable["value"]):
            yield variable["span"]["start"]
        for child in node.values():
            yield from _starts(child, name)
