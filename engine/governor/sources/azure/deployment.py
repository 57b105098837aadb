"""ARM templates, also those that Bicep makes: the resources that deploying one would make.

Expressions are worked out as far as the template tells: parameters by their defaults or a parameters file, variables,
loops, nested deployments and their outputs. What is not told is an `Unknown`, and `(unknown)` in ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from governor.arm.evaluate import Allowance, Environment, Opened, evaluate
from governor.arm.expressions import is_expression, unescaped
from governor.arm.functions import TEMPLATES, NotComputed, TemplateError
from governor.azure_model import Unknown
from governor.sources.azure import ids

Pointer = tuple[str | int, ...]
"""Keys and indices that lead from the top of a file to a value."""

UNKNOWN_SUBSCRIPTION = f"/subscriptions/{ids.UNKNOWN}"
UNKNOWN_GROUP = f"{UNKNOWN_SUBSCRIPTION}/resourceGroups/{ids.UNKNOWN}"

_DEPLOYMENTS = "microsoft.resources/deployments"
_GROUPS = "microsoft.resources/resourcegroups"
_ALLOWANCE = 2_000_000
"""Values that a template may grow to: far above what Azure takes."""
_RESOURCE = 100
"""What a resource weighs."""
_LOOPS = 800
"""Turns of a copy loop: Azure's limit."""
_DEEPEST = 20
"""Deployments and resources within one another."""

_QUOTED = 200
"""Characters of an expression that reasons quote."""

_HIDING = ("contains", "endswith", "equals", "guid", "startswith", "uniquestring")
"""Functions whose result does not show that a part of an id that is not known went into it."""


def is_template(document: Any) -> bool:
    """Whether a document is a template."""
    if not isinstance(document, dict):
        return False
    schema = str(document.get("$schema", "")).lower()
    return "deploymenttemplate.json" in schema or (
        "contentVersion" in document and isinstance(document.get("resources"), (list, dict))
    )


