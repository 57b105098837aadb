"""Type constraints of variables: what a value becomes when it is given to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tree_sitter import Node

from governor.sources.terraform_hcl.expressions import nowhere
from governor.sources.terraform_hcl.functions import alike
from governor.sources.terraform_hcl.syntax import Attribute
from governor.sources.terraform_hcl.values import (
    Fault,
    Lazy,
    Sensitive,
    Unknown,
    as_bool,
    as_number,
    as_string,
    kinds_inside,
    marked,
    set_of,
    unknown_in,
)

Convert = Callable[[Any], Any]

_PRIMITIVES: dict[str, Convert] = {"string": as_string, "number": as_number, "bool": as_bool}


def conversion(attribute: Attribute) -> Convert:
    """What `type = …` makes of a value; unknown where the type cannot be read or the value does not fit."""
    convert = _of(attribute, attribute.node)

    def whole(value: Any) -> Any:
        try:
            return convert(value)
        except Fault:
            return Unknown("its value does not fit its type")

    return whole


def is_primitive(attribute: Attribute | None) -> bool:
    """Whether values on the command line are taken as they are, without quotes."""
    return attribute is None or attribute.text.strip('"') in _PRIMITIVES


def _of(attribute: Attribute, node: Node) -> Convert:
    file = attribute.file
    inner = node.children[0] if node.type == "expression" else node
    if inner.type == "function_call":
        name = file.text(inner.children[0])
        listed = next((child for child in inner.children if child.type == "function_arguments"), None)
        arguments = [child for child in (listed.children if listed else []) if child.type == "expression"]
        if name in ("list", "set", "map") and len(arguments) == 1:
            return _collection(name, _of(attribute, arguments[0]))
        if name == "tuple" and len(arguments) == 1:
            elements = arguments[0].children[0].children[0]
            return _tuple([_of(attribute, child) for child in elements.children if child.type == "expression"])
        if name == "object" and len(arguments) == 1:
            return _object(attribute, arguments[0])
        return _unreadable
    name = file.text(inner).strip('"')
    if name in _PRIMITIVES:
        return _nullable(_PRIMITIVES[name])
    if name in ("list", "set", "map"):
        return _collection(name, _any)
    return _any if name == "any" else _unreadable


def _any(value: Any) -> Any:
    return value


def _unreadable(value: Any) -> Any:
    return Unknown("its type cannot be read")


def _nullable(convert: Convert) -> Convert:
    def converted(value: Any) -> Any:
        if value is None or isinstance(value, Unknown):
            return value
        if isinstance(value, Lazy):
            return unknown_in(value)
        return marked(converted(value.value)) if isinstance(value, Sensitive) else convert(value)

    return converted


def _collection(name: str, element: Convert) -> Convert:
    def unified(parts: list[Any]) -> list[Any]:
        return alike(parts) if element is _any and len(kinds_inside(parts)) > 1 else parts

    def convert(value: Any) -> Any:
        if name == "map":
            if not isinstance(value, dict):
                raise Fault("a map is wanted")
            return dict(zip(value, unified(list(map(element, value.values()))), strict=True))
        if not isinstance(value, list):
            raise Fault("a list is wanted")
        parts = unified(list(map(element, value)))
        if name == "list":
            return parts
        return unknown_in(parts) or (set_of(parts) if not any(map(_is_complex, parts)) else _unordered())

    return _nullable(convert)


def _is_complex(value: Any) -> bool:
    return isinstance(value, (list, dict, Sensitive)) or value is None


def _unordered() -> Unknown:
    return Unknown("a set of collections is not evaluated")


def _tuple(elements: list[Convert]) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(elements):
            raise Fault("a tuple is wanted")
        return [element(part) for element, part in zip(elements, value, strict=True)]

    return _nullable(convert)


def _object(attribute: Attribute, node: Node) -> Convert:
    file = attribute.file
    fields: dict[str, tuple[Convert, bool, Any]] = {}
    for element in node.children[0].children[0].children:
        if element.type != "object_elem":
            continue
        key, kind = [child for child in element.children if child.type == "expression"][:2]
        optional, default = False, None
        call = kind.children[0]
        if call.type == "function_call" and file.text(call.children[0]) == "optional":
            listed = next(child for child in call.children if child.type == "function_arguments")
            arguments = [child for child in listed.children if child.type == "expression"]
            optional, kind = True, arguments[0]
            if len(arguments) > 1:
                default = file.compiler.expression(arguments[1]).value(nowhere())
        fields[file.text(key).strip('"')] = (_of(attribute, kind), optional, default)

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Fault("an object is wanted")
        result = {}
        for name, (element, optional, default) in fields.items():
            if name not in value and not optional:
                raise Fault(f"{name} is missing")
            part = value.get(name)
            result[name] = element(default if part is None and optional else part)
        return result

    return _nullable(convert)
