"""Template expressions, bound to parameters and compiled to closures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from governor.arm.evaluate import item_of
from governor.arm.expressions import Array, Call, Item, Literal, Node, Object
from governor.arm.functions import Function, NotComputed, TemplateError, format_time, functions
from governor.azure_model import Unknown, unknown_in
from governor.languages.azure_policy.fields import Fields, Scopes, binding_scope
from governor.languages.azure_policy.operators import Semantics
from governor.languages.azure_policy.subject import Subject
from governor.languages.azure_policy.syntax import Pointer, PolicyError

Compute = Callable[[Subject], Any]
"""A value, or an `Unknown`. Raises TemplateError."""

_CONTEXT = {
    "parameters", "field", "current", "resourcegroup", "subscription", "requestcontext", "policy", "utcnow", "claims",
}  # fmt: skip
"""Functions whose answer depends on more than their arguments."""


class Binding(Struct, frozen=True):
    """What an assignment gives a definition: everything of an expression that no resource changes."""

    parameters: Mapping[str, Any] = {}
    """Name → value, defaults included."""
    policy: Mapping[str, str] = {}
    """What `policy()` returns."""
    now: datetime | None = None
    """What `utcNow()` tells."""


class Values:
    """Compiles expressions of one definition."""

    def __init__(self, fields: Fields, semantics: Semantics, binding: Binding) -> None:
        self._fields = fields
        self._semantics = semantics
        self._given = {name.lower(): value for name, value in binding.parameters.items()}
        self._binding = binding
        self._functions = functions(semantics)

    def bound(self, node: Node, at: Pointer) -> Node:
        """The same with parameters in their places, and all worked out that can be. Raises PolicyError."""
        if isinstance(node, Literal):
            return node
        if isinstance(node, Array):
            items = tuple(self.bound(item, at) for item in node.items)
            constant = all(isinstance(item, Literal) for item in items)
            return Literal([item.value for item in items]) if constant else Array(items)  # type: ignore[union-attr]
        if isinstance(node, Object):
            pairs = tuple((key, self.bound(item, at)) for key, item in node.items)
            constant = all(isinstance(item, Literal) for _, item in pairs)
            return Literal({key: item.value for key, item in pairs}) if constant else Object(pairs)  # type: ignore[union-attr]
        if isinstance(node, Item):
            of, key = self.bound(node.of, at), self.bound(node.key, at)
            if isinstance(of, Literal) and isinstance(key, Literal):
                try:
                    return Literal(item_of(of.value, key.value))
                except TemplateError:
                    pass
            return Item(of, key)
        return self._bound_call(node, at)

    def _bound_call(self, node: Call, at: Pointer) -> Node:
        arguments = tuple(self.bound(argument, at) for argument in node.arguments)
        constant = [argument.value for argument in arguments if isinstance(argument, Literal)]
        whole = len(constant) == len(arguments)
        name = node.name
        if name not in _CONTEXT and name not in self._functions:
            raise PolicyError(f"no function is called `{name}` in a policy", at)
        if name == "parameters" and whole and len(constant) == 1 and str(constant[0]).lower() in self._given:
            value = self._given[str(constant[0]).lower()]
            if unknown_in(value) is None:
                return Literal(value)
        if name == "policy":
            return Literal(dict(self._binding.policy))
        if name == "utcnow" and whole and self._binding.now:
            return Literal(self._moment(self._binding.now, constant))
        if name == "if" and arguments and isinstance(arguments[0], Literal) and isinstance(arguments[0].value, bool):
            if len(arguments) == 3:
                return arguments[1 if arguments[0].value else 2]
        elif name not in _CONTEXT and whole:
            function = self._function(name, len(arguments), at)
            try:
                return Literal(function.call(constant))
            except TemplateError:
                pass
        return Call(name, arguments)

    def _moment(self, now: datetime, given: list[Any]) -> str:
        if not given and self._semantics == "regorus":
            return now.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return format_time(now, *given)

    def _function(self, name: str, given: int, at: Pointer) -> Function:
        found = self._functions[name]
        if given < found.least or (found.most is not None and given > found.most):
            raise PolicyError(f"`{name}` does not take {given} argument{'' if given == 1 else 's'}", at)
        return found

    def compute(self, node: Node, scopes: Scopes, at: Pointer) -> Compute:
        """A bound expression as a closure. Raises PolicyError."""
        if isinstance(node, Literal):
            value = node.value
            return lambda subject: value
        if isinstance(node, Array):
            items = [self.compute(item, scopes, at) for item in node.items]
            return lambda subject: _known([item(subject) for item in items])
        if isinstance(node, Object):
            pairs = [(key, self.compute(item, scopes, at)) for key, item in node.items]

            def compose(subject: Subject) -> Any:
                made = {key: item(subject) for key, item in pairs}
                return next((value for value in made.values() if type(value) is Unknown), made)

            return compose
        if isinstance(node, Item):
            return self._item(node, scopes, at)
        if special := _SPECIAL.get(node.name):
            return special(self, node, scopes, at)
        call = self._function(node.name, len(node.arguments), at).call
        arguments = [self.compute(argument, scopes, at) for argument in node.arguments]
        if len(arguments) == 1:
            only = arguments[0]

            def one(subject: Subject) -> Any:
                value = only(subject)
                return value if type(value) is Unknown else _called(call, [value])

            return one

        def several(subject: Subject) -> Any:
            given = [argument(subject) for argument in arguments]
            for value in given:
                if type(value) is Unknown:
                    return value
            return _called(call, given)

        return several

    def _item(self, node: Item, scopes: Scopes, at: Pointer) -> Compute:
        of, key = self.compute(node.of, scopes, at), self.compute(node.key, scopes, at)
        tags = _is_tags(node.of)

        def item(subject: Subject) -> Any:
            whole, wanted = of(subject), key(subject)
            for value in (whole, wanted):
                if type(value) is Unknown:
                    return value
            # A tag that a group lacks reads as null: policies that inherit tags ask for it.
            if tags and type(wanted) is str and (whole is None or type(whole) is dict):
                return next((value for name, value in (whole or {}).items() if name.lower() == wanted.lower()), None)
            return item_of(whole, wanted)

        return item

    def _one(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        if len(node.arguments) != 1:
            raise PolicyError(f"`{node.name}` takes one argument", at)
        return self.compute(node.arguments[0], scopes, at)

    def _field(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        name = self._one(node, scopes, at)
        documented = self._semantics == "documented"

        def read(subject: Subject, named: Any) -> Any:
            if type(named) is not str:
                raise TemplateError("`field` takes the name of a field")
            try:
                field = self._fields.field(named, scopes)
            except ValueError as error:
                raise TemplateError(str(error)) from None
            # A count of a related resource binds its own fields; all others are those of the resource itself.
            primary = subject if binding_scope(named.lower(), scopes) else subject.primary
            value = field.read(primary)
            if field.many:
                # Unlike a condition, the function does not tell of elements that lack what is selected.
                told = [primary.original(item) for item in value if item is not None] if type(value) is list else value
                return _known(told) if type(told) is list else told
            value = primary.original(value)
            if field.starred and type(value) is not Unknown:
                return [value]
            return "" if value is None and documented else value

        if isinstance(node.arguments[0], Literal):
            wanted = node.arguments[0].value
            if type(wanted) is str:
                try:
                    self._fields.field(wanted, scopes)
                except ValueError as error:
                    raise PolicyError(str(error), at) from None
            return lambda subject: read(subject, wanted)

        def dynamic(subject: Subject) -> Any:
            named = name(subject)
            return named if type(named) is Unknown else read(subject, named)

        return dynamic

    def _current(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        if not scopes:
            raise PolicyError("`current` outside of a count's where", at)
        if not node.arguments:
            depth = scopes[-1].depth
            return lambda subject: subject.original(subject.scopes[depth])
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Literal):
            raise PolicyError("`current` takes the name of a count, as a string", at)
        named = str(node.arguments[0].value).lower()
        for scope in reversed(scopes):
            if scope.name == named:
                depth = scope.depth
                return lambda subject: subject.original(subject.scopes[depth])
        try:
            field = self._fields.field(named, scopes)
        except ValueError as error:
            raise PolicyError(str(error), at) from None
        if not any(scope.field and named.startswith(scope.name) for scope in scopes):
            raise PolicyError(f"no count that encloses this is called `{node.arguments[0].value}`", at)

        def read(subject: Subject) -> Any:
            value = field.read(subject)
            if field.many and type(value) is list:
                return _known([subject.original(item) for item in value if item is not None])
            return subject.original(value)

        return read

    def _parameter(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        name = self._one(node, scopes, at)

        def look_up(subject: Subject) -> Any:
            named = name(subject)
            if type(named) is Unknown:
                return named
            if type(named) is str and named.lower() in self._given:
                value = self._given[named.lower()]
                return unknown_in(value) or value
            raise TemplateError(f"there is no parameter `{named}`")

        return look_up

    def _resourcegroup(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        return lambda subject: subject.primary.around.group

    def _subscription(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        return lambda subject: subject.primary.around.subscription

    def _requestcontext(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        identity = Unknown("who asks is known at the request only")
        unknown = Unknown("the version of the API is not known")

        def context(subject: Subject) -> Any:
            version = subject.primary.resource.api_version
            if not version and self._semantics == "regorus":
                return {"identity": identity}
            return {"apiVersion": version or unknown, "identity": identity}

        return context

    def _utcnow(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        return lambda subject: Unknown("utcNow() depends on the moment, and none is given")

    def _claims(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        return lambda subject: Unknown("claims() is told to Azure only")

    def _if(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        self._function("if", len(node.arguments), at)
        when, then, other = (self.compute(argument, scopes, at) for argument in node.arguments)

        def choose(subject: Subject) -> Any:
            held = when(subject)
            if type(held) is Unknown:
                return held
            if type(held) is not bool:
                raise TemplateError("`if` takes true or false first")
            return then(subject) if held else other(subject)

        return choose

    def _all(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        decides = node.name == "or"
        self._function(node.name, len(node.arguments), at)
        arguments = [self.compute(argument, scopes, at) for argument in node.arguments]

        def combine(subject: Subject) -> Any:
            doubt = None
            for argument in arguments:
                held = argument(subject)
                if type(held) is Unknown:
                    doubt = doubt or held
                elif type(held) is not bool:
                    raise TemplateError(f"`{node.name}` takes true and false")
                elif held is decides:
                    return decides
            return doubt if doubt is not None else not decides

        return combine

    def _coalesce(self, node: Call, scopes: Scopes, at: Pointer) -> Compute:
        self._function("coalesce", len(node.arguments), at)
        arguments = [self.compute(argument, scopes, at) for argument in node.arguments]

        def first(subject: Subject) -> Any:
            return next((value for argument in arguments if (value := argument(subject)) is not None), None)

        return first


def _called(call: Callable[[list[Any]], Any], arguments: list[Any]) -> Any:
    try:
        return call(arguments)
    except NotComputed as error:
        return Unknown(str(error))


def _known(items: list[Any]) -> Any:
    return next((item for item in items if type(item) is Unknown), items)


def _is_tags(node: Node) -> bool:
    return isinstance(node, Item) and isinstance(node.key, Literal) and str(node.key.value).lower() == "tags"


_SPECIAL: Mapping[str, Callable[[Values, Call, Scopes, Pointer], Compute]] = {
    "parameters": Values._parameter,
    "field": Values._field,
    "current": Values._current,
    "resourcegroup": Values._resourcegroup,
    "subscription": Values._subscription,
    "requestcontext": Values._requestcontext,
    "utcnow": Values._utcnow,
    "claims": Values._claims,
    "if": Values._if,
    "and": Values._all,
    "or": Values._all,
    "coalesce": Values._coalesce,
}
