"""Generated rules on resources, by governor's own evaluator of Azure Policy and the shipped aliases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from governor.azure_model import ArmResource, Definition
from governor.catalog import azure_aliases
from governor.languages.azure_policy import syntax
from governor.languages.azure_policy.compiler import Compiler
from governor.languages.azure_policy.subject import Subject, Surroundings
from governor.languages.azure_policy.values import Binding


class Rules:
    """The rules of definitions, compiled once."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._compiler = Compiler(azure_aliases.shipped())
        self._checks = [
            (one, self._compiler.compile(syntax.rule(one.rule), Binding({"effect": "Audit"})).check)
            for one in definitions
        ]

    def broken(self, resource: Mapping[str, Any], group: Mapping[str, Any] | None = None) -> list[Definition]:
        """Those that a resource, in the shape of Resource Manager, does not comply with. Each has an answer."""
        arm = ArmResource(id="", type=resource["type"], body=resource)
        around = Surroundings(group or {"tags": {}}, {})
        subject = Subject(arm, self._compiler.slots, around)
        held = [(one, check(subject)) for one, check in self._checks]
        assert all(isinstance(truth, bool) for _, truth in held), (held, resource)
        return [one for one, truth in held if truth is True]


def holds(condition: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether a condition holds of a resource with these tags."""
    rule = {"if": condition, "then": {"effect": "audit"}}
    judged = Rules([Definition(id="", name="", rule=rule)])
    return bool(judged.broken({"type": "Microsoft.Compute/disks", "tags": tags}))


def put(resource: dict[str, Any], alias: str, value: Any) -> None:
    """Set what an alias names; where it lies in an array, the one member of that."""
    found = azure_aliases.shipped().find(resource["type"], alias)
    path: Sequence[str] = (found.path if found else alias).split(".")
    place: Any = resource
    for step in path[:-1]:
        place = place.setdefault(step.removesuffix("[*]"), [{}] if step.endswith("[*]") else {})
        place = place[0] if isinstance(place, list) else place
    place[path[-1]] = value
