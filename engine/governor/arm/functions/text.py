"""Functions on text. Positions and lengths count characters, where .NET counts UTF-16 units."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from governor.arm.functions.values import (
    LONGEST,
    Function,
    TemplateError,
    by_name,
    encoded,
    json_of,
    limited,
    number_text,
    or_false,
    refused,
    same,
    text_of,
    text_or_null,
    whole,
    within,
)
from governor.azure_model import Unknown

_WIDEST = 16
"""padLeft pads to no more: the linter of Azure Policy."""

_DELIMITERS = 1_000
"""A bound of governor's own: each of them is looked for in the whole text."""

_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""Of guid(): Microsoft's page on string functions for Bicep, and the linter of Azure Policy."""


def concat(arguments: Sequence[Any]) -> Any:
    """Arrays end to end; else texts, whole numbers and booleans, without the nulls."""
    if all(type(argument) is list for argument in arguments):
        return [item for argument in arguments for item in argument]
    parts = []
    for argument in arguments:
        kind = type(argument)
        if kind is str:
            parts.append(argument)
        elif kind is bool:
            parts.append(str(argument))
        elif kind is int:
            parts.append(number_text("concat", argument))
        elif argument is not None:
            raise refused("concat", argument, "text")
    return limited("concat", "".join(parts))


def concat_texts(arguments: Sequence[Any]) -> str:
    return limited("concat", "".join([text_of("concat", argument) for argument in arguments]))


def to_lower(arguments: Sequence[Any]) -> str:
    return text_or_null("toLower", arguments[0]).lower()


def to_upper(arguments: Sequence[Any]) -> str:
    return text_or_null("toUpper", arguments[0]).upper()


def trim(arguments: Sequence[Any]) -> str:
    return text_or_null("trim", arguments[0]).strip()


def starts_with(arguments: Sequence[Any]) -> bool:
    text, start = (text_or_null("startsWith", argument) for argument in arguments)
    return text.casefold().startswith(start.casefold())


def ends_with(arguments: Sequence[Any]) -> bool:
    text, end = (text_or_null("endsWith", argument) for argument in arguments)
    return text.casefold().endswith(end.casefold())


def _folded(text: str) -> tuple[str, list[int]]:
    """A text without case, and for each character of it the place in the text that it comes from."""
    folded = [character.casefold() for character in text]
    return "".join(folded), [place for place, part in enumerate(folded) for _ in part]


def index_of(arguments: Sequence[Any]) -> int:
    held, sought = arguments
    if type(held) is str:
        sought = text_of("indexOf", sought).casefold()
        if held.isascii():
            return held.lower().find(sought)
        folded, places = _folded(held)
        found = folded.find(sought)
        return places[found] if sought and found >= 0 else found
    if held is None:
        return -1
    if type(held) is list:
        return next((place for place, item in enumerate(held) if same("indexOf", item, sought)), -1)
    raise refused("indexOf", held, "text or array")


def last_index_of(arguments: Sequence[Any]) -> int:
    held, sought = arguments
    if type(held) is str:
        sought = text_of("lastIndexOf", sought).casefold()
        if not sought:
            return len(held)
        if held.isascii():
            return held.lower().rfind(sought)
        folded, places = _folded(held)
        found = folded.rfind(sought)
        return places[found] if found >= 0 else found
    if held is None:
        return -1
    if type(held) is list:
        backwards = range(len(held) - 1, -1, -1)
        return next((place for place in backwards if same("lastIndexOf", held[place], sought)), -1)
    raise refused("lastIndexOf", held, "text or array")


def replace(arguments: Sequence[Any]) -> str:
    """Without case: the linter of Azure Policy."""
    text, old, new = (text_or_null("replace", argument) for argument in arguments)
    if not old:
        raise TemplateError("replace: the text to replace is empty")
    sought = old.casefold()
    if text.isascii():
        if sought == old.upper():
            return _replaced(text, old, new)
        folded, places = text.lower(), list(range(len(text)))
    else:
        folded, places = _folded(text)
    starts = []
    start = folded.find(sought)
    while start >= 0:
        starts.append(start)
        start = folded.find(sought, start + len(sought))
    within("replace", len(text) + len(starts) * (len(new) - len(old)))
    parts: list[str] = []
    done = 0
    for start in starts:
        parts += [text[done : places[start]], new]
        done = places[start + len(sought) - 1] + 1
    return limited("replace", "".join([*parts, text[done:]]))


def replace_exactly(arguments: Sequence[Any]) -> str:
    text, old, new = (text_of("replace", argument) for argument in arguments)
    return _replaced(text, old, new)


