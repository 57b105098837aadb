"""The cards of policies, read without running anything: a file in, its policies and what is malformed in them out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from governor.errors import Refusal
from governor.languages.rego_cards import Module as Annotated
from governor.lint.remark import Place, Remark, place_of, refused
from governor.lint.syntax import Module, Rule
from governor.model import Policy

_REGO = "write title, custom.id and custom.severity as docs/lint.md#malformed-card shows"
_PYTHON = 'write @policy(id="ABC001", title="…", severity="high") above the function'
_REQUIRED = ("id", "title", "severity")
_FIELDS = {*_REQUIRED, "kinds", "stages", "remediation", "references", "together"}


class Card(Struct, frozen=True):
    """A policy, as far as its file tells."""

    policy: Policy
    place: Place
    """Of its rule or function."""
    kinds: tuple[str, ...] | None
    """None: they are computed. Empty: all."""
    rules: tuple[Rule, ...] = ()
    """In Rego: its definitions in the file of the card."""


class Script(Struct, frozen=True):
    """One file of Python."""

    file: Path
    concern: str
    text: str
    tree: ast.Module

    def place(self, node: ast.AST) -> Place:
        """The place of a node: ast counts the bytes of a line from 0."""
        line = getattr(node, "lineno", 1)
        before = self.text.split("\n")[line - 1].encode()[: getattr(node, "col_offset", 0)]
        return Place(self.file, line, len(before.decode(errors="replace")) + 1)

    def imported(self) -> dict[str, str]:
        """Name in the file → what it was imported as: `{"now": "datetime.datetime.now"}`."""
        names = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.split(".")[0]
                    names[alias.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return names


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """`datetime.date.today` of an expression, its first name resolved; empty for what is no such path."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (before := dotted(node.value, names)):
        return f"{before}.{node.attr}"
    return ""


def of_module(module: Module) -> Iterator[Card | Remark]:
    """The cards of a Rego file, and what is wrong with those that cannot be read."""
    if not module.concern or module.is_test:
        return
    try:
        annotated = Annotated(module.tree, {str(module.file): module.concern})
    except Refusal:
        return  # its package is not its folder: there is a check for that
    cards: dict[str, Card] = {}
    for mark in annotated.marks():
        try:
            policy = annotated.policy(mark)
        except Refusal as refusal:
            yield refused(module.file, refusal, _REGO)
            continue
        if policy is None:
            continue
        rules = tuple(rule for rule in module.rules if policy.rule == f"data.{module.package}.{rule.name}")
        card = Card(policy, place_of(module.file, policy.location), policy.kinds, rules)
        if other := cards.get(policy.rule):
            yield Remark(card.place, f"{policy.rule} has the card of {other.policy.id} already", "keep one of them")
        else:
            cards[policy.rule] = card
            yield card


def of_script(script: Script) -> Iterator[Card | Remark]:
    """The cards of a Python file, and what is wrong with those that would be refused, or never asked."""
    names = script.imported()
    constants: dict[str, Any] = {}
    for statement in script.tree.body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            known, value = _value(statement.value, constants)
            if known:
                constants[target.id] = value
    functions = {node.name: node for node in script.tree.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(script.tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if dotted(call, names) != "governor.policy.policy":
                continue
            if not isinstance(decorator, ast.Call):
                yield Remark(script.place(decorator), f"the card of {node.name} is empty", _PYTHON)
            elif node not in script.tree.body or isinstance(node, ast.AsyncFunctionDef):
                yield Remark(
                    script.place(node),
                    f"{node.name} is no plain function of the module: it would never be asked",
                    "move it to the top of the file, as a plain `def`",
                )
            elif functions[node.name] is not node:
                later = functions[node.name].lineno
                yield Remark(
                    script.place(node), f"{node.name} is replaced by the function of line {later}", "rename one of them"
                )
            else:
                yield _card(script, node, decorator, constants)


def _card(script: Script, function: ast.FunctionDef, card: ast.Call, constants: dict[str, Any]) -> Card | Remark:
    place = script.place(function)
    written = {keyword.arg: keyword for keyword in card.keywords if keyword.arg}
    whole = len(written) == len(card.keywords)
    if card.args:
        return Remark(script.place(card.args[0]), f"the card of {function.name} takes names only", _PYTHON)
    if missing := [name for name in _REQUIRED if name not in written and whole]:
        return Remark(script.place(card), f"the card of {function.name} has no {' and no '.join(missing)}", _PYTHON)
    if unknown := [name for name in written if name not in _FIELDS]:
        return Remark(script.place(written[unknown[0]]), f"a card has no field {unknown[0]}", _PYTHON)
    known = {name: _value(keyword.value, constants) for name, keyword in written.items()}
    facts = {name: value for name, (is_known, value) in known.items() if is_known}
    try:
        policy = msgspec.convert(
            {
                "id": "",
                "title": "",
                **facts,
                "concern": script.concern,
                "language": "python",
                "rule": function.name,
                "location": f"{script.file}:{function.lineno}",
            },
            Policy,
        )
    except msgspec.ValidationError as error:
        return Remark(script.place(card), f"the card of {function.name} is malformed: {error}", _PYTHON)
    taken = function.args
    arguments = [argument.arg for argument in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    if not arguments or arguments[0] in ("config", "today") or not {*arguments[1:]} <= {"config", "today"}:
        return Remark(
            place,
            f"{function.name} takes ({', '.join(arguments)})",
            "take (inventory), and config, today or both after it",
        )
    return Card(policy, place, policy.kinds if known.get("kinds", (True,))[0] and whole else None)


def _value(node: ast.expr, constants: dict[str, Any]) -> tuple[bool, Any]:
    """(whether it can be told, the value): literals, and names of literals above."""
    if isinstance(node, ast.Name):
        return node.id in constants, constants.get(node.id)
    if isinstance(node, (ast.Tuple, ast.List)):
        parts = [_value(part.value if isinstance(part, ast.Starred) else part, constants) for part in node.elts]
        found: list[Any] = []
        for part, (_, value) in zip(node.elts, parts, strict=True):
            found += value if isinstance(part, ast.Starred) and isinstance(value, (list, tuple)) else [value]
        return all(known for known, _ in parts), found
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None
