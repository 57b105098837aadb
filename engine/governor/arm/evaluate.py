"""Expressions of ARM templates to values, as far as a template alone decides them.

What names mean where an expression stands is the caller's; all else the functions of `functions` answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from governor.arm.expressions import Call, ExpressionError, Item, Literal, Node, parse
from governor.arm.functions import MISSING, TEMPLATES, NotComputed, TemplateError, member, refused, shown
from governor.azure_model import Unknown

_READ = 4
"""Characters of an expression that weigh as much as a value: reading them takes longer."""

_TEXT = 64
"""Characters of a text that do."""

_HEAVIEST = 200_000
"""What one value may weigh."""

_DEPLOYED = {
    name.lower(): name
    for name in (
        "deployer", "deployment", "environment", "extensionResourceId", "list", "listAccountSas", "listKeys",
        "listSecrets", "managementGroup", "managementGroupResourceId", "newGuid", "pickZones", "providers", "reference",
        "references", "resourceGroup", "resourceId", "resourceInfo", "subscription", "subscriptionResourceId", "tenant",
        "tenantResourceId", "utcNow",
    )
}  # fmt: skip
"""Functions that Azure answers, unless the environment does."""

Environment = Mapping[str, Callable[..., Any]]
"""Name, lower-case → a function whose answer depends on where it stands: `parameters`, `variables`, `copyIndex`. It
returns a value, with an `Unknown` for what is not known; or raises TemplateError."""


class Opened:
    """A value whose parts are worked out when they are asked for: what `reference()` gives."""

    def part(self, key: str | int) -> Any:
        """One property of it. Raises TemplateError."""
        raise NotImplementedError


class Allowance:
    """How much more of a template is worked out: a few lines can ask for more than any machine has."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, weight: int = 1) -> None:
        """Takes a weight off. Raises NotComputed when all is used up."""
        self._left -= weight
        if self._left < 0:
            raise _too_much()

    def charge(self, value: Any) -> None:
        """Takes off what a value weighs. Raises NotComputed when that is too much, or all is used up."""
        waiting, weight = [value], 0
        while waiting:
            inner = waiting.pop()
            more = 1 + len(inner) // _TEXT if isinstance(inner, str) else 1
            self.spend(more)
            weight += more
            if weight > _HEAVIEST:
                raise _too_much()
            if isinstance(inner, dict):
                waiting.extend(inner.values())
            elif isinstance(inner, list):
                waiting.extend(inner)


def _too_much() -> NotComputed:
    return NotComputed("the template asks for more than Azure allows")


def evaluate(text: str, environment: Environment, allowance: Allowance) -> Any:
    """The value of an expression with its brackets; an `Unknown` may lie within it. Raises TemplateError, where all of
    it is not known NotComputed."""
    allowance.spend(1 + len(text) // _READ)
    try:
        value = _Evaluation(environment, allowance).value(parse(text[1:-1], 1))
    except ExpressionError as error:
        raise TemplateError(f"this is no expression of a template: {error}") from None
    except RecursionError:
        raise NotComputed("it leads too deep") from None
    _closed(value)
    allowance.charge(value)
    return value


class _Evaluation:
    def __init__(self, environment: Environment, allowance: Allowance) -> None:
        self._environment = environment
        self._allowance = allowance

    def value(self, node: Node) -> Any:
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Item):
            of, key = self.value(node.of), self.value(node.key)
            return _known(of.part(key) if isinstance(of, Opened) else item_of(of, key))
        assert isinstance(node, Call), "what is written in one expression makes no other nodes"
        if node.name in self._environment:
            return self._own(node)
        if node.name == "if" and len(node.arguments) == 3:
            condition = self.value(node.arguments[0])
            if type(condition) is not bool:
                raise refused("if", condition, "boolean")
            return self.value(node.arguments[1 if condition else 2])
        if node.name == "coalesce":
            return next((value for argument in node.arguments if (value := self.value(argument)) is not None), None)
        if node.name in ("and", "or"):
            return self._decided(node, by=node.name == "or")
        return self._answer(node.name, [self.value(argument) for argument in node.arguments])

    def _own(self, node: Call) -> Any:
        arguments = [self.value(argument) for argument in node.arguments]
        self._allowance.spend()
        try:
            return _known(self._environment[node.name](*arguments))
        except (TypeError, ValueError, LookupError, AttributeError):
            raise TemplateError(f"{_written(node.name)}() cannot be worked out of these arguments") from None

    def _decided(self, node: Call, *, by: bool) -> Any:
        """Of and() and or(): one value may decide, whatever is not known of the others."""
        values, doubt = [], None
        for argument in node.arguments:
            try:
                value = self.value(argument)
            except NotComputed as error:
                doubt = doubt or error
                continue
            if value is by:
                return by
            values.append(value)
        if doubt:
            raise doubt
        return self._answer(node.name, values)

    def _answer(self, name: str, arguments: list[Any]) -> Any:
        function = TEMPLATES.get(name)
        if function is None:
            why = "is known when the template is deployed" if name in _DEPLOYED else "is not worked out by governor"
            raise NotComputed(f"{_written(name)}() {why}")
        for argument in arguments:
            _closed(argument)
        result = function(arguments)
        self._allowance.charge(result)
        return result


def _written(name: str) -> str:
    return _DEPLOYED.get(name, name)


def _known(value: Any) -> Any:
    if type(value) is Unknown:
        raise NotComputed(value.reason)
    return value


def _closed(value: Any) -> None:
    if isinstance(value, Opened):
        raise NotComputed("reference() gives more than is read")


def item_of(whole: Any, key: Any) -> Any:
    """A property, without case, or an element. Raises TemplateError for what is not there."""
    if type(whole) is dict and type(key) is str:
        found = member(whole, key)
        if found is MISSING:
            raise TemplateError(f"there is no property {shown(key)}")
        return found
    if type(whole) is list and type(key) is int:
        if 0 <= key < len(whole):
            return whole[key]
        raise TemplateError(f"there is no element {key} among {len(whole)}")
    raise TemplateError(f"{shown(key)} is asked of what has no such part")
