"""ARM templates, also those that Bicep makes: the objects of Azure Policy that deploying one would make.

Expressions are worked out as far as the template tells: parameters by their defaults or a parameters file, variables,
loops, nested deployments and their outputs. What is not told is `Unknown` in an object. Where a template does not say
which management group, subscription or resource group it is deployed to, that part of an id is `(unknown)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

from governor.arm.evaluate import Allowance, Environment, Opened, evaluate
from governor.arm.expressions import is_expression, unescaped
from governor.arm.functions import TEMPLATES, NotComputed, TemplateError
from governor.azure_model import Unknown
from governor.sources.azure.exports import ids
from governor.sources.azure.exports.found import Found, Pointer, Raw

_DEPLOYMENTS = "microsoft.resources/deployments"
_ALLOWANCE = 5_000_000
"""Values that a template may grow to: far above what Azure takes."""
_RESOURCE = 100
"""What a resource weighs."""
_LOOPS = 800
"""Turns of a copy loop: Azure's limit."""

_HIDING = ("contains", "endswith", "equals", "guid", "startswith", "uniquestring")
"""Functions whose result does not show that a part of an id that is not known went into it."""

_UNKNOWN_SUBSCRIPTION = f"/subscriptions/{ids.UNKNOWN}"
_UNKNOWN_GROUP = f"{_UNKNOWN_SUBSCRIPTION}/resourceGroups/{ids.UNKNOWN}"


class Made(NamedTuple):
    """A resource of a template, with its expressions worked out."""

    kind: str
    """Of `ids.KINDS`."""
    raw: Raw


def is_template(value: Mapping[str, Any]) -> bool:
    """Whether an object is a template."""
    schema = value.get("$schema")
    if isinstance(schema, str) and "deploymenttemplate.json" in schema.lower():
        return True
    return "contentVersion" in value and isinstance(value.get("resources"), (list, dict))


def is_parameters_file(value: Mapping[str, Any]) -> bool:
    """Whether an object is the parameters of a deployment."""
    schema = value.get("$schema")
    return isinstance(schema, str) and "deploymentparameters.json" in schema.lower()


def made(raw: Raw, parameters: Mapping[str, Any], found: Found) -> Iterator[Made]:
    """The objects of Azure Policy in a template; `parameters` are those of a parameters file."""
    metadata = raw.value.get("metadata")
    told = metadata.get("deploymentScope") if isinstance(metadata, dict) else None
    scope = told if isinstance(told, str) else _deployed_to(str(raw.value.get("$schema", "")))
    template = _Template(raw, found)
    frame = _Frame(template, raw.value, scope, {name: partial(_given, value) for name, value in parameters.items()})
    placed = list(template.place(frame, raw.pointer))
    for resource in placed:
        yield Made(resource.kind, Raw(resource.shown(), raw.file, resource.pointer))


def _given(value: Any) -> Any:
    return value


def _deployed_to(schema: str) -> str:
    schema = schema.lower()
    if "managementgroupdeployment" in schema:
        return f"{ids.MANAGEMENT_GROUPS}{ids.UNKNOWN}"
    if "subscriptiondeployment" in schema:
        return _UNKNOWN_SUBSCRIPTION
    return "" if "tenantdeployment" in schema else _UNKNOWN_GROUP