class Deployment:
    """Reads a template and those that lie in it.

    `gap` hears of what could not be read: the place in the file, what it is, the reason. `ids`: whether values may hold
    ids with `(unknown)` parts; else such a value is not known.
    """

    def __init__(self, gap: Callable[[Pointer, str, str], None], *, ids: bool) -> None:
        self.gap = gap
        self.ids = ids
        self.allowance = Allowance(_ALLOWANCE)
        self.secrets: set[str] = set()
        """Values of the template that it marks secure."""
        self.made: dict[str, Opened] = {}
        """Id, lower-case → what `reference()` gives."""
        self._full = False

    def resources(
        self, template: Mapping[str, Any], scope: str, given: Mapping[str, Callable[[], Any]], at: Pointer = ()
    ) -> Iterator[Placed]:
        """The resources of a template that is deployed to a scope, but for deployments; `given` are its parameters."""
        return self._all(_Names(self, template, scope, given).frame, template, at, None, 0)

    def _all(
        self, frame: Frame, holder: Mapping[str, Any], at: Pointer, above: Placed | None, depth: int
    ) -> Iterator[Placed]:
        resources, at = holder.get("resources"), (*at, "resources")
        if not isinstance(resources, (list, dict)):
            self.gap(at, "", "the resources of this template are not a list")
            return
        # Since language version 2.0 resources are an object, by symbolic name.
        for key, resource in resources.items() if isinstance(resources, dict) else enumerate(resources):
            if not isinstance(resource, dict):
                self.gap((*at, key), "", "this resource of a template is not an object")
                continue
            if resource.get("existing"):
                continue
            for turn, doubts in _turns(frame, resource):
                try:
                    self.allowance.spend(_RESOURCE)
                except NotComputed as error:
                    self._stop(at, error)
                    return
                yield from self._one(turn, resource, (*at, key), above, depth, doubts)

    def _stop(self, at: Pointer, error: NotComputed) -> None:
        if not self._full:
            self.gap(at, "", f"{error}: the rest was not read")
        self._full = True

    def _one(
        self,
        frame: Frame,
        resource: dict[str, Any],
        at: Pointer,
        above: Placed | None,
        depth: int,
        doubts: dict[str, str],
    ) -> Iterator[Placed]:
        type, name = str(resource.get("type", "")), frame.part_of_id("name", resource, doubts)
        if above and not type.lower().startswith(f"{above.type.lower()}/"):
            type, name = f"{above.type}/{type}", f"{above.name}/{name}"
        condition = frame.value(resource.get("condition", True))
        if str(condition).lower() == "false":
            return
        if isinstance(condition, Unknown):
            doubts["condition"] = f"whether it is deployed is not known: {condition.reason}"
        if "/" not in type or depth > _DEEPEST:
            self.gap(at, f"{type} {name}", "it is nested too deeply" if "/" in type else "it tells no type")
            return
        made: Opened
        if type.lower() == _DEPLOYMENTS:
            for key in ("copy", "condition"):
                if key in doubts:
                    self.gap((*at, key), f"{type} {name}", doubts[key])
            yield from self._nested(frame, resource, name, at, depth)
            return
        scope = frame.scope
        if "scope" in resource:
            scope = _absolute(frame.naming().part_of_id("scope", resource, doubts), scope)
        made = Placed(frame, resource, type, name, _id(scope, type, name), at, doubts)
        self._register(frame, made.id, at[-1], made)
        yield made
        if "resources" in resource:
            yield from self._all(frame, resource, at, made, depth + 1)

    def _register(self, frame: Frame, id: str, key: str | int, made: Opened) -> None:
        self.made[id.lower()] = made
        if isinstance(key, str):
            frame.names.symbols[key] = made

    def _nested(self, frame: Frame, resource: dict[str, Any], name: str, at: Pointer, depth: int) -> Iterator[Placed]:
        properties = _mapping(resource.get("properties"))
        template = properties.get("template")
        if not isinstance(template, dict):
            what = f"{resource['type']} {name}"
            self.gap(at, what, "the template of this deployment lies elsewhere, and was not read")
            return
        scope = _nested_scope(frame.naming(), resource)
        nested = frame._replace(scope=scope)
        options = _mapping(properties.get("expressionEvaluationOptions"))
        if str(options.get("scope", "")).lower() == "inner":
            parameters = _mapping(properties.get("parameters"))
            given = {parameter: partial(_handed, frame, holder) for parameter, holder in parameters.items()}
            nested = _Names(self, template, scope, given).frame
        id = f"{scope}/providers/Microsoft.Resources/deployments/{name}"
        self._register(frame, id, at[-1], _Nested(nested, template))
        yield from self._all(nested, template, (*at, "properties", "template"), None, depth + 1)


class Placed(Opened):
    """A resource, at its place."""

    def __init__(
        self,
        frame: Frame,
        written: Mapping[str, Any],
        type: str,
        name: str,
        id: str,
        pointer: Pointer,
        doubts: Mapping[str, str],
    ) -> None:
        self.frame = frame
        self.written = written
        self.type = type
        """With those of the resources it lies in, as `name`."""
        self.name = name
        self.id = id
        self.pointer = pointer
        self.doubts = doubts
        """`name`, `scope`, `condition` or `copy` → why that is not known."""

    def value(self, key: str) -> Any:
        """One of its properties, worked out, with an `Unknown` for what cannot be told."""
        return self.frame.value(self.written[key])

    def part(self, key: str | int) -> Any:
        properties = self.written.get("properties")
        if is_expression(properties):
            properties = self.frame.value(properties)
            if isinstance(properties, Unknown):
                return properties
            return _mapping(properties).get(str(key), _missing(key))
        properties = _mapping(properties)
        return self.frame.value(properties[str(key)]) if key in properties else _missing(key)


class _Nested(Opened):
    """A nested deployment."""

    def __init__(self, frame: Frame, template: Mapping[str, Any]) -> None:
        self._frame = frame
        self._template = template

    def part(self, key: str | int) -> Any:
        return _Outputs(self._frame, _mapping(self._template.get("outputs"))) if key == "outputs" else _missing(key)


class _Outputs(Opened):
    def __init__(self, frame: Frame, outputs: Mapping[str, Any]) -> None:
        self._frame = frame
        self._outputs = outputs

    def part(self, key: str | int) -> Any:
        output = _mapping(self._outputs.get(str(key)))
        return {"value": self._frame.value(output["value"])} if "value" in output else _missing(key)


