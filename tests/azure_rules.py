"""Rules of Azure Policy on resources: the operators and functions that generated rules use, by Microsoft's documentation.

A resource is `{"type", "location", "kind", "tags"}` and its aliases, by name; those of arrays hold a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Resource = Mapping[str, Any]
Test = Callable[[Resource, Mapping[str, Any]], bool]
Value = Callable[[Resource, Mapping[str, Any]], Any]


def applies(rule: Mapping[str, Any], resource: Resource) -> bool:
    """Whether the `if` of a rule holds: the resource is non-compliant."""
    return _compiled(rule["if"])(resource, {})


_KEPT: dict[int, tuple[Any, Test]] = {}


def _compiled(condition: Any) -> Test:
    kept = _KEPT.get(id(condition))
    if kept is None or kept[0] is not condition:
        kept = _KEPT[id(condition)] = (condition, _compile(condition))
    return kept[1]


def _compile(condition: Any) -> Test:
    if "allOf" in condition:
        inner = [_compile(one) for one in condition["allOf"]]
        return lambda resource, names: all(test(resource, names) for test in inner)
    if "anyOf" in condition:
        inner = [_compile(one) for one in condition["anyOf"]]
        return lambda resource, names: any(test(resource, names) for test in inner)
    if "not" in condition:
        test = _compile(condition["not"])
        return lambda resource, names: not test(resource, names)
    (operator,) = condition.keys() - {"field", "value", "count"}
    compare = _OPERATORS[operator](condition[operator])
    value = _count(condition["count"]) if "count" in condition else _left(condition)
    return lambda resource, names: compare(value(resource, names))


def _left(condition: Mapping[str, Any]) -> Value:
    if "value" in condition:
        return _expression(condition["value"])
    field = condition["field"]
    return lambda resource, names: names[field] if field in names else read(resource, field)


def _count(count: Mapping[str, Any]) -> Value:
    where = _compile(count["where"])
    if "value" in count:
        name, members = count["name"], count["value"]
        return lambda resource, names: sum(where(resource, {**names, name: member}) for member in members)
    array = count["field"].removesuffix("[*]")
    below = next(field for field in _fields(count["where"]) if field.startswith(f"{array}[*]"))
    return lambda resource, names: sum(where(resource, {**names, below: v}) for v in resource.get(below, []))


def _fields(condition: Mapping[str, Any]) -> list[str]:
    return [condition["field"]]


def read(resource: Resource, field: str) -> Any:
    """A field, None where there is none. Names of tags have no case."""
    if found := re.fullmatch(r"tags\['(.*)'\]", field, re.DOTALL):
        name = found[1].replace("''", "'").casefold()
        return next((value for key, value in resource["tags"].items() if key.casefold() == name), None)
    return resource.get(field)


def _folded(value: Any) -> str:
    return "" if value is None else str(value).casefold()


def _exists(wanted: Any) -> Callable[[Any], bool]:
    exists = str(wanted).lower() == "true"
    return lambda value: (value is not None) == exists


def _match(pattern: str) -> Callable[[Any], bool]:
    kinds = {"#": "[0-9]", "?": "[A-Za-z]", ".": "(?s:.)"}
    expected = re.compile("".join(kinds.get(char, re.escape(char)) for char in _literal(pattern)))
    return lambda value: value is not None and expected.fullmatch(value) is not None


def _like(pattern: str) -> Callable[[Any], bool]:
    expected = re.compile(".*".join(map(re.escape, _literal(pattern).casefold().split("*"))), re.DOTALL)
    return lambda value: expected.fullmatch(_folded(value)) is not None


def _equals(wanted: Any) -> Callable[[Any], bool]:
    folded = _folded(_literal(wanted))
    return lambda value: _folded(value) == folded


def _in(wanted: list[str]) -> Callable[[Any], bool]:
    folded = {_folded(_literal(one)) for one in wanted}
    return lambda value: value is not None and _folded(value) in folded


def _literal(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and value.startswith("[[") else value


def _opposite(make: Callable[[Any], Callable[[Any], bool]]) -> Callable[[Any], Callable[[Any], bool]]:
    def opposite(wanted: Any) -> Callable[[Any], bool]:
        compare = make(wanted)
        return lambda value: not compare(value)

    return opposite


_OPERATORS: dict[str, Callable[[Any], Callable[[Any], bool]]] = {
    "exists": _exists,
    "equals": _equals,
    "notEquals": _opposite(_equals),
    "in": _in,
    "notIn": _opposite(_in),
    "match": _match,
    "like": _like,
    "greater": lambda wanted: lambda value: value > wanted,
    "greaterOrEquals": lambda wanted: lambda value: value >= wanted,
    "lessOrEquals": lambda wanted: lambda value: value <= wanted,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "trim": str.strip,
    "length": len,
    "take": lambda text, count: text[: max(count, 0)],
    "skip": lambda text, count: text[max(count, 0) :],
    "sub": lambda first, second: first - second,
}

_TOKENS = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+)|(\w+)|([(),]))")


def _expression(text: str) -> Value:
    if not (text.startswith("[") and text.endswith("]")):
        return lambda resource, names: text
    tokens = [found.groups() for found in _TOKENS.finditer(text[1:-1])]
    value, rest = _term(tokens)
    assert not rest, text
    return value


def _term(tokens: list[tuple[str, ...]]) -> tuple[Value, list[tuple[str, ...]]]:
    (string, number, name, _), *rest = tokens
    if string is not None:
        return (lambda resource, names, it=string.replace("''", "'"): it), rest
    if number is not None:
        return (lambda resource, names, it=int(number): it), rest
    assert rest.pop(0)[3] == "("
    arguments = []
    while rest[0][3] != ")":
        argument, rest = _term(rest)
        arguments.append(argument)
        if rest[0][3] == ",":
            rest = rest[1:]
    return _call(name, arguments), rest[1:]


def _call(name: str, arguments: list[Value]) -> Value:
    if name == "field":
        (argument,) = arguments
        return lambda resource, names: read(resource, argument(resource, names)) or ""
    if name == "current":
        (argument,) = arguments
        return lambda resource, names: names[argument(resource, names)]
    function = _FUNCTIONS[name]
    return lambda resource, names: function(*(argument(resource, names) for argument in arguments))
