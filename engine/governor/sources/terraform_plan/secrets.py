"""What must not leave a plan, and where AI keys stand in it.

A plan holds sensitive values in clear: in resources, variables, outputs and state. All of them are gathered, so that no
message can carry one, wherever it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from governor.catalog import ai_keys
from governor.sources.terraform_plan.decode import Change, Module, Plan
from governor.sources.terraform_plan.reading import leaves, marked, strings

SHORTEST = 4
"""Shorter values are withheld where they are marked, but not sought elsewhere: they would match everything."""


def of_plan(plan: Plan) -> Iterator[str]:
    """Values of sensitive variables and outputs."""
    if plan.configuration:
        for name, variable in plan.configuration.root_module.variables.items():
            if variable.sensitive:
                if value := plan.variables.get(name):
                    yield from strings(value.value)
                yield from strings(variable.default)
        for module in _modules(plan.configuration.root_module):
            for variable in module.variables.values():
                if variable.sensitive:
                    yield from strings(variable.default)
    for change in plan.output_changes.values():
        for marks, value in ((change.before_sensitive, change.before), (change.after_sensitive, change.after)):
            for _, found in marked(marks, value):
                yield from strings(found)


def of_change(change: Change) -> Iterator[str]:
    """Values that a change marks sensitive, before or after."""
    for marks, values in ((change.before_sensitive, change.before), (change.after_sensitive, change.after)):
        if b"true" in bytes(marks):
            for _, found in marked(msgspec.json.decode(marks), msgspec.json.decode(values)):
                yield from strings(found)


def keys_in(value: Any) -> Iterator[tuple[dict[str, str], str]]:
    """(`{place, provider, rule}`, the key itself) of every literal AI key in a value."""
    for path, found in leaves(value):
        for sighting in ai_keys.find(_with_its_name(path, found)):
            place = path.replace(".constant_value", "") or "value"
            yield (
                {"place": place, "provider": sighting.provider, "rule": sighting.rule},
                _with_its_name(path, found)[sighting.start : sighting.end],
            )


def _with_its_name(path: str, value: str) -> str:
    """Some keys are known only by the name beside them: `MISTRAL_API_KEY=…`."""
    return f"{path.rpartition('.')[2]}={value}"


def keys_in_defaults(plan: Plan) -> Iterator[tuple[str, dict[str, str], str]]:
    """(address of the variable, sighting, the key) for keys written as a variable's default."""
    if plan.configuration is None:
        return
    for path, module in _module_paths(plan.configuration.root_module):
        for name, variable in module.variables.items():
            for sighting, key in keys_in({name: variable.default}):
                place = "default" + sighting["place"].removeprefix(name)
                yield f"{path}var.{name}", {**sighting, "place": place}, key


def _module_paths(module: Module, path: str = "") -> Iterator[tuple[str, Module]]:
    yield path, module
    for name, call in module.module_calls.items():
        yield from _module_paths(call.module, f"{path}module.{name}.")


def _modules(module: Module) -> Iterator[Module]:
    return (found for _, found in _module_paths(module))


def tidy(found: Iterator[str] | list[str]) -> tuple[str, ...]:
    """Longest first, so that a value inside another does not leave the rest of it behind."""
    return tuple(sorted({value for value in found if len(value.strip()) >= SHORTEST}, key=lambda v: (-len(v), v)))