def _missing(key: str | int) -> Unknown:
    return Unknown(f"there is no {str(key)[:60]!r} in what reference() reads")


class _Names:
    """What names mean in a template: its parameters, its variables, its resources."""

    def __init__(
        self, deployment: Deployment, template: Mapping[str, Any], scope: str, given: Mapping[str, Callable[[], Any]]
    ) -> None:
        self.frame = Frame(deployment, self, scope)
        self.symbols: dict[str, Opened] = {}
        """Symbolic name of a resource → what `reference()` gives."""
        self._given = {name.lower(): value for name, value in given.items()}
        self._parameters = _mapping(template.get("parameters"))
        self._variables = _mapping(template.get("variables"))
        self._known: dict[str, Any] = {}

    def parameter(self, name: str) -> Any:
        return self._once(f"parameter {name}", partial(self._parameter, name))

    def variable(self, name: str) -> Any:
        return self._once(f"variable {name}", partial(self._variable, name))

    def _once(self, what: str, work: Callable[[], Any]) -> Any:
        key = what.lower()
        if key not in self._known:
            self._known[key] = Unknown(f"{what} is made of itself")
            self._known[key] = work()
        return self._known[key]

    def _parameter(self, name: str) -> Any:
        declared = _mapping(_named(self._parameters, name))
        default = declared.get("defaultValue")
        if str(declared.get("type", "")).lower().startswith("secure"):
            if isinstance(default, str) and default and not is_expression(default):
                self.frame.deployment.secrets.add(default)
            return Unknown(f"parameter {name} is secret")
        if name.lower() in self._given:
            return self._given[name.lower()]()
        if "defaultValue" in declared:
            return self.frame.value(default)
        return Unknown(f"parameter {name} has no default" if declared else f"no parameter is called {name}")

    def _variable(self, name: str) -> Any:
        for loop in _loops_of(self._variables):
            if str(loop["name"]).lower() == name.lower():
                return self.frame.looped(loop)
        written = _named(self._variables, name)
        return Unknown(f"no variable is called {name}") if written is None else self.frame.value(written)