class _Template:
    """A file: what all deployments within it share."""

    def __init__(self, raw: Raw, found: Found) -> None:
        self.raw = raw
        self.found = found
        self.allowance = Allowance(_ALLOWANCE)
        self.placed: dict[str, Any] = {}
        """Id, lower-case → resource or deployment."""

    def gap(self, pointer: Pointer, reason: str) -> None:
        self.found.gap(Raw({}, self.raw.file, pointer), reason)

    def place(self, frame: _Frame, pointer: Pointer) -> Iterator[_Placed]:
        """The resources that are ours, those of nested deployments too."""
        resources = frame.template.get("resources")
        if not isinstance(resources, (list, dict)):
            self.gap((*pointer, "resources"), "the resources of this template are not a list")
            return
        named: Iterable[tuple[str | int, Any]]
        named = resources.items() if isinstance(resources, dict) else enumerate(resources)
        for key, resource in named:
            at = (*pointer, "resources", key)
            if not isinstance(resource, dict):
                self.gap(at, "this resource of a template is not an object")
            elif not resource.get("existing"):
                yield from self._turns(frame, resource, key, at)

    def _turns(self, frame: _Frame, resource: dict[str, Any], key: Any, at: Pointer) -> Iterator[_Placed]:
        loop = resource.get("copy")
        if not isinstance(loop, dict):
            yield from self._one(frame, resource, key, at)
            return
        try:
            name, count = str(loop.get("name")), frame.count(loop.get("count"))
            for turn in range(count):
                self.allowance.spend(_RESOURCE)
                yield from self._one(frame.turned(name, turn), resource, key, at)
        except TemplateError as error:
            self.gap((*at, "copy"), f"what this loop makes is not known: {error}")

    def _one(self, frame: _Frame, resource: dict[str, Any], key: Any, at: Pointer) -> Iterator[_Placed]:
        type_ = resource.get("type")
        if not isinstance(type_, str):
            return
        kind = next((kind for kind in ids.KINDS if type_.lower().endswith(f"/{kind}".lower())), "")
        ours = kind and ids.PROVIDER.lower() in f"{type_}{resource.get('name')}".lower()
        if not ours and type_.lower() != _DEPLOYMENTS:
            return
        try:
            if "condition" in resource and not frame.condition(resource["condition"]):
                return
        except TemplateError as error:
            self.gap((*at, "condition"), f"whether this is deployed is not known: {error}")
        name = frame.part_of_id(resource.get("name"), (*at, "name") if ours else ())
        if ours:
            placed = self._policy(frame, resource, kind, name, at)
            self.placed[placed.id.lower()] = placed
            if isinstance(key, str):
                frame.symbols[key] = placed
            yield placed
        else:
            yield from self._nested(frame, resource, name, key, at)

    def _policy(self, frame: _Frame, resource: dict[str, Any], kind: str, name: str, at: Pointer) -> _Placed:
        scope = frame.scope
        type_ = str(resource["type"])
        if "/providers/" in type_.lower():
            base, names = type_[: type_.lower().index("/providers/")], name.split("/")
            scope = f"{scope}{_below(base, names[:-2])}"
            name = names[-1]
        elif "scope" in resource:
            scope = _absolute(frame.part_of_id(resource["scope"], (*at, "scope")), scope)
        return _Placed(frame, resource, kind, ids.made(scope, kind, name), scope, at)

    def _nested(self, frame: _Frame, resource: dict[str, Any], name: str, key: Any, at: Pointer) -> Iterator[_Placed]:
        properties = resource.get("properties")
        template = properties.get("template") if isinstance(properties, dict) else None
        if not isinstance(properties, dict) or not isinstance(template, dict):
            self.gap(at, "the template of this deployment lies elsewhere: give it too")
            return
        scope = self._nested_scope(frame, resource)
        options = properties.get("expressionEvaluationOptions")
        inner = str(options.get("scope") if isinstance(options, dict) else "").lower() == "inner"
        if inner:
            given = properties.get("parameters")
            parameters = {
                parameter: partial(frame.parameter_of, holder)
                for parameter, holder in (given.items() if isinstance(given, dict) else ())
            }
            nested = _Frame(self, template, scope, parameters)
        else:
            nested = frame.around(template, scope)
        id = ids.made(scope, "deployments", name).replace(f"/{ids.PROVIDER}/", "/Microsoft.Resources/")
        deployment = _Deployment(nested)
        self.placed[id.lower()] = deployment
        if isinstance(key, str):
            frame.symbols[key] = deployment
        yield from self.place(nested, (*at, "properties", "template"))

    def _nested_scope(self, frame: _Frame, resource: dict[str, Any]) -> str:
        if "scope" in resource:
            return _absolute(frame.part_of_id(resource["scope"]), frame.scope)
        scope = frame.scope
        if "subscriptionId" in resource:
            scope = f"/subscriptions/{frame.part_of_id(resource['subscriptionId'])}"
        if "resourceGroup" in resource:
            group = frame.part_of_id(resource["resourceGroup"])
            scope = f"{_subscription(scope)}/resourceGroups/{group}"
        return scope


