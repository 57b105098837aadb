"""Terraform's functions, as far as they matter to facts. What is not here is not evaluated, so its result is unknown.

https://developer.hashicorp.com/terraform/language/functions; tests compare each with a real `terraform console`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import chain
from types import NoneType
from typing import Any

from governor.sources.terraform_hcl.values import (
    LARGEST,
    Fault,
    Lazy,
    Sensitive,
    Set,
    Unknown,
    as_bool,
    as_index,
    as_number,
    as_string,
    exact,
    joined,
    kind_of,
    kinds_inside,
    negated,
    of_json,
    set_of,
    size_of,
    unknown_in,
    whole,
)

_MOST = 1024
"""Elements that `range` may make: https://developer.hashicorp.com/terraform/language/functions/range."""


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise Fault("a list is wanted")


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Fault("a map is wanted")


def _primitive(value: Any) -> Any:
    if isinstance(value, (str, bool, int, Fraction)):
        return value
    raise Fault("a primitive is wanted")


# What looks at structure only: unknown values may lie inside and stay there.


def _merge(*maps: Any) -> Any:
    return dict(chain.from_iterable(_dict(one).items() for one in maps if one is not None))


def _concat(*lists: Any) -> Any:
    if any(isinstance(one, Set) for one in lists):
        raise Fault("a list is wanted")
    return [element for one in lists for element in _list(one)]


def _flatten(value: Any) -> Any:
    found: list[Any] = []
    for element in _list(value):
        inner = _flatten(element) if isinstance(element, list) else element
        if isinstance(inner, Unknown):
            return inner  # it may be a list
        found.extend(inner if isinstance(inner, list) else [inner])
    return found


def _length(value: Any) -> Any:
    if isinstance(value, Set) and (unknown := unknown_in(value)):
        return unknown
    if isinstance(value, (list, dict)):
        return len(value)
    if isinstance(value, str):
        return len(_ascii(value))
    raise Fault("a string or a collection is wanted")


def _keys(value: Any) -> Any:
    return sorted(_dict(value))


def _values(value: Any) -> Any:
    return [found for _, found in sorted(_dict(value).items())]


def _lookup(value: Any, key: Any, *default: Any) -> Any:
    found = _dict(value)
    if isinstance(key, Unknown):
        return key
    name = as_string(key)
    if name in found:
        return found[name]
    if default and kinds_inside(found) == {str} and kinds_inside(default[0]) - {str}:
        raise Fault("the default differs in type")  # in a map it becomes text, in an object it does not
    if default:
        return default[0]
    raise Fault("there is no such key")


def _element(value: Any, index: Any) -> Any:
    if isinstance(index, Unknown):
        return index
    found = _list(value)
    number = as_number(index)
    if not found or not isinstance(number, int) or number < 0:
        raise Fault("there is no such element")
    return found[number % len(found)]


def _slice(value: Any, start: Any, end: Any) -> Any:
    first, last = as_index(start), as_index(end)
    if not first <= last <= len(_list(value)):
        raise Fault("the slice lies outside the list")
    return list(value[first:last])


def _reverse(value: Any) -> Any:
    return list(reversed(_list(value)))


def _zipmap(keys: Any, values: Any) -> Any:
    if len(_list(keys)) != len(_list(values)):
        raise Fault("as many keys as values are wanted")
    if unknown := unknown_in(keys):
        return unknown
    return {as_string(key): value for key, value in zip(keys, values, strict=True)}


def _tolist(value: Any) -> Any:
    return alike(_list(value))


def _tomap(value: Any) -> Any:
    return dict(zip(_dict(value), alike(list(value.values())), strict=True))


def alike(values: list[Any]) -> list[Any]:
    """Elements of one type, as lists and maps have them: beside a text, everything is text."""
    if any(isinstance(value, (Unknown, Lazy, Sensitive)) for value in values):
        raise Fault("the type of an element is not known")
    kinds = {list if isinstance(v, list) else dict if isinstance(v, dict) else kind_of(v) for v in values} - {NoneType}
    if kinds & {list, dict} and len(kinds_inside(values)) > 1 and len(set(map(_shape, values))) > 1:
        raise Fault("collections of several types are not evaluated")
    if len(kinds) < 2:
        return list(values)
    if str in kinds and kinds <= {str, bool, int}:
        return [None if value is None else as_string(value) for value in values]
    raise Fault("elements of one type are wanted")