def _replaced(text: str, old: str, new: str) -> str:
    within("replace", len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def split(arguments: Sequence[Any]) -> list[str]:
    """At one delimiter, or at any of several; of those that stand at one place, the first in the array wins."""
    text, delimiters = arguments
    if text is None:
        return []
    text_of("split", text)
    if type(delimiters) is list:
        delimiters = [text_or_null("split", delimiter) for delimiter in delimiters]
    else:
        delimiters = [text_or_null("split", delimiters)]
    return _split(text, [delimiter for delimiter in delimiters if delimiter])


def split_at_longest(arguments: Sequence[Any]) -> list[str]:
    """Of delimiters that stand at one place the longest wins; what is no text is no delimiter."""
    text, delimiters = arguments
    text_of("split", text)
    if type(delimiters) is str:
        return _split(text, [delimiters])
    if type(delimiters) is not list:
        raise refused("split", delimiters, "text or array")
    for delimiter in delimiters:
        if type(delimiter) is Unknown:
            raise refused("split", delimiter, "text")
    texts = [delimiter for delimiter in delimiters if type(delimiter) is str and delimiter]
    return _split(text, sorted(texts, key=len, reverse=True))


def _split(text: str, delimiters: Sequence[str]) -> list[str]:
    if len(delimiters) > _DELIMITERS:
        raise TemplateError(f"split: it takes no more than {_DELIMITERS:,} delimiters")
    if len(delimiters) < 2:
        return text.split(delimiters[0]) if delimiters and delimiters[0] else [text]
    # Where each delimiter stands next: the text is read once for each of them, however many parts there are.
    following = [text.find(delimiter) for delimiter in delimiters]
    parts: list[str] = []
    done = 0
    while True:
        place = min((place for place in following if place >= 0), default=-1)
        if place < 0:
            return [*parts, text[done:]]
        parts.append(text[done:place])
        done = place + len(delimiters[following.index(place)])
        for number, delimiter in enumerate(delimiters):
            if 0 <= following[number] < done:
                following[number] = text.find(delimiter, done)


def join(arguments: Sequence[Any]) -> str:
    items, delimiter = arguments
    if type(items) is not list:
        raise refused("join", items, "array")
    return _joined([text_or_null("join", item) for item in items], text_or_null("join", delimiter))


def join_anything(arguments: Sequence[Any]) -> str:
    items, delimiter = arguments
    if type(items) is not list:
        raise refused("join", items, "array")
    return _joined([_plain("join", item) for item in items], text_of("join", delimiter))


def _joined(texts: Sequence[str], delimiter: str) -> str:
    within("join", sum(map(len, texts)) + len(delimiter) * max(len(texts) - 1, 0))
    return delimiter.join(texts)


def substring(arguments: Sequence[Any]) -> str:
    text, start = text_or_null("substring", arguments[0]), whole("substring", arguments[1])
    end = start + whole("substring", arguments[2]) if len(arguments) == 3 else len(text)
    if not 0 <= start <= end <= len(text):
        wanted = f"characters {start} to {end}" if len(arguments) == 3 else f"characters from {start}"
        raise TemplateError(f"substring: {shown_length(text)} has no {wanted}")
    return text[start:end]


def substring_within(arguments: Sequence[Any]) -> str:
    """As much of it as there is; a negative length takes all that follows."""
    text, start = text_of("substring", arguments[0]), whole("substring", arguments[1])
    if start < 0:
        raise TemplateError(f"substring: {start} is before the text")
    length = whole("substring", arguments[2]) if len(arguments) == 3 else -1
    return text[start:] if length < 0 else text[start : start + length]


def shown_length(text: str) -> str:
    return f"a text of {len(text)} character{'s' * (len(text) != 1)}"


def pad_left(arguments: Sequence[Any]) -> str:
    value, width = arguments[0], whole("padLeft", arguments[1])
    text = number_text("padLeft", value) if type(value) is int else text_or_null("padLeft", value)
    if not 1 <= width <= _WIDEST:
        raise TemplateError(f"padLeft: {width} is not between 1 and {_WIDEST}")
    filling = " " if len(arguments) == 2 or arguments[2] is None else text_of("padLeft", arguments[2])
    if len(filling) != 1:
        raise TemplateError("padLeft: it pads with one character")
    return text.rjust(width, filling)


def pad_left_far(arguments: Sequence[Any]) -> str:
    text, width = text_of("padLeft", arguments[0]), arguments[1]
    if type(width) is str and width.strip().isascii() and width.strip().isdigit() and len(width) < 10:
        width = int(width)
    if not 0 <= whole("padLeft", width) <= LONGEST:
        raise TemplateError(f"padLeft: it pads to no more than {LONGEST:,} characters")
    filling = arguments[2] if len(arguments) == 3 else None
    return text.rjust(width, filling[0] if type(filling) is str and filling else " ")


def string(arguments: Sequence[Any]) -> str:
    """Booleans as .NET writes them, `True`; null is empty text; arrays and objects as JSON."""
    value = arguments[0]
    if type(value) is bool:
        return str(value)
    return "" if value is None else _plain("string", value)


def string_as_json(arguments: Sequence[Any]) -> str:
    return _plain("string", arguments[0])


def _plain(function: str, value: Any) -> str:
    kind = type(value)
    if kind is str:
        return limited(function, value)
    return number_text(function, value) if kind is int or kind is float else json_of(function, value)


def guid(arguments: Sequence[Any]) -> str:
    """The UUID of version 5 of the arguments, joined by dashes."""
    name = "-".join([text_or_null("guid", argument) for argument in arguments])
    encoded("guid", name)
    return str(uuid.uuid5(_NAMESPACE, name))


def unique_string(arguments: Sequence[Any]) -> str:
    """Thirteen characters that the arguments, joined by dashes, hash to.

    The hash is Microsoft's 64 bits of MurmurHash3 in two lanes, as `unique_string` of the Terraform provider
    Azure/azapi (Microsoft's own) works it out.
    """
    name = "-".join([text_or_null("uniqueString", argument) for argument in arguments])
    hashed = _murmur(encoded("uniqueString", name))
    return "".join(["abcdefghijklmnopqrstuvwxyz234567"[(hashed << 5 * place >> 59) & 31] for place in range(13)])


_BITS = 0xFFFFFFFF


def _murmur(data: bytes) -> int:
    def scrambled(part: bytes, first: int, turn: int, second: int) -> int:
        return _turned(int.from_bytes(part, "little") * first & _BITS, turn) * second & _BITS

    def mixed(lane: int) -> int:
        lane = (lane ^ lane >> 16) * 0x85EBCA6B & _BITS
        lane = (lane ^ lane >> 13) * 0xC2B2AE35 & _BITS
        return lane ^ lane >> 16

    low = high = 0
    rest = len(data) - len(data) % 8
    for place in range(0, rest, 8):
        low ^= scrambled(data[place : place + 4], 0x239B961B, 15, 0xAB0E9789)
        low = (_turned(low, 19) + high) * 5 + 0x561CCD1B & _BITS
        high ^= scrambled(data[place + 4 : place + 8], 0xAB0E9789, 17, 0x239B961B)
        high = (_turned(high, 13) + low) * 5 + 0x0BCAA747 & _BITS
    low ^= scrambled(data[rest : rest + 4], 0x239B961B, 15, 0xAB0E9789)
    high ^= scrambled(data[rest + 4 :], 0xAB0E9789, 17, 0x239B961B)
    low = (low ^ len(data)) + (high ^ len(data)) & _BITS
    high = (high ^ len(data)) + low & _BITS
    low, high = mixed(low), mixed(high)
    low = low + high & _BITS
    return (high + low & _BITS) << 32 | low


def _turned(lane: int, by: int) -> int:
    return (lane << by | lane >> 32 - by) & _BITS


def texts_only(name: str, call: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """The same function for those who take nothing but text, not even null."""

    def strict(arguments: Sequence[Any]) -> Any:
        for argument in arguments:
            text_of(name, argument)
        return call(arguments)

    return strict


DOCUMENTED = by_name(
    [
        Function("concat", concat, 1, None),
        Function("toLower", to_lower, 1, 1),
        Function("toUpper", to_upper, 1, 1),
        Function("trim", trim, 1, 1),
        Function("startsWith", starts_with, 2, 2),
        Function("endsWith", ends_with, 2, 2),
        Function("indexOf", index_of, 2, 2),
        Function("lastIndexOf", last_index_of, 2, 2),
        Function("replace", replace, 3, 3),
        Function("split", split, 2, 2),
        Function("join", join, 2, 2),
        Function("substring", substring, 2, 3),
        Function("padLeft", pad_left, 2, 3),
        Function("string", string, 1, 1),
        Function("guid", guid, 1, None),
        Function("uniqueString", unique_string, 1, None),
    ]
)

REGORUS = by_name(
    [
        Function("concat", concat_texts, 0, None),
        Function("toLower", texts_only("toLower", to_lower), 1, 1),
        Function("toUpper", texts_only("toUpper", to_upper), 1, 1),
        Function("trim", texts_only("trim", trim), 1, 1),
        Function("startsWith", or_false(texts_only("startsWith", starts_with)), 2, 2),
        Function("endsWith", or_false(texts_only("endsWith", ends_with)), 2, 2),
        Function("indexOf", texts_only("indexOf", index_of), 2, 2),
        Function("lastIndexOf", texts_only("lastIndexOf", last_index_of), 2, 2),
        Function("replace", replace_exactly, 3, 3),
        Function("split", split_at_longest, 2, 2),
        Function("join", join_anything, 2, 2),
        Function("substring", substring_within, 2, 3),
        Function("padLeft", pad_left_far, 2, 3),
        Function("string", string_as_json, 1, 1),
    ]
)