class _Placed(Opened):
    """A resource of Azure Policy, at its place."""

    def __init__(
        self, frame: _Frame, resource: dict[str, Any], kind: str, id: str, scope: str, pointer: Pointer
    ) -> None:
        self.frame = frame
        self.resource = resource
        self.kind = kind
        self.id = id
        self.scope = scope
        self.pointer = pointer
        self._known: dict[str, Any] = {}

    def part(self, key: str | int) -> Any:
        """A property, as `reference()` gives it."""
        properties = self.resource.get("properties")
        if is_expression(properties):
            properties = once(self._known, "properties", partial(self.frame.value, properties))
            return properties[key] if isinstance(properties, dict) and key in properties else _missing(key)
        if not isinstance(properties, dict) or key not in properties:
            return _missing(key)
        return self.frame.value(properties[key])

    def shown(self) -> dict[str, Any]:
        """The resource as Azure would show it."""
        shown = {"id": self.id, "name": ids.name_of(self.id)}
        for key in ("properties", "identity", "location"):
            if key in self.resource:
                shown[key] = self.frame.worked_out(self.resource[key])
        if self.kind == ids.ASSIGNMENTS:
            properties = shown.get("properties")
            if isinstance(properties, dict):
                shown["properties"] = {**properties, "scope": self.scope}
        return shown


class _Deployment(Opened):
    """A nested deployment, as `reference()` gives it."""

    def __init__(self, frame: _Frame) -> None:
        self.frame = frame

    def part(self, key: str | int) -> Any:
        return _Outputs(self.frame) if key == "outputs" else _missing(key)


class _Outputs(Opened):
    def __init__(self, frame: _Frame) -> None:
        self.frame = frame

    def part(self, key: str | int) -> Any:
        outputs = self.frame.template.get("outputs")
        output = outputs.get(key) if isinstance(outputs, dict) else None
        if not isinstance(output, dict) or "value" not in output:
            return _missing(key)
        return {"value": once(self.frame.outputs, f"the output {key!r}", partial(self.frame.value, output["value"]))}


def _missing(key: str | int) -> NoReturn:
    raise NotComputed(f"there is no {str(key)[:60]!r} in what reference() reads")


def once(known: dict[str, Any], name: str, work: Callable[[], Any]) -> Any:
    """The result of some work, which is done once. Raises TemplateError, also when the work needs its own result."""
    if name not in known:
        known[name] = NotComputed(f"{name} needs itself")
        try:
            known[name] = work()
        except TemplateError as error:
            known[name] = error
    result = known[name]
    if isinstance(result, TemplateError):
        raise result
    return result