def _shape(value: Any) -> Any:
    """The type of a value, as far as it can be seen."""
    if isinstance(value, dict):
        return tuple((key, _shape(part)) for key, part in sorted(value.items()))
    return frozenset(map(_shape, value)) if isinstance(value, list) else kind_of(value)


def _one(value: Any) -> Any:
    found = _list(value)
    if len(found) > 1:
        raise Fault("at most one element is wanted")
    return found[0] if found else None


# What needs to know all of its arguments.


def _coalesce(*values: Any) -> Any:
    for value in alike(list(values)):
        if value is not None and value != "":
            return value
    raise Fault("every argument is null")


def _coalescelist(*values: Any) -> Any:
    for value in values:
        if value:
            return _list(value)
    raise Fault("every list is empty")


def _contains(value: Any, wanted: Any) -> Any:
    return any(type(found) is type(_primitive(wanted)) and found == wanted for found in _list(value))


def _index(value: Any, wanted: Any) -> Any:
    for position, found in enumerate(_list(value)):
        if type(found) is type(_primitive(wanted)) and found == wanted:
            return position
    raise Fault("there is no such element")


def _distinct(value: Any) -> Any:
    return list({(kind_of(element), element): element for element in map(_primitive, alike(_list(value)))}.values())


def _compact(value: Any) -> Any:
    return [as_string(element) for element in _list(value) if element is not None and element != ""]


def _toset(value: Any) -> Any:
    return set_of(_list(value))


def _setunion(*sets: Any) -> Any:
    return set_of(chain.from_iterable(_sets(sets)))


def _setintersection(*sets: Any) -> Any:
    first, *others = map(set_of, _sets(sets))
    kept = set(first).intersection(*others)
    return set_of(value for value in first if value in kept)


def _setsubtract(first: Any, second: Any) -> Any:
    left, right = _sets((first, second))
    gone = set(right)
    return set_of(value for value in left if value not in gone)


def _sets(lists: Sequence[Any]) -> list[list[Any]]:
    """Sets whose elements are all of one type."""
    together = set_of(chain.from_iterable(map(_list, lists)))
    if together and not all(lists) and not isinstance(together[0], str):
        raise Fault("the type of an empty list is not known")
    if any(isinstance(value, str) for value in together):
        return [[as_string(value) for value in one] for one in lists]
    return [list(one) for one in lists]


def _sort(value: Any) -> Any:
    return sorted(as_string(element) for element in _list(value))


def _alltrue(value: Any) -> Any:
    return all(as_bool(element) for element in _list(value))


def _anytrue(value: Any) -> Any:
    return any(as_bool(element) for element in _list(value))


def _sum(value: Any) -> Any:
    if not _list(value):
        raise Fault("an empty list has no sum")
    return whole(sum((exact(element) for element in value), Fraction(0)))


def _range(*bounds: Any) -> Any:
    numbers = [number for bound in bounds if isinstance(number := as_number(bound), int)]
    if len(numbers) != len(bounds) or not 1 <= len(numbers) <= 3:
        raise Fault("whole numbers are wanted")
    start, end = (0, numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2] if len(numbers) == 3 else 1 if start <= end else -1
    if step == 0 or abs(end - start) > _MOST:
        raise Fault("the range does not end")
    return list(range(start, end, step))


def _tostring(value: Any) -> Any:
    return None if value is None else as_string(value)


def _tonumber(value: Any) -> Any:
    return None if value is None else as_number(value)


def _tobool(value: Any) -> Any:
    return None if value is None else as_bool(value)


def _upper(value: Any) -> Any:
    return _ascii(value).upper()


def _lower(value: Any) -> Any:
    return _ascii(value).lower()


def _ascii(value: Any) -> str:
    """Beyond ASCII, Go and Python do not agree on capitals, nor on what is one character."""
    text = as_string(value)
    if not text.isascii():
        raise Fault("only ASCII text is evaluated here")
    return text


def _title(value: Any) -> Any:
    return re.sub(r"(?<![A-Za-z0-9_])[a-z]", lambda match: match[0].upper(), _ascii(value))


def _trim(value: Any, characters: Any) -> Any:
    return as_string(value).strip(as_string(characters))


def _trimspace(value: Any) -> Any:
    return _ascii(value).strip(" \t\n\v\f\r")


def _trimprefix(value: Any, prefix: Any) -> Any:
    return as_string(value).removeprefix(as_string(prefix))


def _trimsuffix(value: Any, suffix: Any) -> Any:
    return as_string(value).removesuffix(as_string(suffix))


def _chomp(value: Any) -> Any:
    return as_string(value).rstrip("\r\n")


