"""Files of HCL in, blocks with attributes out; or a Refusal that names the line.

tree-sitter reads the text: in C, with a grammar that is kept up by others. Attributes are compiled when they are first
asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import tree_sitter_hcl
from tree_sitter import Language, Node, Parser

from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources.terraform_hcl.expressions import Compiler, Expression


class Attribute:
    """`name = expression`."""

    __slots__ = ("_expression", "file", "line", "name", "node")

    def __init__(self, name: str, node: Node, file: File) -> None:
        self.name = name
        self.node = node
        self.file = file
        self.line = node.start_point.row + 1
        self._expression: Expression | None = None

    @property
    def expression(self) -> Expression:
        if self._expression is None:
            self._expression = self.file.compiler.expression(self.node)
        return self._expression

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return self.file.text(self.node)


class Block:
    """`type "label" "label" { … }`."""

    __slots__ = ("attributes", "blocks", "file", "labels", "line", "type")

    def __init__(self, type: str, labels: list[str], line: int, file: File) -> None:
        self.type = type
        self.labels = labels
        self.line = line
        self.file = file
        self.attributes: dict[str, Attribute] = {}
        self.blocks: list[Block] = []

    def overridden_by(self, other: Block) -> None:
        """What an override file does: its arguments, and all blocks of a type it writes, take the place of ours."""
        self.attributes.update(other.attributes)
        types = {block.type for block in other.blocks}
        self.blocks = [block for block in self.blocks if block.type not in types] + other.blocks


class File:
    """One file: its text, and the name it is shown by."""

    def __init__(self, shown: str, source: bytes) -> None:
        self.shown = shown
        self.source = source
        self.compiler = Compiler(source)

    def text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode(errors="replace")

    def body(self) -> Block:
        """The file as one block without a type. Raises Refusal where it does not parse."""
        root = _parser().parse(self.source).root_node
        if root.has_error:
            # The grammar knows no exponent behind a whole number: it is shown digits only, the text stays as it is.
            digits = _EXPONENT.sub(lambda match: b"0" * len(match[0]), self.source)
            root = _parser().parse(digits).root_node
        if root.has_error:
            raise self._refusal(root)
        found = Block("", [], 1, self)
        for child in root.children:
            if child.type == "body":
                self._fill(found, child)
        return found

    def _fill(self, block: Block, body: Node) -> None:
        for node in body.children:
            if node.type == "attribute":
                name = self.text(node.children[0])
                block.attributes[name] = Attribute(name, node.children[-1], self)
            elif node.type == "block":
                children = node.children
                labels = []
                for child in children[1:]:
                    if child.type == "string_lit":
                        labels.append(self.text(child)[1:-1])
                    elif child.type == "identifier":
                        labels.append(self.text(child))
                inner = Block(self.text(children[0]), labels, node.start_point.row + 1, self)
                for child in children:
                    if child.type == "body":
                        self._fill(inner, child)
                block.blocks.append(inner)

    def _refusal(self, root: Node) -> Refusal:
        node = next(_errors(root), root)
        line = node.start_point.row + 1
        what = f"{node.type} is missing" if node.is_missing else "this is not HCL"
        return Refusal(
            f"{what}: mend it, `terraform validate` says more", place=f"{self.shown}:{line}", code=CANNOT_JUDGE
        )


_EXPONENT = re.compile(rb"(?<![\w.])[0-9]+[eE][-+]?[0-9]+(?![\w.])")


def _errors(node: Node) -> Iterator[Node]:
    """Where parsing went wrong, innermost first in the order of the text."""
    if node.is_missing:
        yield node
    for child in node.children:
        if child.has_error or child.is_missing:
            yield from _errors(child)
    if node.is_error:
        yield node


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_hcl.language()))
