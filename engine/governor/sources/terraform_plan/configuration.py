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
from governor.sources.terraform_plan.reading import at

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|-?\d+)\]')
_RESOURCE = re.compile(r'((?:data\.)?[\w-]+\.[\w-]+)(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?')
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
        self._plan = plan
        self._modules: dict[str, Module] = {}
        self._calls: dict[str, Mapping[str, Any]] = {}
        self._blocks: dict[str, Block] = {}
        if plan.configuration:
            self._walk(plan.configuration.root_module, "")

    def _walk(self, module: Module, path: str) -> None:
        self._modules[path] = module
        for block in module.resources:
            address = _join(path, _address(block))
            self._blocks[address] = Block(path, block.expressions, self._provider_key(path, block.provider_config_key))
        for name, call in module.module_calls.items():
            child = _join(path, f"module.{name}")
            self._calls[child] = call.expressions
            self._walk(call.module, child)

    def _provider_key(self, module: str, key: str) -> str:
        """Since Terraform 1.1 the key of a configuration; before, `name_of_module:aws`, whoever configures it."""
        configs = self._plan.configuration.provider_config if self._plan.configuration else {}
        name = key.rpartition(":")[2]
        if key in configs and (configs[key].expressions or not configs[key].module_address):
            return key
        if (own := f"{module}:{name}") in configs and configs[own].expressions:
            return own
        # What has a module belongs to it, or only says that the module needs the provider.
        of_name = [
            k for k, config in configs.items() if config.name == name.partition(".")[0] and not config.module_address
        ]
        if not of_name:
            return name
        return of_name[0] if len(of_name) == 1 else key

    def find(self, module_address: str, type: str, name: str) -> Block | None:
        """The block behind an instance."""
        return self._blocks.get(_join(without_indexes(module_address), f"{type}.{name}"))

    def at(self, address: str) -> Block | None:
        """The block behind an address with indexes, `data.` and all."""
        return self._blocks.get(without_indexes(address))

    def follow(self, block: Block, expression: Any) -> dict[str, set[str]]:
        """The blocks that an expression leads to, through outputs and variables: address without indexes → indexes.

        Indexes are those that the expression writes out: `["a"]`, `[0]`.
        """
        found: dict[str, set[str]] = {}
        for address, index in self._follow(block.module, references(expression), _MAX_STEPS):
            found.setdefault(address, set()).update({index} - {""})
        return found

    def _follow(self, module: str, names: Iterable[str], steps: int) -> Iterator[tuple[str, str]]:
        if steps == 0:
            return
        for name in names:
            head, _, rest = without_indexes(name).partition(".")
            if head == "var":
                parent = _parent(module)
                if parent is not None:
                    call = self._calls.get(module, {})
                    yield from self._follow(parent, references(call.get(rest.split(".")[0])), steps - 1)
            elif head == "module":
                child, _, output = rest.partition(".")
                inside = _join(module, f"module.{child}")
                target = self._modules.get(inside)
                if target and (written := target.outputs.get(output.split(".")[0])):
                    yield from self._follow(inside, references(written.expression), steps - 1)
            elif (match := _RESOURCE.match(name)) and (address := _join(module, match[1])) in self._blocks:
                yield address, match[2] or ""

    def value(self, module: str, expression: Any, steps: int = _MAX_STEPS) -> Any:
        """What an expression is, when it is a constant or looks like one variable or output; else None.

        An expression over a variable looks like the variable itself, so check that the value makes sense.
        """
        if (written := constant(expression)) is not None:
            return written
        names = references(expression)
        names = [name for name in names if not any(other.startswith((f"{name}.", f"{name}[")) for other in names)]
        if len(names) != 1 or steps == 0 or "[" in names[0]:
            return None
        head, _, rest = names[0].partition(".")
        name, _, path = rest.partition(".")
        if head == "var":
            found = self._variable(module, name, steps)
        elif head == "module" and (target := self._modules.get(inside := _join(module, f"module.{name}"))):
            output, _, path = path.partition(".")
            if output not in target.outputs or target.outputs[output].sensitive:
                return None
            found = self.value(inside, target.outputs[output].expression, steps - 1)
        else:
            return None
        return at(found, path) if path else found

    def _variable(self, module: str, name: str, steps: int) -> Any:
        declared = self._modules[module].variables.get(name) if module in self._modules else None
        if declared and declared.sensitive:
            return None
        parent = _parent(module)
        if parent is None:
            given = self._plan.variables.get(name)
            return given.value if given else declared.default if declared else None
        if name in (call := self._calls.get(module, {})):
            return self.value(parent, call[name], steps - 1)
        return declared.default if declared else None


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
