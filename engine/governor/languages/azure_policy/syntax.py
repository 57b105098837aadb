"""The rule of a policy definition, read strictly: every mistake has the place it stands at.

Sources: Microsoft's documentation of the policy rule; the grammar of microsoft/regorus (azurepolicy.ebnf).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from governor.arm import expressions
from governor.arm.expressions import ExpressionError, Node

Pointer = tuple[str | int, ...]
"""Keys and indices that lead from the definition to a value."""

OPERATORS = {
    name.lower(): name
    for name in (
        "equals", "notEquals", "like", "notLike", "match", "notMatch", "matchInsensitively", "notMatchInsensitively",
        "contains", "notContains", "in", "notIn", "containsKey", "notContainsKey", "less", "lessOrEquals", "greater",
        "greaterOrEquals", "exists",
    )
}  # fmt: skip
"""Lower-case → as the documentation writes it."""

EFFECTS = {
    name.lower(): name
    for name in (
        "addToNetworkGroup", "append", "audit", "auditIfNotExists", "deny", "denyAction", "deployIfNotExists",
        "disabled", "manual", "modify", "mutate", "enforceRegoPolicy", "enforceSetting", "auditAction", "none",
        "enforceOPAConstraint",
    )
}  # fmt: skip
"""Lower-case → as the documentation writes it. The last four are met in definitions of Microsoft only."""

DEEPEST = 100
"""Conditions within conditions. The documentation names no bound but that of 4,096 conditions."""

MOST = 4096
"""Conditions of one rule."""


class PolicyError(Exception):
    """A definition that is wrong, and where."""

    def __init__(self, message: str, pointer: Pointer = ()) -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer


class Field(Struct, frozen=True):
    """`field`: a name, or an expression that tells it."""

    name: Node


class Value(Struct, frozen=True):
    """`value`."""

    value: Node


class Count(Struct, frozen=True):
    """`count` of the elements of a field, or of a value, for which a condition holds."""

    field: str
    """Empty: of a value."""
    value: Node | None
    name: str
    where: Condition | None


class Leaf(Struct, frozen=True):
    """A left side, an operator and what it is compared with."""

    left: Field | Value | Count
    operator: str
    """Lower-case."""
    right: Node
    at: Pointer


class AllOf(Struct, frozen=True):
    """True when all are; true of none."""

    items: tuple[Condition, ...]
    at: Pointer


class AnyOf(Struct, frozen=True):
    """True when one is; false of none."""

    items: tuple[Condition, ...]
    at: Pointer


class Not(Struct, frozen=True):
    """The opposite."""

    item: Condition
    at: Pointer


Condition = AllOf | AnyOf | Not | Leaf


class Operation(Struct, frozen=True):
    """What append or modify changes."""

    kind: Literal["append", "add", "addorreplace", "remove"]
    field: Node
    value: Node | None
    condition: Node | None
    at: Pointer


class Related(Struct, frozen=True):
    """The resource that auditIfNotExists and deployIfNotExists want."""

    type: Node
    name: Node | None
    group: Node | None
    """`resourceGroupName`."""
    scope: Node | None
    """`existenceScope`: ResourceGroup or Subscription."""
    condition: Condition | None


class Rule(Struct, frozen=True):
    """A policy rule."""

    condition: Condition
    effect: Node
    operations: tuple[Operation, ...]
    conflict: Node | None
    """`conflictEffect`."""
    related: Related | None


def rule(written: Any, at: Pointer = ("policyRule",)) -> Rule:
    """Read a `policyRule`. Raises PolicyError."""
    return _Reader().rule(written, at)


def keys(written: Any, what: str, at: Pointer) -> dict[str, tuple[str, Any]]:
    """An object by lower-case keys: key → (as written, value). Raises PolicyError for no object, or a key twice."""
    if not isinstance(written, Mapping):
        raise PolicyError(f"{what} is an object, not {_kind(written)}", at)
    found: dict[str, tuple[str, Any]] = {}
    for key, value in written.items():
        if key.lower() in found:
            raise PolicyError(f"`{key}` repeats `{found[key.lower()][0]}`: keys are compared without case", (*at, key))
        found[key.lower()] = key, value
    return found


def expression(written: Any, at: Pointer) -> Node:
    """A value with the expressions in it. Raises PolicyError."""
    try:
        return expressions.read(written)
    except ExpressionError as error:
        raise PolicyError(f"not an expression: {error}", at) from None
    except RecursionError:
        raise PolicyError("a value nested too deeply", at) from None


class _Reader:
    def __init__(self) -> None:
        self._conditions = 0

    def rule(self, written: Any, at: Pointer) -> Rule:
        found = keys(written, "a policyRule", at)
        for key in ("if", "then"):
            if key not in found:
                raise PolicyError(f"a policyRule without `{key}`", at)
        condition = self.condition(found["if"][1], (*at, found["if"][0]), 1)
        name, then = found["then"]
        at = (*at, name)
        parts = keys(then, "`then`", at)
        if "effect" not in parts:
            raise PolicyError("`then` without `effect`", at)
        name, effect = parts["effect"]
        if not isinstance(effect, str):
            raise PolicyError(f"an effect is a string, not {_kind(effect)}", (*at, name))
        node = expression(effect, (*at, name))
        if isinstance(node, expressions.Literal) and node.value.lower() not in EFFECTS:
            raise PolicyError(f"no effect is called `{effect}`", (*at, name))
        name, details = parts.get("details", ("details", None))
        operations, conflict, related = self._details(details, (*at, name))
        return Rule(condition, node, operations, conflict, related)

    def condition(self, written: Any, at: Pointer, depth: int) -> Condition:
        self._conditions += 1
        if depth > DEEPEST:
            raise PolicyError(f"conditions nested deeper than {DEEPEST}", at)
        if self._conditions > MOST:
            raise PolicyError(f"more than {MOST:,} conditions in one rule", at)
        found = keys(written, "a condition", at)
        for key, kind in (("allof", AllOf), ("anyof", AnyOf)):
            if key in found:
                name, items = self._alone(found, key, at)
                if not isinstance(items, list):
                    raise PolicyError(f"`{name}` is an array of conditions, not {_kind(items)}", (*at, name))
                return kind(tuple(self.condition(item, (*at, name, n), depth + 1) for n, item in enumerate(items)), at)
        if "not" in found:
            name, item = self._alone(found, "not", at)
            return Not(self.condition(item, (*at, name), depth + 1), at)
        return self._leaf(found, at, depth)

    def _alone(self, found: dict[str, tuple[str, Any]], key: str, at: Pointer) -> tuple[str, Any]:
        for other, (name, _) in found.items():
            if other != key:
                raise PolicyError(f"`{name}` beside `{found[key][0]}`, which stands alone", (*at, name))
        return found[key]

    def _leaf(self, found: dict[str, tuple[str, Any]], at: Pointer, depth: int) -> Leaf:
        lefts = [key for key in found if key in ("field", "value", "count")]
        operators = [key for key in found if key in OPERATORS]
        for key, (name, _) in found.items():
            if key not in lefts and key not in operators:
                raise PolicyError(f"no condition has a `{name}`", (*at, name))
        if len(lefts) != 1:
            what = " and ".join(f"`{found[key][0]}`" for key in lefts)
            raise PolicyError(
                f"a condition with {what}: one of them only" if lefts else "a condition without field, value or count",
                at,
            )
        if len(operators) != 1:
            what = " and ".join(f"`{found[key][0]}`" for key in operators)
            raise PolicyError(
                f"a condition with {what}: one operator only" if operators else "a condition without an operator", at
            )
        name, written = found[lefts[0]]
        left = self._left(lefts[0], written, (*at, name), depth)
        name, right = found[operators[0]]
        node = expression(right, (*at, name))
        if operators[0] == "exists" and isinstance(node, expressions.Literal) and truth(node.value) is None:
            raise PolicyError("`exists` is true or false", (*at, name))
        return Leaf(left, operators[0], node, at)

    def _left(self, key: str, written: Any, at: Pointer, depth: int) -> Field | Value | Count:
        if key == "field":
            if not isinstance(written, str) or not written:
                raise PolicyError(f"a field is named by a string, not by {_kind(written)}", at)
            return Field(expression(written, at))
        if key == "value":
            return Value(expression(written, at))
        found = keys(written, "a count", at)
        for other, (name, _) in found.items():
            if other not in ("field", "value", "name", "where"):
                raise PolicyError(f"no count has a `{name}`", (*at, name))
        if ("field" in found) == ("value" in found):
            raise PolicyError("a count has either a `field` or a `value`", at)
        where = None
        if "where" in found:
            name, condition = found["where"]
            where = self.condition(condition, (*at, name), depth + 1)
        if "field" in found:
            name, field = found["field"]
            if "name" in found:
                raise PolicyError("only a count of a value has a `name`", (*at, found["name"][0]))
            if not isinstance(field, str) or "[*]" not in field:
                raise PolicyError("a count's field has a `[*]`: it counts elements", (*at, name))
            return Count(field, None, "", where)
        name, value = found["value"]
        called = found.get("name", ("name", "default"))[1]
        if not isinstance(called, str) or not called:
            raise PolicyError(f"a count's name is a string, not {_kind(called)}", (*at, found["name"][0]))
        node = expression(value, (*at, name))
        if isinstance(node, expressions.Literal) and not isinstance(node.value, list):
            raise PolicyError(f"a count's value is an array, not {_kind(node.value)}", (*at, name))
        return Count("", node, called, where)

    def _details(self, written: Any, at: Pointer) -> tuple[tuple[Operation, ...], Node | None, Related | None]:
        if isinstance(written, list):
            operations = tuple(self._operation(item, "append", (*at, n)) for n, item in enumerate(written))
            return operations, None, None
        if not isinstance(written, Mapping):
            expression(written, at)
            return (), None, None
        found = keys(written, "details", at)
        name, listed = found.get("operations", ("operations", []))
        if not isinstance(listed, list):
            raise PolicyError(f"operations are an array, not {_kind(listed)}", (*at, name))
        operations = tuple(self._operation(item, "", (*at, name, n)) for n, item in enumerate(listed))
        related = None
        # The type of a template to deploy, and of what an agent's policy reads, are no types of related resources.
        if "type" in found and isinstance(found["type"][1], str):
            related = self._related(found, at)
        rest = {name: value for key, (name, value) in found.items() if key not in ("existencecondition", "deployment")}
        # Nothing reads these; a mistake in them is one all the same.
        expression(rest, at)
        return operations, self._part(found, "conflicteffect", at), related

    def _part(self, found: dict[str, tuple[str, Any]], key: str, at: Pointer) -> Node | None:
        if key not in found:
            return None
        name, value = found[key]
        return expression(value, (*at, name))

    def _operation(self, written: Any, kind: str, at: Pointer) -> Operation:
        found = keys(written, "an operation", at)
        if "field" not in found or not isinstance(found["field"][1], str):
            raise PolicyError("an operation without the `field` it changes", at)
        if not kind:
            named = found.get("operation", ("", None))[1]
            kind = named.lower() if isinstance(named, str) else ""
            if kind not in ("add", "addorreplace", "remove"):
                raise PolicyError("an operation is add, addOrReplace or remove", at)
        if kind != "remove" and "value" not in found:
            raise PolicyError("an operation without `value`", at)
        field = expression(found["field"][1], (*at, found["field"][0]))
        value, condition = self._part(found, "value", at), self._part(found, "condition", at)
        return Operation(kind, field, value, condition, at)  # type: ignore[arg-type]

    def _related(self, found: dict[str, tuple[str, Any]], at: Pointer) -> Related:
        condition = None
        if "existencecondition" in found:
            name, written = found["existencecondition"]
            condition = self.condition(written, (*at, name), 1)
        kind = self._part(found, "type", at)
        assert kind is not None
        return Related(
            kind,
            self._part(found, "name", at),
            self._part(found, "resourcegroupname", at),
            self._part(found, "existencescope", at),
            condition,
        )


def truth(value: Any) -> bool | None:
    """What `exists` is compared with; None when it is neither true nor false."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "that")
