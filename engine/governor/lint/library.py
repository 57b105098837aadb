"""Checks of what a library is made of: files, cards, ids, cases, data, and the facts that policies read.

Each docstring is the check's documentation in docs/lint.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any

from governor import yamlfile
from governor.catalog.attributes import ATTRIBUTES
from governor.catalog.kinds import KINDS
from governor.languages.rego import Document
from governor.languages.rego_tree import items, kind_of, ref, start, text
from governor.lint.folders import Folders
from governor.lint.rego import resources
from governor.lint.remark import Place, Remark, place_of
from governor.lint.syntax import Module, Rule
from governor.model import Resource

WIDTH = 120
_TAB = 4
_ID = re.compile(r"[A-Z]{2,6}[0-9]{3}")


def parse_error(folders: Folders) -> Iterator[Remark]:
    """A file that cannot be read: Rego, Python, `data.yaml`, `schema.json` or `cases.yaml`. The other files go on."""
    yield from folders.unread


def misplaced_file(folders: Folders) -> Iterator[Remark]:
    """A Rego file where governor does not look for policies, or a folder whose name cannot be a concern's.

    Policies lie in `FOLDER/CONCERN/`. What lies elsewhere is never asked.
    """
    yield from folders.misplaced


def duplicate_file(folders: Folders) -> Iterator[Remark]:
    """A Rego file that says, to the byte, what another says. The embedded engine loads both without a word."""
    seen: dict[str, Module] = {}
    for module in folders.modules:
        if other := seen.get(module.text):
            yield Remark(Place(module.file), f"this file is the same as {other.file}", "remove one of them")
        seen.setdefault(module.text, module)


def line_length(folders: Folders) -> Iterator[Remark]:
    """A line of Rego or Python of more than 120 columns; a tab counts as four.

    The embedded engine refuses a file with code beyond column 1,024.
    """
    for file, source in (*((m.file, m.text) for m in folders.modules), *((s.file, s.text) for s in folders.scripts)):
        for number, line in enumerate(source.split("\n"), start=1):
            columns = len(line.rstrip("\r").expandtabs(_TAB))
            if columns > WIDTH:
                yield Remark(Place(file, number, WIDTH + 1), f"this line has {columns} columns", f"keep to {WIDTH}")


def missing_card(folders: Folders) -> Iterator[Remark]:
    """A `deny` rule without a card: a METADATA block with a title, `custom.id` and `custom.severity`.

    governor asks the rules that have one, and refuses to load a `deny` rule that would be forgotten.
    """
    carded = {card.policy.rule for card in folders.cards}
    broken = {remark.place.file for remark in folders.malformed}
    for module in folders.modules:
        if not module.concern or module.is_test or module.file in broken:
            continue
        for rule in module.rules:
            name = f"data.{module.package}.{rule.name}"
            if re.match(r"deny(_|$)", rule.name) and name not in carded:
                carded.add(name)
                yield Remark(
                    module.place(rule.start),
                    f"the rule {rule.name} has no card, and would never be asked",
                    "write one above it, as docs/lint.md#malformed-card shows; a helper takes another name",
                )


def malformed_card(folders: Folders) -> Iterator[Remark]:
    """A card that governor would refuse, or that belongs to nothing it could ask.

    A whole card in Rego, and in Python:

    ```rego
    # METADATA
    # title: Names are short
    # custom:
    #   id: NAM001
    #   severity: high
    deny_long contains violation if …
    ```

    ```python
    @policy(id="NAM002", title="Names are plain", severity="low")
    def decorates(inventory: Inventory) -> Iterator[Violation]: …
    ```
    """
    yield from folders.malformed


def bad_id(folders: Folders) -> Iterator[Remark]:
    """An id that is not two to six capitals and three digits, as TAG001 is.

    Exemptions, levels and baselines name policies by it.
    """
    for card in folders.cards:
        if card.policy.id and not _ID.fullmatch(card.policy.id):
            yield Remark(
                card.place, f"{card.policy.id!r} is not like TAG001", "take two to six capitals and three digits"
            )


def duplicate_id(folders: Folders) -> Iterator[Remark]:
    """An id that another policy has, in whichever language and folder. governor refuses to load the two together."""
    seen: dict[str, Place] = {}
    for card in folders.cards:
        if other := seen.get(card.policy.id):
            message = f"the id {card.policy.id} is taken by {other.file}:{other.line}"
            yield Remark(card.place, message, "choose another")
        elif card.policy.id:
            seen[card.policy.id] = card.place


def untested_policy(folders: Folders) -> Iterator[Remark]:
    """A policy without a case that expects a finding of it, and without a `test_` rule that asks it.

    Nobody knows whether it finds anything. `governor test` runs both.
    """
    asked = {
        f"data.{'.'.join(step or '' for step in path[1:])}."
        for module, rule in folders.rules()
        if module.is_test
        for path in (module.path(rule, reference) for reference in rule.refs)
        if path
    }
    for card in folders.cards:
        tested = any(name.startswith(f"{card.policy.rule}.") for name in asked)
        if card.policy.id not in folders.expected and not tested and card.policy.concern not in folders.uncertain:
            message = f"no case expects a finding of {card.policy.id or card.policy.rule}"
            yield Remark(card.place, message, "write one into the cases.yaml beside it")


def unknown_kind(folders: Folders) -> Iterator[Remark]:
    """A kind that no resource has: in a card, or compared with a resource's `kind` in Rego.

    The policy, or the rule, never finds anything. docs/plan-facts.md lists the kinds.
    """
    fix = f"there are {', '.join(KINDS)}"
    for card in folders.cards:
        for kind in card.kinds or ():
            if kind not in KINDS:
                yield Remark(card.place, f"{card.policy.id} lists the kind {kind}, which nothing has", fix)
    for module, rule in _judging(folders):
        for _, node in rule.nodes:
            sides = [node[name] for name in ("lhs", "rhs", "value", "collection") if node.get(name)]
            if any(_is_kind(side) for side in sides):
                for side in sides:
                    for word in (side, *(items(side) or ())):
                        if (said := text(word)) is not None and said not in KINDS:
                            yield Remark(module.place(start(word)), f"nothing has the kind {said}", fix)


def unknown_attribute(folders: Folders) -> Iterator[Remark]:
    """An attribute of a resource that no source produces, or none of the kinds that the policy's card lists.

    What reads it finds nothing, or everything behind a `not`. docs/plan-facts.md lists the attributes by kind.
    """
    kinds = {id(rule): card.kinds for card in folders.cards for rule in card.rules}
    for module, rule in _judging(folders):
        for name, offset in _attributes(module, rule):
            yield from _unproduced(module.place(offset), name, kinds.get(id(rule)))
    for script in folders.scripts:
        for of, name, key in _lookups(script.tree):
            if of == "attributes":
                yield from _unproduced(script.place(key), name, None)
            elif of == "unknown" and name.startswith("attributes."):
                yield from _unproduced(script.place(key), name.split(".")[1], None)


def unknown_field(folders: Folders) -> Iterator[Remark]:
    """A field that the input, or a resource of it, does not have: `input.resource`, `resource.tag`.

    In Rego what does not exist is undefined, and the rule never holds. docs/plan-facts.md lists the fields.
    """
    inputs, fields = Document.__struct_fields__, Resource.__struct_fields__
    for module, rule in _judging(folders):
        given = resources(module, rule)
        for reference in rule.refs:
            path = module.path(rule, reference)
            field = reference.path[1] if len(reference.path) > 1 and reference.path[0] in given else None
            if path[:1] == ("input",) and len(path) > 1 and path[1] and path[1] not in inputs:
                message = f"the input has no field {path[1]}"
                yield Remark(module.place(reference.start), message, f"there are {', '.join(inputs)}")
            elif field is None and path[:2] == ("input", "resources") and len(path) > 3:
                field = path[3]
            if field and field not in fields:
                message = f"a resource has no field {field}"
                yield Remark(module.place(reference.start), message, f"there are {', '.join(fields)}")


def unresolved_reference(folders: Folders) -> Iterator[Remark]:
    """A path below `data` where nothing lies: a rule nobody wrote, or data in no `data.yaml` and no schema.

    It is undefined, and the rule that reads it never holds.
    """
    for module, rule in folders.rules():
        written = {"data", *(found.name for found in module.imports)}
        for reference in rule.refs if module.concern else ():
            path = module.path(rule, reference) if reference.path[0] in written else ()
            steps = [step for step in takewhile(bool, path[1:]) if step] if path[:1] == ("data",) else []
            if why := _leads_nowhere(folders, steps):
                yield Remark(module.place(reference.start), why, "correct the path, or write what it leads to")


def missing_schema(folders: Folders) -> Iterator[Remark]:
    """A `data.yaml` without a `schema.json` beside it, or in a folder that it overlays.

    A misspelt key in the data of an organisation then switches a rule off, and nobody is told.
    """
    for data in folders.data:
        if data.concern not in folders.schemas and data.concern not in folders.uncertain:
            yield Remark(Place(data.file), f"nothing says what the data of {data.concern} takes", "write a schema.json")


def null_in_data(folders: Folders) -> Iterator[Remark]:
    """A null in `data.yaml` that stays one, or that removes nothing.

    Rego takes null for true. As the value of a key, null removes what a folder below says of it; in a list it stays.
    """
    for data in folders.data:
        for path, in_list in _nulls(data.document, data.below, ()):
            message = "this null stays, and Rego takes it for true" if in_list else "this null removes nothing"
            place = place_of(data.file, yamlfile.place(data.file, path))
            yield Remark(place, message, "write a value, or leave it out")


def _judging(folders: Folders) -> Iterator[tuple[Module, Rule]]:
    """Rules that see governor's own input."""
    return ((module, rule) for module, rule in folders.rules() if module.concern and not module.is_test)