class Frame(NamedTuple):
    """What an expression sees where it stands."""

    deployment: Deployment
    names: _Names
    scope: str
    """Where it is deployed to."""
    turns: Mapping[str, int | Unknown] = {}
    """Name of a copy loop, lower-case → number of the turn; `` is the innermost."""
    names_ids: bool = False
    """Whether it is part of an id, where some may be `(unknown)`."""

    def naming(self) -> Frame:
        """The same, for what becomes part of an id."""
        return self._replace(names_ids=True)

    def turned(self, loop: str, turn: int | Unknown) -> Frame:
        """The same, in a turn of a loop."""
        return self._replace(turns={**self.turns, loop.lower(): turn, "": turn})

    def value(self, written: Any) -> Any:
        """What is written, worked out, with an `Unknown` for what cannot be told."""
        try:
            self.deployment.allowance.spend()
            if is_expression(written):
                return evaluate(written, self._environment(), self.deployment.allowance)
        except NotComputed as error:
            return Unknown(str(error))
        except TemplateError as error:
            return Unknown(f"{_quoted(written)}: {error}")
        if isinstance(written, str):
            return unescaped(written)
        if isinstance(written, list):
            return [self.value(inner) for inner in written]
        return self._object(written) if isinstance(written, Mapping) else written

    def _object(self, written: Mapping[str, Any]) -> Any:
        loops = _loops_of(written)
        found: dict[str, Any] = {}
        for key, inner in written.items():
            if key == "copy" and loops:
                found |= {str(loop["name"]): self.looped(loop) for loop in loops}
                continue
            name = self.value(key) if is_expression(key) else key
            if isinstance(name, Unknown):
                return name  # which property it is cannot be told
            found[str(name)] = self.value(inner)
        return found

    def looped(self, loop: Mapping[str, Any]) -> Any:
        """The list that a loop over a property or a variable makes."""
        count = self.times(loop["count"])
        if isinstance(count, Unknown):
            return count
        return [self.turned(str(loop["name"]), turn).value(loop["input"]) for turn in range(count)]

    def times(self, written: Any) -> int | Unknown:
        """Turns of a loop."""
        value = self.value(written)
        if isinstance(value, Unknown) or (type(value) is int and 0 <= value <= _LOOPS):
            return value
        return Unknown(f"its count is no number up to {_LOOPS}")

    def part_of_id(self, key: str, holder: Mapping[str, Any], doubts: dict[str, str]) -> str:
        """A text that becomes part of an id: `(unknown)`, with a doubt, where it cannot be told."""
        value = self.value(holder.get(key))
        if isinstance(value, str) and value:
            return value
        doubts[key] = value.reason if isinstance(value, Unknown) else "this is no text, or an empty one"
        return ids.UNKNOWN

    def _environment(self) -> Environment:
        own: Environment = {
            "parameters": self.names.parameter,
            "variables": self.names.variable,
            "copyindex": self.turn,
        }
        if not self.names_ids and not self.deployment.ids:
            return own
        return {**own, **_HIDDEN, **{name: partial(function, self) for name, function in _OF_IDS.items()}}

    def turn(self, loop: Any = "", offset: int = 0) -> Any:
        if isinstance(loop, int):
            loop, offset = "", loop
        turn = self.turns.get(loop.lower(), Unknown("it stands outside of a loop"))
        return turn if isinstance(turn, Unknown) else turn + offset

    def referred(self, id: str, _version: str = "", _full: str = "") -> Any:
        known = self.names.symbols.get(id) or self.deployment.made.get(id.lower())
        return known or Unknown(f"{ids.name_of(id)[:80]!r} is not made by this template")

    def information(self, symbol: str) -> Any:
        known = self.names.symbols.get(symbol)
        if not isinstance(known, Placed):
            return Unknown(f"{symbol[:80]!r} is not read from this template")
        return {"id": known.id, "name": ids.name_of(known.id)}

    def resource_id(self, *parts: str) -> str:
        before, type, names = _parted(parts)
        scope = ids.deployment_scope(self.scope)
        if len(before) == 2:
            scope = f"/subscriptions/{before[0]}/resourceGroups/{before[1]}"
        elif before:
            scope = f"{_subscription(scope)}/resourceGroups/{before[0]}"
        elif scope.lower().startswith(ids.MANAGEMENT_GROUPS.lower()):
            scope = ""
        return f"{scope}{_below(type, names)}"

    def subscription_resource_id(self, *parts: str) -> str:
        before, type, names = _parted(parts)
        scope = f"/subscriptions/{before[0]}" if before else _subscription(self.scope)
        return f"{scope}{_below(type, names)}"

    def tenant_resource_id(self, *parts: str) -> str:
        _, type, names = _parted(parts)
        return _below(type, names)

    def group_resource_id(self, *parts: str) -> str:
        before, type, names = _parted(parts)
        scope = f"{ids.MANAGEMENT_GROUPS}{before[0]}" if before else self.management_group()["id"]
        return f"{scope}{_below(type, names)}"

    def extension_resource_id(self, base: str, type: str, *names: str) -> str:
        return f"{base.rstrip('/')}{_below(type, names)}"

    def management_group(self) -> dict[str, str]:
        at_group = self.scope.lower().startswith(ids.MANAGEMENT_GROUPS.lower())
        name = ids.name_of(self.scope) if at_group else ids.UNKNOWN
        return {"id": f"{ids.MANAGEMENT_GROUPS}{name}", "name": name}

    def subscription(self) -> dict[str, str]:
        id = _subscription(self.scope)
        return {"id": id, "subscriptionId": ids.name_of(id)}

    def resource_group(self) -> dict[str, str]:
        scope = ids.deployment_scope(self.scope)
        scope = scope if "/resourcegroups/" in scope.lower() else UNKNOWN_GROUP
        return {"id": scope, "name": ids.name_of(scope)}


_OF_IDS: dict[str, Callable[..., Any]] = {
    "reference": Frame.referred,
    "resourceinfo": Frame.information,
    "resourceid": Frame.resource_id,
    "subscriptionresourceid": Frame.subscription_resource_id,
    "tenantresourceid": Frame.tenant_resource_id,
    "managementgroupresourceid": Frame.group_resource_id,
    "extensionresourceid": Frame.extension_resource_id,
    "managementgroup": Frame.management_group,
    "subscription": Frame.subscription,
    "resourcegroup": Frame.resource_group,
}


