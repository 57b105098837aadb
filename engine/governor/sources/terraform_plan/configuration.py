"""The configuration part of a plan: which block an instance comes from, and where its references lead.

The configuration has one entry a block, the changes one an instance; they join on the address without its indexes.
Addresses are never split on dots: the keys of a for_each may hold dots, brackets and quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from governor.sources.terraform_plan.decode import Expressions, Module, Plan

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|-?\d+)\]')
_MAX_STEPS = 40
"""A guard against references that lead in a circle, which no real configuration holds."""


@cache
def without_indexes(address: str) -> str:
    """`module.team["vis.1"].aws_instance.dev[0]` → `module.team.aws_instance.dev`."""
    return _INDEX.sub("", address) if "[" in address else address


class Block(Struct, eq=False):
    """A resource block and the module it stands in (`module.a.module.b` or "")."""

    module: str
    expressions: Mapping[str, Any]
    provider_key: str


class Blocks:
    """All resource blocks of a plan's configuration."""

    def __init__(self, plan: Plan) -> None:
        self._modules: dict[str, Module] = {}
        self._calls: dict[str, Mapping[str, Any]] = {}
        self._blocks: dict[str, Block] = {}
        if plan.configuration:
            self._walk(plan.configuration.root_module, "")

    def _walk(self, module: Module, path: str) -> None:
        self._modules[path] = module
        for block in module.resources:
            address = _join(path, _address(block))
            self._blocks[address] = Block(path, block.expressions, block.provider_config_key)
        for name, call in module.module_calls.items():
            child = _join(path, f"module.{name}")
            self._calls[child] = call.expressions
            self._walk(call.module, child)

    def find(self, module_address: str, type: str, name: str, mode: str = "managed") -> Block | None:
        """The block behind an instance."""
        prefix = "data." if mode == "data" else ""
        return self._blocks.get(_join(without_indexes(module_address), f"{prefix}{type}.{name}"))

    def follow(self, block: Block, expression: Any) -> list[str]:
        """Addresses, without indexes, of the blocks that an expression leads to, through outputs and variables."""
        found: dict[str, None] = {}
        for address in self._follow(block.module, references(expression), _MAX_STEPS):
            found[address] = None
        return list(found)

    def _follow(self, module: str, names: Iterable[str], steps: int) -> Iterator[str]:
        if steps == 0:
            return
        for name in names:
            bare = without_indexes(name)
            head, _, rest = bare.partition(".")
            if head == "var":
                call = self._calls.get(module, {})
                parent = _parent(module)
                if parent is not None:
                    yield from self._follow(parent, references(call.get(rest.split(".")[0])), steps - 1)
            elif head == "module":
                child, _, output = rest.partition(".")
                inside = _join(module, f"module.{child}")
                target = self._modules.get(inside)
                if target and (written := target.outputs.get(output.split(".")[0])):
                    yield from self._follow(inside, references(written.expression), steps - 1)
            else:
                address = _join(module, bare)
                if address in self._blocks:
                    yield address


def references(expression: Any) -> list[str]:
    """The references of an expression of the configuration, wherever in it they stand."""
    if isinstance(expression, dict):
        own = expression.get("references")
        if isinstance(own, list):
            return [name for name in own if isinstance(name, str)]
        return [name for value in expression.values() for name in references(value)]
    if isinstance(expression, list):
        return [name for item in expression for name in references(item)]
    return []


def constant(expression: Any) -> Any:
    """The constant an expression is, or None."""
    return expression.get("constant_value") if isinstance(expression, dict) else None


def _address(block: Expressions) -> str:
    return f"{'data.' if block.mode == 'data' else ''}{block.type}.{block.name}"


def _join(module: str, address: str) -> str:
    return f"{module}.{address}" if module else address


def _parent(module: str) -> str | None:
    """Static module paths hold no keys, so here the dots may be split."""
    if not module:
        return None
    return ".".join(module.split(".")[:-2])