def _startswith(value: Any, prefix: Any) -> Any:
    return as_string(value).startswith(as_string(prefix))


def _endswith(value: Any, suffix: Any) -> Any:
    return as_string(value).endswith(as_string(suffix))


def _strcontains(value: Any, part: Any) -> Any:
    return as_string(part) in as_string(value)


def _substr(value: Any, offset: Any, length: Any) -> Any:
    text, start, size = _ascii(value), as_number(offset), as_number(length)
    if not isinstance(start, int) or not isinstance(size, int):
        raise Fault("whole numbers are wanted")
    if start < 0 and size == 0:
        raise Fault("a length of 0 from the end is not evaluated")
    start = max(0, start + len(text)) if start < 0 else start
    return text[start:] if size < 0 else text[start : start + size]


def _join(separator: Any, *lists: Any) -> Any:
    return joined((as_string(element) for one in lists for element in _list(one)), as_string(separator))


def _split(separator: Any, value: Any) -> Any:
    mark, text = as_string(separator), as_string(value)
    if not mark:
        return list(_ascii(text))
    return text.split(mark)


def _replace(value: Any, old: Any, new: Any) -> Any:
    text, wanted, by = as_string(value), as_string(old), as_string(new)
    if len(wanted) > 1 and wanted.startswith("/") and wanted.endswith("/"):
        if "$" in by or "\\" in by:
            raise Fault("references to groups are not evaluated")
        parts = [match.span() for match in _matches(wanted[1:-1], text)]
        starts, ends = [0, *(end for _, end in parts)], [*(start for start, _ in parts), len(text)]
        return joined((text[start:end] for start, end in zip(starts, ends, strict=True)), by)
    return joined(text.split(wanted), by) if wanted else _ascii(text).replace("", _ascii(by))


def _pattern(written: str, text: str) -> re.Pattern[str]:
    """A pattern that Go and Python read alike."""
    if not (written + text).isascii() or "\n" in text or not _ALIKE.fullmatch(written):
        raise Fault("this pattern is not evaluated")
    repeats, forks = len(re.findall(r"[*+{]", written)), len(re.findall(r"[?|]", written))
    if _NESTED.search(written) or (len(text) + 1) ** (1 + repeats) * 2**forks > _MOST_STEPS:
        raise Fault("this pattern may take too long")
    try:
        return re.compile(written, re.ASCII)
    except re.error:
        raise Fault("this is no pattern") from None


_NESTED = re.compile(r"\)[*+{]")
_MOST_STEPS = 100_000_000
"""Python's patterns, unlike Go's, may take time without end: what could, is not tried."""
_ALIKE = re.compile(
    r"(?:[\w\s^$.,:;/@#%&=!~'\"<>-]|\\[.dDwWsS/+*?()\[\]{}|^$-]|\[\^?[\w.\s/@:-]+\]|[()|](?!\?)|[*+?](?![*+?])|\{\d+(?:,\d*)?\})*"
)


def _regex(pattern: Any, value: Any) -> Any:
    match = _pattern(as_string(pattern), as_string(value)).search(as_string(value))
    if match is None:
        raise Fault("the pattern is not found")
    if match.re.groups:
        return [group if group is not None else None for group in match.groups()]
    return match[0]


def _regexall(pattern: Any, value: Any) -> Any:
    matches = _matches(as_string(pattern), as_string(value))
    return [list(match.groups()) if match.re.groups else match[0] for match in matches]


def _matches(pattern: str, text: str) -> list[re.Match[str]]:
    found = list(_pattern(pattern, text).finditer(text))
    if not all(match[0] for match in found):
        raise Fault("empty matches are not evaluated")  # Go and Python count them differently
    return found


_VERB = re.compile(r"%(?:%|(?P<flags>0?)(?P<width>\d{0,2})(?P<verb>[sdv]))")