def _is_kind(node: Any) -> bool:
    return kind_of(node) == "RefDot" and ref(node).path[-1] == "kind" if isinstance(node, Mapping) else False


def _attributes(module: Module, rule: Rule) -> Iterator[tuple[str, int]]:
    """Attributes that a rule reads, and where."""
    for reference in rule.refs:
        path = reference.path
        for before, step in pairwise(path):
            if before == "attributes" and step:
                yield step, reference.start
            elif before == "unknown" and step and step.startswith("attributes."):
                yield step.split(".")[1], reference.start
    for kind, node in rule.nodes:
        for _, key, value in node["fields"] if kind == "Object" else ():
            if text(key) == "attribute" and (judged := text(value) or "").startswith("attributes."):
                yield judged.split(".")[1], start(value)
    for call in rule.calls:
        if call.name != "object.get" or len(call.arguments) != 3:
            continue
        of, key, _ = call.arguments
        steps = [text(item) for item in items(key) or ()]
        last = ref(of).path[-1] if kind_of(of) in ("RefDot", "Var") else None
        if last == "attributes" and (name := text(key) or (steps[0] if steps else None)):
            yield name, start(key)
        elif last != "attributes" and len(steps) > 1 and steps[0] == "attributes" and steps[1]:
            yield steps[1], start(key)


