"""Template expressions, of ARM templates and of Azure Policy: `[concat('a-', parameters('name'))]`, read into a tree.

Grammar and limits: Microsoft's documentation of template expressions, and of limits of templates and of Azure Policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

LONGEST = 24_576
"""Characters of one expression."""

DEEPEST = 64
"""Calls within calls."""

LONGEST_NUMBER = 300
"""Characters of a number: those of Azure have fewer than 20, and longer ones are no finite numbers."""

HIGHEST = 256
"""Calls and properties on the way to any part of an expression."""


class ExpressionError(Exception):
    """Text that is no expression; `offset` counts its characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Literal(Struct, frozen=True):
    """A value without expressions in it."""

    value: Any


class Call(Struct, frozen=True):
    """A function's call; `name` is lower-case, with the namespace where a template made it: `contoso.named`."""

    name: str
    arguments: tuple[Node, ...] = ()


class Item(Struct, frozen=True):
    """A property or an element: `resourceGroup().name`, `parameters('zones')[0]`."""

    of: Node
    key: Node


class Array(Struct, frozen=True):
    """An array with expressions among its elements."""

    items: tuple[Node, ...]


class Object(Struct, frozen=True):
    """An object with expressions among its values."""

    items: tuple[tuple[str, Node], ...]


Node = Literal | Call | Item | Array | Object


def is_expression(value: Any) -> bool:
    """Whether a value is a text in brackets whose first is not doubled."""
    return type(value) is str and value.startswith("[") and value.endswith("]") and not value.startswith("[[")


