"""Expressions of ARM templates, as far as a template alone decides them: a value out, or an `Unknown` with the reason.

Only what names, types and properties are commonly made of is evaluated. Microsoft's documentation "ARM template
functions" says what each function does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from governor.azure_model import Unknown

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_][\w.]*?(?=\s*\())|(?P<mark>.))"
)
_STEP = re.compile(r"\s*(?:\.\s*(?P<name>[A-Za-z_]\w*)|(?P<index>\[))")
_LONGEST = 50_000
"""Characters of an expression; longer ones are not read."""
_DEEPEST = 40


class Work:
    """How much more may be evaluated: a few lines of a template can ask for more than any machine has."""

    def __init__(self, left: int = 1_000_000) -> None:
        self.left = left

    def spend(self, steps: int = 1) -> bool:
        """Whether there was that much left."""
        self.left -= steps
        return self.left >= 0


TOO_MUCH = Unknown("the template asks for more than Azure allows")
_LONGEST_TEXT = 131_072
_MOST_NODES = 32_768
"""Azure's own limits for the result of an expression."""


class Scope(NamedTuple):
    """What names mean where an expression stands."""

    work: Work
    parameter: Callable[[str], Any]
    variable: Callable[[str], Any]
    turns: Mapping[str, Any] = {}
    """Name of a copy loop → number of the turn; `` is the innermost."""
    ids: str = ""
    """Where it is deployed to, for ids that need not be known in full; empty: such an id is not known."""


class BadExpressionError(Exception):
    """What does not parse."""


