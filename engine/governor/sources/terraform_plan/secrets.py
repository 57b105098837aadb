"""What must not leave a plan, and where AI keys stand in it.

A plan holds sensitive values in clear: in resources, variables, outputs and state. All of them are gathered, so that no
message can carry one, wherever it came from.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Container, Iterable, Iterator
from typing import Any

import msgspec

from governor.catalog import ai_keys
from governor.sources.terraform_plan.decode import Change, Module, Plan, StateValues
from governor.sources.terraform_plan.reading import marked
from governor.sources.terraform_plan.withhold import TAG_MAPS

SHORTEST = 4
"""Shorter values are withheld where they are marked, but not sought elsewhere: they would match everything."""


class Secrets:
    """All sensitive values of a plan, as text."""

    def __init__(self) -> None:
        self.values: set[str] = set()
        """Those that no fact may hold: of variables, outputs, passwords, keys."""
        self.tag_values: set[str] = set()
        """Those of tags that are marked somewhere. Another resource may show the same tag openly, and is judged by it;
        no message quotes it all the same."""

    def of_plan(self, plan: Plan) -> None:
        """Gather them from variables, outputs, state and drift."""
        if plan.configuration:
            for name, variable in plan.configuration.root_module.variables.items():
                if variable.sensitive and (given := plan.variables.get(name)):
                    self.values.update(scalars(given.value))
            for _, module in _module_paths(plan.configuration.root_module):
                for variable in module.variables.values():
                    if variable.sensitive:
                        self.values.update(scalars(variable.default))
        for change in plan.output_changes.values():
            for marks, value in ((change.before_sensitive, change.before), (change.after_sensitive, change.after)):
                self._marked(marks, value)
        for drift in plan.resource_drift:
            self.of_change(drift.change)
        if plan.prior_state and plan.prior_state.values:
            self._of_state(plan.prior_state.values)
        if b"true" in bytes(plan.planned_values):
            try:
                self._of_state(_STATE.decode(plan.planned_values))
            except msgspec.ValidationError:
                return  # the changes hold the same marks

    def of_change(self, change: Change) -> None:
        """Gather what a change marks, before or after."""
        for marks, values in ((change.before_sensitive, change.before), (change.after_sensitive, change.after)):
            if b"true" in bytes(marks):
                self._marked(_decode(marks), _decode(values))

    def _of_state(self, values: StateValues) -> None:
        for output in values.outputs.values():
            if output.sensitive:
                self.values.update(scalars(output.value))
        modules = [values.root_module]
        while modules:
            module = modules.pop()
            modules.extend(module.child_modules)
            for resource in module.resources:
                if b"true" in bytes(resource.sensitive_values):
                    self._marked(_decode(resource.sensitive_values), _decode(resource.values))

    def _marked(self, marks: Any, values: Any) -> None:
        for path, found in marked(marks, values):
            of_tags = not _TAGS.isdisjoint(path.split("."))
            (self.tag_values if of_tags else self.values).update(scalars(_only_values(found) if of_tags else found))


def _only_values(tags: Any) -> Any:
    """Of tags written as a list of blocks, only the values: a key is a word of the taxonomy, and no secret."""
    if isinstance(tags, list):
        return [tag.get("value") if isinstance(tag, dict) and "key" in tag else tag for tag in tags]
    return tags


_STATE = msgspec.json.Decoder(StateValues)
_TAGS = frozenset({*TAG_MAPS, "tag", "tag_specifications", "volume_tags"})
_decode = msgspec.json.Decoder().decode


def scalars(value: Any) -> Iterator[str]:
    """Every string and number in a value, as text; keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def keys_in(value: Any) -> Iterator[tuple[dict[str, str], str]]:
    """(`{place, provider, rule}`, the key itself) of every literal AI key in a value."""
    for path, name, found in _named_leaves(value, "", ""):
        if name in BASE64:
            found = _unpacked(found)
        # Some keys are known only by the name beside them: `MISTRAL_API_KEY=…`.
        text = f"{name}={found}"
        for sighting in ai_keys.find(text):
            place = _NOT_OF_THE_PATH.sub("", path) or "value"
            if place.startswith("tags_all."):  # the same tag again, beside those the provider adds
                place = place.replace("tags_all", "tags", 1)
            yield (
                {"place": place, "provider": sighting.provider, "rule": sighting.rule},
                text[sighting.start : sighting.end],
            )