def unescaped(text: str) -> str:
    """What a text means that is no expression: without the bracket that kept it from being one."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def read(value: Any) -> Node:
    """A JSON value of a policy, with the expressions in its strings. Raises ExpressionError."""
    if type(value) is str:
        return parse(value[1:-1], 1) if is_expression(value) else Literal(unescaped(value))
    if type(value) is list and value:
        nodes = tuple(read(item) for item in value)
        if all(type(node) is Literal for node in nodes):
            return Literal([node.value for node in nodes])  # type: ignore[union-attr]
        return Array(nodes)
    if type(value) is dict and value:
        pairs = tuple((key, read(item)) for key, item in value.items())
        if all(type(node) is Literal for _, node in pairs):
            return Literal({key: node.value for key, node in pairs})  # type: ignore[union-attr]
        return Object(pairs)
    return Literal(value)


def text(node: Node) -> str:
    """The same text for the same tree, whatever its case of names and its blanks; another for every other tree."""
    if isinstance(node, Literal):
        return json.dumps(node.value, sort_keys=True)
    if isinstance(node, Call):
        return f"{node.name}({','.join(map(text, node.arguments))})"
    if isinstance(node, Item):
        return f"{text(node.of)}[{text(node.key)}]"
    if isinstance(node, Array):
        return f"[{','.join(map(text, node.items))}]"
    return "{" + ",".join(f"{json.dumps(key)}:{text(item)}" for key, item in node.items) + "}"


_SPELLED = {
    name.lower(): name
    for name in (
        "addDays", "base64ToJson", "base64ToString", "cidrHost", "cidrSubnet", "createArray", "createObject", "dataUri",
        "dataUriToString", "endsWith", "greaterOrEquals", "indexFromEnd", "indexOf", "ipRangeContains", "lastIndexOf",
        "lessOrEquals", "padLeft", "parseCidr", "requestContext", "resourceGroup", "startsWith", "toLower", "toUpper",
        "tryGet", "tryIndexFromEnd", "uniqueString", "uriComponent", "uriComponentToString", "utcNow",
    )
}  # fmt: skip
"""Lower-case → as the documentation writes it, for names of several words."""


def written(node: Node) -> str:
    """An expression as a person writes it, without the brackets around it."""
    if isinstance(node, Literal):
        quoted = isinstance(node.value, str)
        return "'" + node.value.replace("'", "''") + "'" if quoted else json.dumps(node.value, ensure_ascii=False)
    if isinstance(node, Call):
        return f"{_SPELLED.get(node.name, node.name)}({', '.join(map(written, node.arguments))})"
    if isinstance(node, Item):
        key = node.key.value if isinstance(node.key, Literal) else None
        return f"{written(node.of)}{f'.{key}' if str(key).isidentifier() and key else f'[{written(node.key)}]'}"
    if isinstance(node, Array):
        return f"[{', '.join(map(written, node.items))}]"
    return "{" + ", ".join(f"{json.dumps(key)}: {written(item)}" for key, item in node.items) + "}"


def calls(node: Node) -> Iterator[Call]:
    """Every call in it."""
    if isinstance(node, Call):
        yield node
        for argument in node.arguments:
            yield from calls(argument)
    elif isinstance(node, Item):
        yield from calls(node.of)
        yield from calls(node.key)
    elif isinstance(node, Array):
        for item in node.items:
            yield from calls(item)
    elif isinstance(node, Object):
        for _, item in node.items:
            yield from calls(item)


_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w]*)|(?P<sign>[()\[\],.-])|(?P<end>$))"
)


def parse(written: str, before: int = 0) -> Node:
    """The tree of an expression, without its brackets. `before`: characters that stand in front of it."""
    if len(written) > LONGEST:
        raise ExpressionError(f"an expression of {len(written):,} characters: at most {LONGEST:,} are allowed", before)
    return _Reader(written, before).whole()


class _Reader:
    def __init__(self, written: str, before: int) -> None:
        self._text = written
        self._before = before
        self._at = 0
        self._depth = 0
        self._height = 0
        """Of what was read last."""
        self._kind = self._token = ""
        self._start = 0
        self._next()

    def whole(self) -> Node:
        node = self._expression()
        if self._kind != "end":
            raise self._error("a comma or an operator is missing" if self._kind != "sign" else f"`{self._token}`")
        return node

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._start = self._at + len(self._text[self._at :]) - len(self._text[self._at :].lstrip())
            quote = self._text[self._start] == "'"
            raise self._error("a string that does not end" if quote else f"`{self._text[self._start]}`")
        self._kind = match.lastgroup or ""
        self._token = match[self._kind]
        self._start = match.start(self._kind)
        self._at = match.end()

    def _error(self, what: str, start: int | None = None) -> ExpressionError:
        offset = self._before + (self._start if start is None else start)
        return ExpressionError(f"{what} at character {offset + 1}", offset)

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"calls nested deeper than {DEEPEST}")
        node = self._primary()
        height = self._height
        while self._kind == "sign" and self._token in ".[":
            if height >= HIGHEST:
                raise self._error(f"more than {HIGHEST} properties of properties")
            if self._token == ".":
                node = Item(node, Literal(self._name()))
            else:
                self._next()
                node = Item(node, self._expression())
                self._take("]")
                height = max(height, self._height)
            height += 1
        self._height = height
        self._depth -= 1
        return node

    def _primary(self) -> Node:
        kind, token = self._kind, self._token
        self._height = 0
        if kind == "string":
            self._next()
            return Literal(token[1:-1].replace("''", "'"))
        if kind == "number":
            if len(token) > LONGEST_NUMBER:
                raise self._error(f"a number of {len(token):,} digits")
            self._next()
            return Literal(float(token) if "." in token else int(token))
        if kind == "name":
            start = self._start
            self._next()
            while self._kind == "sign" and self._token == ".":
                token = f"{token}.{self._name()}"
            if self._token != "(" or self._kind != "sign":
                word = {"true": True, "false": False, "null": None}
                if token.lower() in word:
                    return Literal(word[token.lower()])
                raise self._error(f"`{token}` is no call: parentheses are missing", start)
            return Call(token.lower(), self._arguments())
        if kind == "end":
            raise self._error("an expression that breaks off" if self._text.strip() else "an empty expression")
        raise self._error(f"`{token}`")

    def _name(self) -> str:
        """What stands after a dot."""
        self._next()
        name = self._token
        if self._kind != "name":
            raise self._error("a name is missing after the dot")
        self._next()
        return name

    def _arguments(self) -> tuple[Node, ...]:
        self._next()
        if self._kind == "sign" and self._token == ")":
            self._next()
            return ()
        found, height = [self._expression()], self._height
        while self._kind == "sign" and self._token == ",":
            self._next()
            found.append(self._expression())
            height = max(height, self._height)
        self._take(")")
        self._height = height + 1
        return tuple(found)

    def _take(self, sign: str) -> None:
        if self._kind != "sign" or self._token != sign:
            raise self._error(f"`{sign}` is missing")
        self._next()