def _hidden(name: str, *arguments: Any) -> Any:
    for argument in arguments:
        if isinstance(argument, str) and ids.UNKNOWN in argument:
            raise NotComputed("where this is deployed to is not told")
    return TEMPLATES[name](arguments)


_HIDDEN: Environment = {name: partial(_hidden, name) for name in _HIDING}


def _turns(frame: Frame, resource: Mapping[str, Any]) -> Iterator[tuple[Frame, dict[str, str]]]:
    """A frame for each time that a resource is made, and doubts about it."""
    loop = resource.get("copy")
    if not isinstance(loop, dict):
        yield frame, {}
        return
    name, count = str(loop.get("name", "")), frame.times(loop.get("count"))
    if isinstance(count, Unknown):
        why = f"how many there are is not known ({count.reason}): one was taken in"
        yield frame.turned(name, Unknown("it is one of a number that is not known")), {"copy": why}
        return
    for turn in range(count):
        yield frame.turned(name, turn), {}


def _handed(frame: Frame, holder: Any) -> Any:
    """A parameter of a nested deployment."""
    if isinstance(holder, dict) and "value" in holder:
        return frame.value(holder["value"])
    return Unknown("it is read from a vault")


def _nested_scope(frame: Frame, resource: Mapping[str, Any]) -> str:
    """Where a nested deployment deploys to."""
    scope = frame.scope
    if "scope" in resource:
        return _absolute(frame.part_of_id("scope", resource, {}), scope)
    if "subscriptionId" in resource:
        scope = f"/subscriptions/{frame.part_of_id('subscriptionId', resource, {})}"
    if "resourceGroup" in resource:
        scope = f"{_subscription(scope)}/resourceGroups/{frame.part_of_id('resourceGroup', resource, {})}"
    return scope


def _id(scope: str, type: str, name: str) -> str:
    """The id of a resource of a type `A/b/c` with the name `x/y`, below a scope."""
    if type.lower() == _GROUPS:
        return f"{_subscription(scope)}/resourceGroups/{name}"
    steps = type.count("/")
    return f"{scope}{_below(type, [*name.split('/'), *[ids.UNKNOWN] * steps][:steps])}"


def _parted(parts: Sequence[str]) -> tuple[Sequence[str], str, Sequence[str]]:
    """What stands before the type, the type, and the names."""
    at = next(index for index, part in enumerate([*parts, "/"]) if "/" in part)
    return parts[:at], parts[at], parts[at + 1 :]


def _below(type: str, names: Sequence[str]) -> str:
    """`/providers/Namespace/type/name/type/name`."""
    namespace, *types = type.split("/")
    if len(types) != len(names):
        raise ValueError
    return f"/providers/{namespace}" + "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))


def _absolute(scope: str, around: str) -> str:
    """The scope of a resource, which may be told by type and name within the deployment."""
    if scope.startswith("/"):
        return scope.rstrip("/")
    if scope.lower().startswith("microsoft.management/managementgroups/"):
        return f"/providers/{scope}"
    if scope.lower().startswith("subscriptions/"):
        return f"/{scope}"
    return f"{around}/providers/{scope}"


def _subscription(scope: str) -> str:
    parts = scope.split("/")
    return "/".join(parts[:3]) if scope.lower().startswith("/subscriptions/") else UNKNOWN_SUBSCRIPTION


def _loops_of(written: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The loops of an object. Those of a template within a policy have an escaped count, and are left as they are."""
    loops = written.get("copy")
    ours = isinstance(loops, list) and all(
        isinstance(loop, dict)
        and {"name", "count", "input"} <= loop.keys()
        and (isinstance(loop["count"], int) or is_expression(loop["count"]))
        for loop in loops
    )
    return loops if ours and isinstance(loops, list) else []


def _quoted(expression: str) -> str:
    """Whole or not at all, so that a secret in it is found and struck out."""
    return expression if len(expression) <= _QUOTED and expression.isprintable() else "an expression"


def _named(holder: Mapping[str, Any], name: str) -> Any:
    folded = name.lower()
    return next((value for key, value in holder.items() if key.lower() == folded), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