def _format(spec: Any, *values: Any) -> Any:
    text, used = as_string(spec), iter(values)
    if text.count("%") != sum(1 + (match[0] == "%%") for match in _VERB.finditer(text)):
        raise Fault("this verb is not evaluated")

    def verb(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = next(used, None)
        if value is None:
            raise Fault("there are fewer values than verbs")
        if match["verb"] == "d":
            number = as_number(value)
            if not isinstance(number, int):
                raise Fault("a whole number is wanted")
            return f"{number:{match['flags']}{match['width']}d}" if match["width"] else str(number)
        if match["flags"]:
            raise Fault("this verb is not evaluated")
        if (
            match["verb"] == "v"
            and kind_of(value) is int
            and not (value == 0 or Fraction(1, 10**4) <= abs(value) < 10**6)
        ):
            raise Fault("a number with an exponent is not evaluated")
        written = as_string(_primitive(value))
        return _ascii(written).rjust(int(match["width"])) if match["width"] else written

    result = _VERB.sub(verb, text)
    if next(used, None) is not None:
        raise Fault("there are more values than verbs")
    return result


def _formatlist(spec: Any, *values: Any) -> Any:
    lengths = {len(value) for value in values if isinstance(value, list)}
    if len(lengths) != 1:
        raise Fault("lists of one length are wanted")
    rows = range(lengths.pop())
    if len(rows) * size_of([spec, [value for value in values if not isinstance(value, list)]]) > LARGEST:
        raise Fault("it is too large")
    return [_format(spec, *(v[row] if isinstance(v, list) else v for v in values)) for row in rows]


def _abs(value: Any) -> Any:
    return abs(as_number(value))


def _ceil(value: Any) -> Any:
    number = as_number(value)
    return negated(0) if -1 < number < 0 else math.ceil(number)


def _floor(value: Any) -> Any:
    return math.floor(as_number(value))


def _max(*values: Any) -> Any:
    return max(as_number(value) for value in values)


def _min(*values: Any) -> Any:
    return min(as_number(value) for value in values)


def _parseint(value: Any, base: Any) -> Any:
    text, radix = value, as_index(base)
    if (
        not isinstance(text, str)
        or not re.fullmatch("-?(0|[1-9a-zA-Z][0-9a-zA-Z]{0,99})", text)
        or not 2 <= radix <= 36
    ):
        raise Fault("this is no number of that base")
    try:
        found = whole(int(text, radix))
    except ValueError:
        raise Fault("this is no number of that base") from None
    return found if found or not text.startswith("-") else negated(0)


def _jsonencode(value: Any) -> Any:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False, default=_float)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


_ESCAPED = re.compile("[<>&\u2028\u2029]")


def _float(number: Fraction) -> float:
    if repr(float(number)) != as_string(number):
        raise Fault("a number with that many digits is not evaluated")
    return float(number)


def _jsondecode(value: Any) -> Any:
    try:
        return of_json(as_string(value))
    except (ValueError, RecursionError):
        raise Fault("this is not JSON") from None


def _base64encode(value: Any) -> Any:
    return b64encode(as_string(value).encode()).decode()


def _base64decode(value: Any) -> Any:
    try:
        return b64decode(as_string(value), validate=True).decode()
    except ValueError:
        raise Fault("this is not base64") from None


def _hash(name: str) -> Callable[[Any], str]:
    return lambda value: hashlib.new(name, as_string(value).encode(), usedforsecurity=False).hexdigest()


STRUCTURAL: dict[str, Callable[..., Any]] = {
    "concat": _concat, "element": _element, "flatten": _flatten, "keys": _keys, "length": _length, "lookup": _lookup,
    "merge": _merge, "one": _one, "reverse": _reverse, "slice": _slice, "tolist": _tolist, "tomap": _tomap,
    "values": _values, "zipmap": _zipmap,
}  # fmt: skip
"""Those whose arguments may hold unknown values inside."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": _abs, "alltrue": _alltrue, "anytrue": _anytrue, "base64decode": _base64decode,
    "base64encode": _base64encode, "ceil": _ceil, "chomp": _chomp, "coalesce": _coalesce,
    "coalescelist": _coalescelist, "compact": _compact, "contains": _contains, "distinct": _distinct,
    "endswith": _endswith, "floor": _floor, "format": _format, "formatlist": _formatlist, "index": _index,
    "join": _join, "jsondecode": _jsondecode, "jsonencode": _jsonencode, "lower": _lower, "max": _max,
    "md5": _hash("md5"), "min": _min, "parseint": _parseint, "range": _range, "regex": _regex, "regexall": _regexall,
    "replace": _replace, "setintersection": _setintersection, "setsubtract": _setsubtract, "setunion": _setunion,
    "sha1": _hash("sha1"), "sha256": _hash("sha256"), "sort": _sort, "split": _split, "startswith": _startswith,
    "strcontains": _strcontains, "substr": _substr, "sum": _sum, "title": _title, "tobool": _tobool,
    "tonumber": _tonumber, "toset": _toset, "tostring": _tostring, "trim": _trim, "trimprefix": _trimprefix,
    "trimspace": _trimspace, "trimsuffix": _trimsuffix, "upper": _upper,
}  # fmt: skip
"""Those that need to know all of their arguments, and all that lies in them."""