_NOT_OF_THE_PATH = re.compile(r"\.constant_value|\.texts\.\d+")
"""What the words of a configuration add to the path of an argument."""

BASE64 = frozenset({"user_data", "user_data_base64", "custom_data"})
"""Attributes that providers hold in base64, or may."""


def _unpacked(text: str) -> str:
    """What a base64 text says; the text itself when it is none."""
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return text


def _named_leaves(value: Any, path: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Every (path, name, string) in a value. The name of `{name = "A", value = "b"}` is A; a key is a string, too."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        beside = next((n for k in ("name", "key") if isinstance(n := _constant(value.get(k)), str)), "")
        for key, item in value.items():
            if len(key) > _SHORTEST_KEY and (found := ai_keys.find(key)):
                yield path, "", key
                for sighting in reversed(found):
                    key = f"{key[: sighting.start]}(key){key[sighting.end :]}"
            inner = beside if key == "value" and beside else name if key == "constant_value" else key
            yield from _named_leaves(item, f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _named_leaves(item, f"{path}.{position}" if path else str(position), name)


_SHORTEST_KEY = 19
"""Nothing that short is an AI key."""


def _constant(value: Any) -> Any:
    return value.get("constant_value") if isinstance(value, dict) else value


def keys_in_configuration(plan: Plan, made: Container[str]) -> Iterator[tuple[str, str, str, dict[str, str], str]]:
    """(address, kind, type, sighting, the key) for keys written into what is no resource of the plan.

    `made` holds the addresses, without indexes, of blocks that are: a block with `count = 0` is none of them.
    """
    if plan.configuration is None:
        return
    for key, config in plan.configuration.provider_config.items():
        for sighting, found in keys_in(config.expressions):
            yield f"provider.{key}", "other", "provider", sighting, found
    for path, module in _module_paths(plan.configuration.root_module):
        for name, variable in module.variables.items():
            for sighting, found in keys_in({name: variable.default}):
                place = "default" + sighting["place"].removeprefix(name)
                yield f"{path}var.{name}", "variable", "variable", {**sighting, "place": place}, found
            for file, value in variable.files.items():
                for sighting, found in keys_in({name: value}):
                    yield f"{path}var.{name}", "variable", "variable", {**sighting, "place": file}, found
        for name, expression in module.locals.items():
            for sighting, found in keys_in({name: expression}):
                place = sighting["place"].removeprefix(f"{name}.")
                yield f"{path}local.{name}", "other", "local", {**sighting, "place": place}, found
        for name, call in module.module_calls.items():
            for sighting, found in keys_in(call.expressions):
                yield f"{path}module.{name}", "other", "module", sighting, found
        for name, output in module.outputs.items():
            for sighting, found in keys_in({name: output.expression}):
                yield f"{path}output.{name}", "other", "output", sighting, found
        for block in module.resources:
            address = f"{path}{'data.' if block.mode == 'data' else ''}{block.type}.{block.name}"
            if address not in made:
                for sighting, found in keys_in(block.expressions):
                    yield address, "other", block.type, sighting, found


def _module_paths(module: Module, path: str = "") -> Iterator[tuple[str, Module]]:
    yield path, module
    for name, call in module.module_calls.items():
        yield from _module_paths(call.module, f"{path}module.{name}.")


def tidy(found: Iterable[str]) -> tuple[str, ...]:
    """Longest first, so that a value inside another does not leave the rest of it behind.

    A message may quote a value with its quotes and line ends escaped, so that form is a secret as well.
    """
    long = {value for value in found if len(value.strip()) >= SHORTEST}
    escaped = {msgspec.json.encode(value).decode()[1:-1] for value in long}
    return tuple(sorted(long | escaped, key=lambda value: (-len(value), value)))