def is_expression(value: Any) -> bool:
    """Whether a text is one."""
    return isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[[")


def evaluate(text: str, scope: Scope) -> Any:
    """The value of `[…]`."""
    if len(text) > _LONGEST:
        return Unknown("the expression is too long")
    if not scope.work.spend(1 + len(text) // 10):
        return TOO_MUCH
    try:
        parser = _Parser(text[1:-1], scope)
        value = parser.value(0)
        if parser.rest():
            raise BadExpressionError
    except BadExpressionError:
        return Unknown(f"the expression does not parse: {text[:80]}")
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, ZeroDivisionError):
        return Unknown(f"the expression fails: {text[:80]}")
    return value


class _Parser:
    """Reads and evaluates in one pass."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._at = 0
        self._scope = scope

    def rest(self) -> str:
        return self._text[self._at :].strip()

    def value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise BadExpressionError
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise BadExpressionError
        self._at = match.end()
        if match["text"] is not None:
            value: Any = match["text"][1:-1].replace("''", "'")
        elif match["number"]:
            value = int(match["number"])
        elif match["name"]:
            value = self._call(match["name"], depth)
        else:
            raise BadExpressionError
        while step := _STEP.match(self._text, self._at):
            self._at = step.end()
            if step["name"]:
                value = _step(value, step["name"])
            else:
                value = _step(value, self.value(depth + 1))
                self._expect("]")
        return value

    def _call(self, name: str, depth: int) -> Any:
        self._expect("(")
        arguments = []
        if not self.rest().startswith(")"):
            arguments.append(self.value(depth + 1))
            while self.rest().startswith(","):
                self._expect(",")
                arguments.append(self.value(depth + 1))
        self._expect(")")
        return _call(name, arguments, self._scope)

    def _expect(self, mark: str) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match["mark"] != mark:
            raise BadExpressionError
        self._at = match.end()


def _step(value: Any, step: Any) -> Any:
    if isinstance(value, Unknown):
        return value
    if isinstance(step, Unknown):
        return step
    if isinstance(value, dict):
        for name, item in value.items():
            if name.lower() == str(step).lower():
                return item
        return Unknown(f"there is no {step}")
    return value[step]


def _call(name: str, arguments: list[Any], scope: Scope) -> Any:
    low = name.lower()
    if low == "parameters":
        return scope.parameter(str(arguments[0]))
    if low == "variables":
        return scope.variable(str(arguments[0]))
    if low == "copyindex":
        loop = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        turn = scope.turns.get(loop, Unknown("it stands outside of a loop"))
        offset = arguments[-1] if arguments and isinstance(arguments[-1], int) else 0
        return turn if isinstance(turn, Unknown) else turn + offset
    if low == "if":
        condition, then, otherwise = arguments
        return condition if isinstance(condition, Unknown) else then if condition else otherwise
    if low in ("and", "or"):
        decided = low == "or"
        if any(argument is decided for argument in arguments):
            return decided
    if low == "coalesce":
        return next((argument for argument in arguments if argument is not None), None)
    if unknown := next((found for argument in arguments if (found := unknown_in(argument))), None):
        return unknown
    if low == "resourceid" and scope.ids:
        while "/" not in arguments[0]:  # a subscription, or a group
            arguments = arguments[1:]
        return resource_id(scope.ids, arguments[0], "/".join(map(str, arguments[1:])))
    if low in _DEPLOYED:
        return Unknown(f"{name}() is known when the template is deployed")
    if function := _FUNCTIONS.get(low):
        if low in ("padleft", "range") and any(isinstance(n, int) and n > _MOST_NODES for n in arguments[1:]):
            return TOO_MUCH
        return bounded(function(*arguments), scope.work)
    return Unknown(f"governor does not evaluate {name}()")


def bounded(value: Any, work: Work) -> Any:
    """The value, unless it is larger than Azure lets one be."""
    size, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        size += 1
        if isinstance(item, str):
            size += len(item) // 4
        elif isinstance(item, (list, dict)):
            waiting.extend(item.values() if isinstance(item, dict) else item)
        if size > _MOST_NODES or (isinstance(item, str) and len(item) > _LONGEST_TEXT):
            return TOO_MUCH
    return value if work.spend(size) else TOO_MUCH


def resource_id(scope: str, type: str, name: str) -> str:
    """The id of a resource of a type `A/b/c` with the name `x/y`, below a scope."""
    provider, *types = type.split("/")
    names = name.split("/")
    names += ["(unknown)"] * (len(types) - len(names))
    path = "".join(f"/{step}/{own}" for step, own in zip(types, names, strict=False))
    return f"{scope}/providers/{provider}{path}"


def unknown_in(value: Any) -> Unknown | None:
    """An `Unknown` in a value, if there is one."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return None
    return next((found for item in value if (found := unknown_in(item))), None)


_DEPLOYED = frozenset(
    {
        "resourcegroup", "subscription", "tenant", "managementgroup", "deployment", "deployer", "environment",
        "reference", "list", "listkeys", "listsecrets", "listaccountsas", "providers", "pickzones", "newguid", "guid",
        "utcnow", "uniquestring", "resourceid", "subscriptionresourceid", "tenantresourceid", "extensionresourceid",
        "managementgroupresourceid",
    }
)  # fmt: skip


def _concat(*values: Any) -> Any:
    if values and all(isinstance(value, list) for value in values):
        return [item for value in values for item in value]
    return "".join(map(_text, values))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return "" if value is None else str(value)


def _format(pattern: str, *values: Any) -> Any:
    if re.search(r"\{\d+[:,]", pattern):
        return Unknown("governor does not evaluate formats of numbers")
    return re.sub(r"\{(\d+)\}", lambda match: _text(values[int(match[1])]), pattern)


def _union(*values: Any) -> Any:
    if all(isinstance(value, dict) for value in values):
        merged: dict[str, Any] = {}
        for value in values:
            for name, item in value.items():
                both = isinstance(item, dict) and isinstance(merged.get(name), dict)
                merged[name] = _union(merged[name], item) if both else item
        return merged
    found: list[Any] = []
    for value in values:
        found += [item for item in value if item not in found]
    return found


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, dict):
        return str(item).lower() in (name.lower() for name in container)
    return item in container


def _split(value: str, by: str | Sequence[str]) -> list[str]:
    marks = [by] if isinstance(by, str) else by
    return re.split("|".join(map(re.escape, marks)), value)


def _object(*parts: Any) -> dict[str, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
    return bool(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": _concat,
    "format": _format,
    "string": _text,
    "int": int,
    "bool": _bool,
    "true": lambda: True,
    "false": lambda: False,
    "null": lambda: None,
    "tolower": lambda value: value.lower(),
    "toupper": lambda value: value.upper(),
    "trim": lambda value: value.strip(),
    "replace": lambda value, old, new: value.replace(old, new),
    "split": _split,
    "join": lambda values, by: by.join(map(_text, values)),
    "substring": lambda value, start, length=None: value[start : None if length is None else start + length],
    "take": lambda value, count: value[: max(count, 0)],
    "skip": lambda value, count: value[max(count, 0) :],
    "first": lambda value: value[0],
    "last": lambda value: value[-1],
    "length": len,
    "empty": lambda value: not value,
    "contains": _contains,
    "startswith": lambda value, start: value.lower().startswith(start.lower()),
    "endswith": lambda value, end: value.lower().endswith(end.lower()),
    "padleft": lambda value, width, fill=" ": _text(value).rjust(width, fill),
    "equals": lambda one, other: type(one) is type(other) and one == other,
    "not": lambda value: not value,
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "less": lambda one, other: one < other,
    "lessorequals": lambda one, other: one <= other,
    "greater": lambda one, other: one > other,
    "greaterorequals": lambda one, other: one >= other,
    "add": lambda one, other: one + other,
    "sub": lambda one, other: one - other,
    "mul": lambda one, other: one * other,
    "div": lambda one, other: int(one / other),
    "mod": lambda one, other: one % other,
    "min": lambda *values: min(*values) if len(values) > 1 else min(values[0]),
    "max": lambda *values: max(*values) if len(values) > 1 else max(values[0]),
    "range": lambda start, count: list(range(start, start + count)),
    "array": lambda value: value if isinstance(value, list) else [value],
    "createarray": lambda *values: list(values),
    "createobject": _object,
    "union": _union,
    "json": lambda value: msgspec.json.decode(value),
}