def _unproduced(place: Place, name: str, kinds: tuple[str, ...] | None) -> Iterator[Remark]:
    producing = ATTRIBUTES.get(name)
    if producing is None:
        message = f"no source produces the attribute {name}"
        yield Remark(place, message, f"there are {', '.join(ATTRIBUTES)}")
    elif kinds and not {*kinds} & {*producing}:
        message = f"none of the card's kinds has the attribute {name}"
        yield Remark(place, message, f"those that have it are {', '.join(producing)}")


def _lookups(tree: ast.AST) -> Iterator[tuple[str, str, ast.expr]]:
    """ "attributes", "model" and its node, of `x.attributes["model"]` and of `x.attributes.get("model")`."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr=of), slice=ast.Constant(value=str(name)) as key):
                yield of, name, key
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=of), attr="get"), args=[first, *_]):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield of, first.value, first


def _leads_nowhere(folders: Folders, path: Sequence[str]) -> str:
    """Why nothing lies at a path below `data`; empty when something does, or may."""
    name = ".".join(path)
    if not path:
        return ""
    if path[0] == "catalog":
        return "" if len(path) < 2 or path[1] == "regions" else f"the catalogue at data.catalog has no {path[1]}"
    if path[0] == "config":
        if len(path) < 3 or path[1] in folders.uncertain:
            return ""
        concern, key = path[1:3]
        written = folders.schemas.get(concern, {}).get("properties", {})
        if key in folders.config.get(concern, {}) or key in written:
            return ""
        return f"neither the data of {concern} nor its schema has a key {key}"
    packages = [package for package in folders.packages if f"{name}.".startswith(f"{package}.")]
    if any(f"{package}.".startswith(f"{name}.") for package in folders.packages):
        return ""
    if not packages:
        return "" if path[0] in folders.uncertain else f"nothing lies at data.{name}"
    package = max(packages, key=len)
    rest = name.removeprefix(f"{package}.")
    rules = {rule.name for _, rule in folders.packages[package]}
    if package.split(".")[0] in folders.uncertain or any(f"{rest}.".startswith(f"{rule}.") for rule in rules):
        return ""
    return "" if any(rule.startswith(f"{rest}.") for rule in rules) else f"the package {package} has no rule {rest}"


def _nulls(value: Any, below: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], bool]]:
    """Path of each null that removes nothing, and whether it stands in a list."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            under = below.get(key) if isinstance(below, Mapping) else None
            if item is None and under is None:
                yield (*path, key), False
            else:
                yield from _nulls(item, under, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if item is None:
                yield (*path, number), True
            else:
                yield from _nulls(item, None, (*path, number))
