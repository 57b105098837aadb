"""ARM templates, and what Bicep compiles to: the resources a deployment asks for.

A parameter has its default. What only the deployment decides is an `Unknown`; the subscription and the resource group
it goes to are `(unknown)` in ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from governor.arm.evaluate import Allowance, Environment, evaluate
from governor.arm.expressions import is_expression, unescaped
from governor.arm.functions import NotComputed, TemplateError
from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog.tables import fold
from governor.model import Gap
from governor.sources.azure.estate.rows import GROUP

NOWHERE = "/subscriptions/(unknown)/resourceGroups/(unknown)"
_NOT_OF_THE_BODY = frozenset(
    {"apiversion", "name", "type", "dependson", "copy", "condition", "resources", "scope", "comments", "existing"}
)
_POLICY = "microsoft.authorization/policy"
_DEPLOYMENT = "microsoft.resources/deployments"
_MOST_TURNS = 800
"""Resources that Azure makes of one loop at most."""
_DEEPEST = 20
_ALLOWANCE = 1_000_000
"""Values that a template may grow to."""
_RESOURCE = 50
"""What a resource weighs."""


class Scope(NamedTuple):
    """What names mean where an expression stands."""

    parameter: Callable[[str], Any]
    variable: Callable[[str], Any]
    turns: Mapping[str, Any] = {}
    """Name of a copy loop → number of the turn; `` is the innermost."""
    ids: str = ""
    """Where it is deployed to, for ids that need not be known in full; empty: such an id is not known."""

    def environment(self) -> Environment:
        own = {"parameters": self.parameter, "variables": self.variable, "copyindex": self.turn}
        return {**own, "resourceid": partial(_id_below, self.ids)} if self.ids else own

    def turn(self, loop: Any = "", offset: int = 0) -> Any:
        """What `copyIndex()` tells."""
        if isinstance(loop, int):
            loop, offset = "", loop
        turn = self.turns.get(loop, Unknown("it stands outside of a loop"))
        return turn if isinstance(turn, Unknown) else turn + offset


def is_template(document: Any) -> bool:
    """Whether a document is one."""
    if not isinstance(document, dict):
        return False
    schema = str(document.get("$schema", "")).lower()
    return "deploymenttemplate.json" in schema or ("resources" in document and "contentVersion" in document)


def estate_of(template: Mapping[str, Any], place: str) -> Estate:
    """The resources of a template."""
    reader = _Reader(place)
    resources = tuple(reader.resources(template, {}, NOWHERE, 0))
    return Estate(
        resources=resources,
        gaps=tuple(reader.gaps),
        secrets=tuple(sorted(reader.secrets, key=len, reverse=True)),
        source=f"ARM template {place}",
    )


class _Reader:
    """Reads a template and those that lie in it."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.gaps: list[Gap] = []
        self.secrets: set[str] = set()
        self._allowance = Allowance(_ALLOWANCE)

    def resources(
        self, template: Mapping[str, Any], given: Mapping[str, Any], to: str, depth: int
    ) -> Iterator[ArmResource]:
        """The resources of a template whose parameters have the given values."""
        yield from self._all(template.get("resources"), self._scope(template, given), to, "", "", depth)

    def _scope(self, template: Mapping[str, Any], given: Mapping[str, Any]) -> Scope:
        declared, written = _mapping(template.get("parameters")), dict(_mapping(template.get("variables")))
        loops = {str(loop.get("name")): loop for loop in _items(written.pop("copy", None)) if isinstance(loop, dict)}
        asked: set[str] = set()

        @cache
        def parameter(name: str) -> Any:
            found = _find(declared, name)
            if name.lower() in given:
                return given[name.lower()]
            if not isinstance(found, dict):
                return Unknown(f"no parameter is called {name}")
            default = found.get("defaultValue")
            if str(found.get("type", "")).lower().startswith("secure"):
                if isinstance(default, str) and default and not is_expression(default):
                    self.secrets.add(default)
                return Unknown(f"parameter {name} is secret")
            if "defaultValue" not in found:
                return Unknown(f"parameter {name} has no default")
            return guarded(f"parameter {name}", default)

        @cache
        def variable(name: str) -> Any:
            if (loop := _find(loops, name)) is not None:
                return self._turns(loop, scope)
            found = _find(written, name)
            return Unknown(f"no variable is called {name}") if found is None else guarded(f"variable {name}", found)

        def guarded(name: str, value: Any) -> Any:
            if name in asked:
                return Unknown(f"{name} is made of itself")
            asked.add(name)
            try:
                return self._value(value, scope)
            finally:
                asked.discard(name)

        scope = Scope(parameter, variable)
        return scope

    def _all(
        self, written: Any, scope: Scope, to: str, above_type: str, above_name: str, depth: int
    ) -> Iterator[ArmResource]:
        # Since language version 2.0 resources are an object, by symbolic name.
        items = list(written.values()) if isinstance(written, dict) else _items(written)
        for resource in items:
            if not isinstance(resource, dict) or resource.get("existing") is True:
                continue
            for turn in self._loop(resource, scope):
                try:
                    self._allowance.spend(_RESOURCE)
                except NotComputed as error:
                    self._stop(error)
                    return
                yield from self._resource(resource, turn, to, above_type, above_name, depth)

    def _stop(self, error: NotComputed) -> None:
        gap = Gap(self._place, f"{error}: the rest was not read")
        if gap not in self.gaps:
            self.gaps.append(gap)

    def _loop(self, resource: Mapping[str, Any], scope: Scope) -> Iterator[Scope]:
        loop = resource.get("copy")
        if not isinstance(loop, dict):
            yield scope
            return
        name = str(loop.get("name", ""))
        count = self._value(loop.get("count"), scope)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST_TURNS:
            for number in range(count):
                yield scope._replace(turns={**scope.turns, name: number, "": number})
            return
        why = count.reason if isinstance(count, Unknown) else "its count is no number of resources"
        self.gaps.append(Gap(f"{self._place} {name}", f"how many there are is not known ({why}): one was taken in"))
        turn = Unknown("it is one of a number that is not known")
        yield scope._replace(turns={**scope.turns, name: turn, "": turn})

    def _resource(
        self, written: Mapping[str, Any], scope: Scope, to: str, above_type: str, above_name: str, depth: int
    ) -> Iterator[ArmResource]:
        type, name = str(written.get("type", "")), self._value(written.get("name"), scope)
        known = name if isinstance(name, str) else "(unknown)"
        if above_type and not type.lower().startswith(f"{above_type.lower()}/"):
            type, known = f"{above_type}/{type}", f"{above_name}/{known}"
        condition = self._value(written.get("condition", True), scope)
        if condition is False or (isinstance(condition, str) and condition.lower() == "false"):
            return
        place = f"{self._place} {type} {known}"
        if isinstance(condition, Unknown):
            self.gaps.append(Gap(place, f"whether it is deployed is not known: {condition.reason}"))
        if not type or depth > _DEEPEST:
            self.gaps.append(Gap(place, "it is nested too deeply" if type else "it tells no type"))
            return
        if type.lower() == _DEPLOYMENT:
            yield from self._deployment(written, scope, to, place, depth)
            return
        if not type.lower().startswith(_POLICY):
            yield self._arm(written, scope, to, type, known, name)
        yield from self._all(written.get("resources"), scope, to, type, known, depth + 1)

    def _arm(self, written: Mapping[str, Any], scope: Scope, to: str, type: str, known: str, name: Any) -> ArmResource:
        below = self._value(written.get("scope"), scope._replace(ids=to)) if "scope" in written else to
        if not isinstance(below, str):
            below = NOWHERE
        elif not below.startswith("/"):
            type_of_scope, _, name_of_scope = _split_scope(below)
            below = resource_id(to, type_of_scope, name_of_scope)
        if type.lower() == "microsoft.resources/resourcegroups":
            type, id = GROUP, f"{to.partition('/resourceGroups/')[0]}/resourceGroups/{known}"
        else:
            id = resource_id(below, type, known)
        body = {
            key: value
            for key, item in written.items()
            if key.lower() not in _NOT_OF_THE_BODY and (value := self._value(item, scope)) is not None
        }
        body["type"] = type
        body["name"] = known.rpartition("/")[2] if not isinstance(name, Unknown) else name
        if isinstance(location := body.get("location"), str):
            body["location"] = fold(location)
        version = str(written.get("apiVersion", ""))
        return ArmResource(id=id, type=type, body=body, api_version=version)

    def _deployment(
        self, written: Mapping[str, Any], scope: Scope, to: str, place: str, depth: int
    ) -> Iterator[ArmResource]:
        properties = _mapping(written.get("properties"))
        inner = properties.get("template")
        if not isinstance(inner, dict):
            self.gaps.append(Gap(place, "the template it links to was not read"))
            return
        subscription = self._value(written.get("subscriptionId"), scope)
        group = self._value(written.get("resourceGroup"), scope)
        if isinstance(subscription, str):
            to = f"/subscriptions/{subscription}/resourceGroups/(unknown)"
        if isinstance(group, str):
            to = f"{to.partition('/resourceGroups/')[0]}/resourceGroups/{group}"
        elif isinstance(group, Unknown):
            to = f"{to.partition('/resourceGroups/')[0]}/resourceGroups/(unknown)"
        options = _mapping(properties.get("expressionEvaluationOptions"))
        if str(options.get("scope", "outer")).lower() == "inner":
            given = {
                name.lower(): self._value(value["value"], scope)
                if isinstance(value, dict) and "value" in value
                else Unknown(f"parameter {name} comes from elsewhere")
                for name, value in _mapping(properties.get("parameters")).items()
            }
            yield from self.resources(inner, given, to, depth + 1)
        else:
            yield from self._all(inner.get("resources"), scope, to, "", "", depth + 1)

    def _value(self, value: Any, scope: Scope) -> Any:
        """What a value is once its expressions are worked out, with an `Unknown` for what cannot be told."""
        try:
            self._allowance.spend()
            if is_expression(value):
                return evaluate(value, scope.environment(), self._allowance)
        except TemplateError as error:
            return Unknown(str(error))
        if isinstance(value, str):
            return unescaped(value)
        if isinstance(value, list):
            return [self._value(item, scope) for item in value]
        if isinstance(value, dict):
            return self._object(value, scope)
        return value

    def _object(self, written: Mapping[str, Any], scope: Scope) -> Any:
        found: dict[str, Any] = {}
        for key, item in written.items():
            if key == "copy" and isinstance(item, list) and all(isinstance(loop, dict) for loop in item):
                for loop in item:
                    found[str(loop.get("name", ""))] = self._turns(loop, scope)
                continue
            name = self._value(key, scope) if is_expression(key) else key
            if isinstance(name, Unknown):
                return name  # which property it is cannot be told
            value = self._value(item, scope)
            if value is not None:
                found[str(name)] = value
        return found

    def _turns(self, loop: Mapping[str, Any], scope: Scope) -> Any:
        """The list that a loop over a property or a variable makes."""
        count, name = self._value(loop.get("count"), scope), str(loop.get("name", ""))
        if isinstance(count, Unknown):
            return count
        if not isinstance(count, int) or not 0 <= count <= _MOST_TURNS:
            return Unknown("its count is no number")
        return [
            self._value(loop.get("input"), scope._replace(turns={**scope.turns, name: turn, "": turn}))
            for turn in range(count)
        ]


def _id_below(scope: str, *parts: str) -> str:
    """What `resourceId()` tells; a subscription and a group may stand before the type."""
    at = next(place for place, part in enumerate(parts) if "/" in part)
    return resource_id(scope, parts[at], "/".join(parts[at + 1 :]))


def resource_id(scope: str, type: str, name: str) -> str:
    """The id of a resource of a type `A/b/c` with the name `x/y`, below a scope."""
    provider, *types = type.split("/")
    names = name.split("/")
    names += ["(unknown)"] * (len(types) - len(names))
    path = "".join(f"/{step}/{own}" for step, own in zip(types, names, strict=False))
    return f"{scope}/providers/{provider}{path}"


def _split_scope(scope: str) -> tuple[str, str, str]:
    """`Microsoft.A/b/name`, as Bicep writes the scope of an extension, in type and name."""
    provider, *steps = scope.split("/")
    half = len(steps) // 2
    types, names = (steps[::2], steps[1::2]) if half else (steps, [])
    return "/".join([provider, *types]), "/", "/".join(names)


def _find(entries: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in entries.items() if str(key).lower() == name.lower()), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
