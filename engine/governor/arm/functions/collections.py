"""Functions on arrays and objects, and those that take a text for an array of characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from governor.arm.functions.numbers import truncating
from governor.arm.functions.values import (
    MISSING,
    Function,
    TemplateError,
    by_name,
    identity,
    member,
    refused,
    same,
    shown,
    text_of,
    too_deep,
    whole,
)
from governor.azure_model import Unknown


def array(arguments: Sequence[Any]) -> list[Any]:
    value = arguments[0]
    return value if type(value) is list else [value]


def create_array(arguments: Sequence[Any]) -> list[Any]:
    return list(arguments)


def create_object(arguments: Sequence[Any]) -> dict[str, Any]:
    made = create_object_over(arguments)
    if len(made) < len(arguments) // 2:
        raise TemplateError("createObject: two members have one name")
    return made


def create_object_over(arguments: Sequence[Any]) -> dict[str, Any]:
    """Of members with one name the last holds."""
    if len(arguments) % 2:
        raise TemplateError(f"createObject: takes names and values in turn, not {len(arguments)} arguments")
    names = [text_of("createObject", name) for name in arguments[::2]]
    return dict(zip(names, arguments[1::2], strict=True))


def _sequence(function: str, value: Any) -> Any:
    """An array, a text or null."""
    if type(value) is list or type(value) is str or value is None:
        return value
    raise refused(function, value, "array or text")


def first(arguments: Sequence[Any]) -> Any:
    """Null of an empty array, and of null; empty text of empty text."""
    value = _sequence("first", arguments[0])
    return value[0] if value else value if type(value) is str else None


def last(arguments: Sequence[Any]) -> Any:
    value = _sequence("last", arguments[0])
    return value[-1] if value else value if type(value) is str else None


def take(arguments: Sequence[Any]) -> Any:
    count = max(whole("take", arguments[1]), 0)
    value = _sequence("take", arguments[0])
    return None if value is None else value[:count]


def skip(arguments: Sequence[Any]) -> Any:
    count = max(whole("skip", arguments[1]), 0)
    value = _sequence("skip", arguments[0])
    return None if value is None else value[count:]


def length(arguments: Sequence[Any]) -> int:
    value = arguments[0]
    if type(value) is list or type(value) is str or type(value) is dict:
        return len(value)
    if value is None:
        return 0
    raise refused("length", value, "array, object or text")


def empty(arguments: Sequence[Any]) -> bool:
    value = arguments[0]
    if type(value) is list or type(value) is str or type(value) is dict:
        return not value
    if value is None:
        return True
    raise refused("empty", value, "array, object or text")


def empty_or_none(arguments: Sequence[Any]) -> bool:
    """What has no length is not empty."""
    value = arguments[0]
    if type(value) is Unknown:
        raise refused("empty", value, "JSON value")
    return value is None or (type(value) in (list, str, dict) and not value)


def contains(arguments: Sequence[Any]) -> bool:
    """A text or a member of an object in any case; an item of an array exactly."""
    held, sought = arguments
    if type(held) is str:
        return text_of("contains", sought).casefold() in held.casefold()
    if type(held) is list:
        return any(same("contains", item, sought) for item in held)
    if type(held) is dict:
        return member(held, text_of("contains", sought)) is not MISSING
    raise refused("contains", held, "array, object or text")


def _alike(function: str, arguments: Sequence[Any]) -> type:
    """The one kind of the arguments: list or dict."""
    for argument in arguments:
        if type(argument) is not list and type(argument) is not dict:
            raise refused(function, argument, "array or object")
        if type(argument) is not type(arguments[0]):
            raise TemplateError(f"{function}: takes arrays or objects, not both")
    return list if type(arguments[0]) is list else dict


def _common(once: bool) -> Callable[[Sequence[Any]], Any]:
    """intersection(): what is in all, in the order of the first; items that are the same `once`, or as often as the
    first has them."""

    def common(arguments: Sequence[Any]) -> Any:
        start, others = arguments[0], arguments[1:]
        if _alike("intersection", arguments) is dict:
            return {
                name: value
                for name, value in start.items()
                if all(name in other and same("intersection", value, other[name]) for other in others)
            }
        held = [{identity("intersection", item) for item in other} for other in others]
        keyed = [(identity("intersection", item), item) for item in start]
        kept = [(key, item) for key, item in keyed if all(key in keys for keys in held)]
        return _items(kept, once)

    return common


def _items(keyed: Sequence[tuple[Any, Any]], once: bool) -> list[Any]:
    if not once:
        return [item for _, item in keyed]
    found: dict[Any, Any] = {}
    for key, item in keyed:
        found.setdefault(key, item)
    return list(found.values())


def _united(fold: Callable[[str], str]) -> Callable[[Sequence[Any]], Any]:
    """union(): each item once; objects merged at any depth, where the last value of a member holds. Members whose
    names `fold` to the same are one, under the name that came first."""

    def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        result = dict(one)
        names = {fold(name): name for name in result}
        for name, value in other.items():
            there = names.setdefault(fold(name), name)
            before = result.get(there)
            if Unknown in (kinds := {type(before), type(value)}) and kinds <= {Unknown, dict}:
                raise refused("union", value if type(value) is Unknown else before, "object")
            result[there] = merged(before, value) if type(before) is dict and type(value) is dict else value
        return result

    def united(arguments: Sequence[Any]) -> Any:
        if _alike("union", arguments) is list:
            return _items([(identity("union", item), item) for argument in arguments for item in argument], once=True)
        result: dict[str, Any] = {}
        try:
            for argument in arguments:
                result = merged(result, argument)
        except RecursionError:
            raise too_deep("union") from None
        return result

    return united


def items(arguments: Sequence[Any]) -> list[dict[str, Any]]:
    """Members by name, without case."""
    return _listed(arguments[0], str.casefold)


def items_in_code_order(arguments: Sequence[Any]) -> list[dict[str, Any]]:
    return _listed(arguments[0], str)


def _listed(value: Any, order: Callable[[str], str]) -> list[dict[str, Any]]:
    if type(value) is not dict:
        raise refused("items", value, "object")
    return [{"key": name, "value": value[name]} for name in sorted(value, key=order)]


def object_keys(arguments: Sequence[Any]) -> list[str]:
    return [item["key"] for item in _listed(arguments[0], str.casefold)]


def try_get(arguments: Sequence[Any]) -> Any:
    """A member or an item, null where there is none; what more is asked of it must be there."""
    value = _reached("tryGet", arguments[0], arguments[1])
    if value is MISSING:
        return None
    for place in arguments[2:]:
        if value is None:
            return None
        value = _reached("tryGet", value, place)
        if value is MISSING:
            raise TemplateError(f"tryGet: there is no {shown(place)}")
    return value


def _reached(function: str, value: Any, place: Any) -> Any:
    if type(place) is not str and type(place) is not int:
        raise refused(function, place, "text or whole number")
    if type(value) is Unknown:
        raise refused(function, value, "JSON value")
    if type(value) is dict and type(place) is str:
        return member(value, place)
    if type(value) is list and type(place) is int and 0 <= place < len(value):
        return value[place]
    return MISSING


def try_get_exactly(arguments: Sequence[Any]) -> Any:
    value, place = arguments
    if type(value) is dict:
        return value.get(place) if type(place) is str else None
    found = _reached("tryGet", value, place) if type(place) is int else MISSING
    return None if found is MISSING else found


def index_from_end(arguments: Sequence[Any]) -> Any:
    """Counted from 1: the last."""
    value, place = arguments
    if type(value) is not list:
        raise refused("indexFromEnd", value, "array")
    if not 1 <= whole("indexFromEnd", place) <= len(value):
        raise TemplateError(f"indexFromEnd: {place} is out of bounds, the array has {len(value)} items")
    return value[-place]


def try_index_from_end(arguments: Sequence[Any]) -> Any:
    value, place = arguments
    if type(value) is Unknown:
        raise refused("tryIndexFromEnd", value, "array")
    return value[-place] if type(value) is list and type(place) is int and 1 <= place <= len(value) else None


def _no_null(call: Callable[[Sequence[Any]], Any], name: str) -> Callable[[Sequence[Any]], Any]:
    """The same function for those who take no null for an array."""

    def strict(arguments: Sequence[Any]) -> Any:
        if arguments[0] is None:
            raise refused(name, None, "array or text")
        return call(arguments)

    return strict


def _none_if_no_number(call: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """The same function for those who count what is no number as none."""

    def counted(arguments: Sequence[Any]) -> Any:
        value, count = arguments
        return call((value, count if type(count) in (int, float, Unknown) else 0))

    return counted


_BOTH = by_name(
    [
        Function("array", array, 1, 1),
        Function("createArray", create_array, 0, None),
    ]
)

DOCUMENTED = _BOTH | by_name(
    [
        Function("createObject", create_object, 0, None),
        Function("first", first, 1, 1),
        Function("last", last, 1, 1),
        Function("take", take, 2, 2),
        Function("skip", skip, 2, 2),
        Function("length", length, 1, 1),
        Function("empty", empty, 1, 1),
        Function("contains", contains, 2, 2),
        Function("intersection", _common(once=True), 2, None),
        Function("union", _united(str.casefold), 2, None),
        Function("items", items, 1, 1),
        Function("tryGet", try_get, 2, None),
        Function("indexFromEnd", index_from_end, 2, 2),
        Function("tryIndexFromEnd", try_index_from_end, 2, 2),
    ]
)

ONLY_IN_TEMPLATES = by_name([Function("objectKeys", object_keys, 1, 1)])

REGORUS = _BOTH | by_name(
    [
        Function("createObject", create_object_over, 0, None),
        Function("first", _no_null(first, "first"), 1, 1),
        Function("last", _no_null(last, "last"), 1, 1),
        Function("take", _no_null(_none_if_no_number(truncating(take)), "take"), 2, 2),
        Function("skip", _no_null(_none_if_no_number(truncating(skip)), "skip"), 2, 2),
        Function("length", _no_null(length, "length"), 1, 1),
        Function("empty", empty_or_none, 1, 1),
        Function("intersection", _common(once=False), 1, None),
        Function("union", _united(str), 1, None),
        Function("items", items_in_code_order, 1, 1),
        Function("tryGet", truncating(try_get_exactly), 2, 2),
        Function("indexFromEnd", truncating(index_from_end), 2, 2),
        Function("tryIndexFromEnd", truncating(try_index_from_end), 2, 2),
    ]
)