class _Frame:
    """A deployment, nested or not: what its expressions see."""

    def __init__(
        self, template: _Template, value: Mapping[str, Any], scope: str, parameters: Mapping[str, Any]
    ) -> None:
        self.shared = template
        self.template = value
        self.scope = scope
        self.symbols: dict[str, Any] = {}
        self._names = value
        self._parameters = {name.lower(): parameter for name, parameter in parameters.items()}
        self._turn: dict[str, int] = {}
        self._latest = ""
        self._known: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def around(self, template: Mapping[str, Any], scope: str) -> _Frame:
        """A deployment within this one whose expressions see what this one's see."""
        frame = self.turned("", 0)
        frame._turn, frame._latest = self._turn, self._latest
        frame.template, frame.scope = template, scope
        return frame

    def turned(self, loop: str, turn: int) -> _Frame:
        """The same, in a turn of a loop."""
        frame = _Frame(self.shared, self.template, self.scope, {})
        frame.symbols, frame._names, frame._parameters = self.symbols, self._names, self._parameters
        frame._known = self._known
        frame._turn, frame._latest = {**self._turn, loop.lower(): turn}, loop.lower()
        return frame

    def value(self, written: Any) -> Any:
        """A value of a template, worked out. Raises TemplateError."""
        if isinstance(written, str):
            if not is_expression(written):
                return unescaped(written)
            return evaluate(written, self._environment(), self.shared.allowance)
        self.shared.allowance.spend()
        if isinstance(written, Mapping):
            return {**{key: self.value(inner) for key, inner in _plain(written)}, **dict(self._loops(written))}
        if isinstance(written, list):
            return [self.value(inner) for inner in written]
        return written

    def worked_out(self, written: Any) -> Any:
        """As `value`, with an `Unknown` wherever it cannot be told."""
        try:
            self.shared.allowance.spend()
            if isinstance(written, Mapping):
                shown = {key: self.worked_out(inner) for key, inner in _plain(written)}
                return {**shown, **dict(self._loops(written))}
            if isinstance(written, list):
                return [self.worked_out(inner) for inner in written]
            return self.value(written)
        except TemplateError as error:
            return Unknown(f"{_shortened(written)} is not known: {error}")

    def part_of_id(self, written: Any, pointer: Pointer = ()) -> str:
        """A text that becomes part of an id: `(unknown)`, with a gap at a pointer, where it cannot be told."""
        value = self.worked_out(written)
        if isinstance(value, str) and value:
            return value
        if pointer:
            self.shared.gap(pointer, value.reason if isinstance(value, Unknown) else "this is no text, or an empty one")
        return ids.UNKNOWN

    def condition(self, written: Any) -> bool:
        """Whether something is deployed. Raises TemplateError."""
        value = self.worked_out(written)
        if isinstance(value, bool):
            return value
        raise NotComputed(value.reason if isinstance(value, Unknown) else "the condition is not a boolean")

    def count(self, written: Any) -> int:
        """Turns of a loop. Raises TemplateError."""
        value = self.worked_out(written)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LOOPS:
            return value
        raise NotComputed(value.reason if isinstance(value, Unknown) else f"it is no number up to {_LOOPS}")

    def parameter_of(self, holder: Any) -> Any:
        """What a deployment is given: `{"value": …}`. Raises TemplateError."""
        if isinstance(holder, dict) and "value" in holder:
            return self.value(holder["value"])
        raise NotComputed("it is read from a vault")

    def _loops(self, written: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Properties, or variables, that a loop makes."""
        for loop in _loops_of(written):
            name = str(loop["name"])
            turns = range(self.count(loop["count"]))
            yield name, [self.turned(name, turn).value(loop["input"]) for turn in turns]

    def _environment(self) -> Environment:
        return {**_HIDDEN, **{name: partial(function, self) for name, function in _FUNCTIONS.items()}}

    def parameter(self, name: str) -> Any:
        return once(self._known, f"the parameter {name.lower()!r}", partial(self._parameter, name))

    def _parameter(self, name: str) -> Any:
        if name.lower() in self._parameters:
            return self._parameters[name.lower()]()
        declared = _named(self._names.get("parameters"), name)
        if isinstance(declared, dict) and "defaultValue" in declared:
            return self.value(declared["defaultValue"])
        raise NotComputed(f"the parameter {name!r} has no default, and its value is not here")

    def variable(self, name: str) -> Any:
        return once(self._known, f"the variable {name.lower()!r}", partial(self._variable, name))

    def _variable(self, name: str) -> Any:
        variables = self._names.get("variables")
        if isinstance(variables, dict):
            for loop in _loops_of(variables):
                if str(loop["name"]).lower() == name.lower():
                    return next(value for _, value in self._loops({"copy": [loop]}))
            for key, written in variables.items():
                if key.lower() == name.lower():
                    return self.value(written)
        raise NotComputed(f"there is no variable {name!r}")

    def turn(self, loop: Any = "", offset: int = 0) -> int:
        if isinstance(loop, int):
            loop, offset = "", loop
        return self._turn[loop.lower() or self._latest] + offset

    def referred(self, id: str, _version: str = "", _full: str = "") -> Any:
        known = self.symbols.get(id) or self.shared.placed.get(id.lower())
        if known is None:
            raise NotComputed(f"{ids.name_of(id)[:80]!r} is not made by this template")
        return known

    def information(self, symbol: str) -> Any:
        known = self.symbols.get(symbol)
        if not isinstance(known, _Placed):
            raise NotComputed(f"{symbol[:80]!r} is not read from this template")
        return {"id": known.id, "name": ids.name_of(known.id)}

    def resource_id(self, *parts: str) -> str:
        before, type_, names = _parted(parts)
        scope = ids.deployment_scope(self.scope)
        if len(before) == 2:
            scope = f"/subscriptions/{before[0]}/resourceGroups/{before[1]}"
        elif before:
            scope = f"{_subscription(scope)}/resourceGroups/{before[0]}"
        elif scope.lower().startswith(ids.MANAGEMENT_GROUPS.lower()):
            scope = ""
        return f"{scope}{_below(type_, names)}"

    def subscription_resource_id(self, *parts: str) -> str:
        before, type_, names = _parted(parts)
        scope = f"/subscriptions/{before[0]}" if before else _subscription(self.scope)
        return f"{scope}{_below(type_, names)}"

    def tenant_resource_id(self, *parts: str) -> str:
        _, type_, names = _parted(parts)
        return _below(type_, names)

    def group_resource_id(self, *parts: str) -> str:
        before, type_, names = _parted(parts)
        scope = f"{ids.MANAGEMENT_GROUPS}{before[0]}" if before else self.management_group()["id"]
        return f"{scope}{_below(type_, names)}"

    def extension_resource_id(self, base: str, type_: str, *names: str) -> str:
        return f"{base.rstrip('/')}{_below(type_, list(names))}"

    def management_group(self) -> dict[str, str]:
        at_group = self.scope.lower().startswith(ids.MANAGEMENT_GROUPS.lower())
        name = ids.name_of(self.scope) if at_group else ids.UNKNOWN
        return {"id": f"{ids.MANAGEMENT_GROUPS}{name}", "name": name}

    def subscription(self) -> dict[str, str]:
        id = _subscription(self.scope)
        return {"id": id, "subscriptionId": ids.name_of(id)}

    def resource_group(self) -> dict[str, str]:
        scope = ids.deployment_scope(self.scope)
        scope = scope if "/resourcegroups/" in scope.lower() else _UNKNOWN_GROUP
        return {"id": scope, "name": ids.name_of(scope)}


_FUNCTIONS: dict[str, Any] = {
    "parameters": _Frame.parameter,
    "variables": _Frame.variable,
    "copyindex": _Frame.turn,
    "reference": _Frame.referred,
    "resourceinfo": _Frame.information,
    "resourceid": _Frame.resource_id,
    "subscriptionresourceid": _Frame.subscription_resource_id,
    "tenantresourceid": _Frame.tenant_resource_id,
    "managementgroupresourceid": _Frame.group_resource_id,
    "extensionresourceid": _Frame.extension_resource_id,
    "managementgroup": _Frame.management_group,
    "subscription": _Frame.subscription,
    "resourcegroup": _Frame.resource_group,
}


def _hidden(name: str, *arguments: Any) -> Any:
    for argument in arguments:
        if isinstance(argument, str) and ids.UNKNOWN in argument:
            raise NotComputed("where this is deployed to is not told")
    return TEMPLATES[name](arguments)


_HIDDEN: Environment = {name: partial(_hidden, name) for name in _HIDING}


def _named(holder: Any, name: str) -> Any:
    folded = name.lower()
    return next((value for key, value in holder.items() if key.lower() == folded), None) if holder else None


def _shortened(written: Any) -> str:
    """An expression, as gaps quote it."""
    text = written if isinstance(written, str) else "a value of this template"
    return text if len(text) <= 80 else f"{text[:77]}…"


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


def _plain(written: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries of an object that no loop makes."""
    looped = _loops_of(written)
    return ((key, value) for key, value in written.items() if key != "copy" or not looped)


def _parted(parts: Sequence[str]) -> tuple[Sequence[str], str, Sequence[str]]:
    """What stands before the type, the type, and the names."""
    at = next(index for index, part in enumerate([*parts, "/"]) if "/" in part)
    return parts[:at], parts[at], parts[at + 1 :]


def _below(type_: str, names: Sequence[str]) -> str:
    """`/providers/Namespace/type/name/type/name`."""
    namespace, *types = type_.split("/")
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
    return "/".join(parts[:3]) if scope.lower().startswith("/subscriptions/") else _UNKNOWN_SUBSCRIPTION
