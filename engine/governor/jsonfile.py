"""JSON that people and tools write: bytes or text in, plain data out, and the place of any value in it.

Comments and trailing commas are read (JSONC). They are blanked before the parser sees them, so that every place stays
where it was. Python's own decoder does the work; places are looked for only when somebody asks.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Sequence
from json.decoder import JSONDecodeError
from math import isfinite
from typing import Any, NoReturn

from governor.errors import Refusal

Pointer = Sequence[str | int]
"""Keys and indices that lead to a value from the top of the document."""

DEEPEST = 200
"""Arrays and objects within one another."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLANKS = re.compile(r"[ \t\r\n]*+")
# What never ends goes on to the end of the text: else it would be read again from every place within it.
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_COMMENTS = re.compile(rf"{_STRING}|//[^\r\n]*+|/\*.*?(?:\*/|\Z)", re.DOTALL)
_TRAILING = re.compile(rf"{_STRING}|[{{\[,][ \t\r\n]*+,|,(?=[ \t\r\n]*+[\]}}])", re.DOTALL)
_SEEN = re.compile(r"[^\r\n]")
_TOKENS = re.compile(rf'{_STRING}|[{{}}\[\]:]|[^\s{{}}\[\],:"]++', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS = 4300
"""Of an integer that Python reads."""
_SKIP = json.JSONDecoder().raw_decode


class _UnfitError(ValueError):
    """Something that the decoder would let pass."""


def decode(data: bytes, file: str) -> str:
    """The text of a file: UTF-8, or UTF-16 or UTF-32 with a byte order mark. Raises Refusal for what is neither."""
    try:
        return data.decode(encoding(data))
    except UnicodeDecodeError:
        raise Refusal("this file is not text in UTF-8 or UTF-16: save it as UTF-8", place=file) from None


def encoding(data: bytes) -> str:
    """What a file that begins so is encoded in: its byte order mark tells."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")


def parse(text: str, file: str, each: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The document in a text. Raises Refusal with `file:line:column` for what is no JSON, repeats a key, holds a number
    or a character that nothing can be done with, or is nested deeper than DEEPEST.

    `each` is handed every object as it is complete and answers what stands for it: the memory that a long list takes is
    then that of what is kept of its items.
    """

    def whole(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _UnfitError
        return each(found) if each else found

    decoder = json.JSONDecoder(object_pairs_hook=whole, parse_constant=_no_number, parse_float=_finite)
    try:
        try:
            value = decoder.decode(text)
        except JSONDecodeError:
            text = _without_comments(text)
            value = decoder.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except JSONDecodeError as error:
        _refuse(_no_json(text, error), file, text, min(error.pos, len(text)))
    except (ValueError, RecursionError):
        _refuse_unfit(text, file)
    if too_deep(value):
        _refuse_unfit(text, file)
    return value


def position(text: str, pointer: Pointer) -> tuple[int, int]:
    """Line and column, from 1, of the value at a pointer into a text that `parse` takes: of its key, where it has one.
    Where it does not exist, of the nearest value above it that does."""
    return positions(text, [pointer])[0]


def positions(text: str, pointers: Iterable[Pointer]) -> list[tuple[int, int]]:
    """As `position`, for each pointer, in one pass over the text."""
    wanted = [tuple(pointer) for pointer in pointers]
    tree: dict[str | int, Any] = {}
    for pointer in wanted:
        branch = tree
        for step in pointer:
            branch = branch.setdefault(step, {})
    offsets: dict[tuple[str | int, ...], int] = {}
    try:
        _locate(text, tree, (), _after_blanks(text, 0), offsets)
    except (JSONDecodeError, IndexError):
        text = _without_comments(text)
        offsets.clear()
        _locate(text, tree, (), _after_blanks(text, 0), offsets)
    places = _places(text, offsets.values())
    found = []
    for pointer in wanted:
        while pointer not in offsets:
            pointer = pointer[:-1]
        found.append(places[offsets[pointer]])
    return found


def _locate(
    text: str,
    tree: dict[str | int, Any],
    path: tuple[str | int, ...],
    at: int,
    offsets: dict[tuple[str | int, ...], int],
) -> int:
    """Notes where the values of a tree of steps lie in the value that begins at an offset; where that value ends."""
    offsets.setdefault(path, at)
    opening = text[at]
    if not tree or opening not in "{[":
        return int(_SKIP(text, at)[1])
    folded = {step.lower(): step for step in tree if isinstance(step, str)} if opening == "{" else {}
    index = 0
    at = _after_blanks(text, at + 1)
    while text[at] not in "]}":
        begin, step = at, index
        if opening == "{":
            key, at = _SKIP(text, at)
            at = _after_blanks(text, _after_blanks(text, at) + 1)
            step = key if key in tree else folded.get(key.lower(), key)
        if step in tree:
            offsets.setdefault((*path, step), begin)
            at = _locate(text, tree[step], (*path, step), at, offsets)
        else:
            at = _SKIP(text, at)[1]
        at = _after_blanks(text, at)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
        index += 1
    return at + 1


def _places(text: str, offsets: Iterable[int]) -> dict[int, tuple[int, int]]:
    places = {}
    line, begin, last = 1, 0, 0
    for offset in sorted(set(offsets)):
        line += text.count("\n", last, offset)
        begin = max(begin, text.rfind("\n", last, offset) + 1)
        places[offset] = (line, offset - begin + 1)
        last = offset
    return places


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _without_comments(text: str) -> str:
    def blanked(found: re.Match[str]) -> str:
        return _SEEN.sub(" ", found[0]) if found[0] == "," or found[0][0] == "/" else found[0]

    return _TRAILING.sub(blanked, _COMMENTS.sub(blanked, text))


def _no_number(_text: str) -> NoReturn:
    raise _UnfitError


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _UnfitError
    return number


def too_deep(value: Any) -> bool:
    """Whether arrays and objects lie within each other deeper than DEEPEST."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _no_json(text: str, error: JSONDecodeError) -> str:
    if not text.strip():
        return "this file is empty: it should hold JSON"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
        return "this JSON breaks off: fetch or save the file anew"
    return f"this is not JSON: {error.msg[0].lower()}{error.msg[1:].removesuffix(' at').removesuffix(' starting at')}"


def _refuse_unfit(text: str, file: str) -> NoReturn:
    """Says what the decoder stumbled over, or would have let pass, by reading token after token."""
    text = _without_comments(text)
    open_: list[set[str] | None] = []
    for token in _TOKENS.finditer(text):
        word = token[0]
        if word in "{[":
            open_.append(set() if word == "{" else None)
            if len(open_) > DEEPEST:
                _refuse(f"this is nested more than {DEEPEST} levels deep: flatten it", file, text, token.start())
        elif word in "]}":
            if open_:
                open_.pop()
        elif word[0] == '"':
            _refuse_unfit_string(word, open_[-1] if open_ else None, file, text, token)
        elif word[0] not in ":tfn" and _unfit_number(word):
            _refuse("this is a number that JSON does not have: write a finite one", file, text, token.start())
    raise Refusal("this JSON cannot be read", place=file)


def _refuse_unfit_string(word: str, keys: set[str] | None, file: str, text: str, token: re.Match[str]) -> None:
    try:
        value = json.loads(word, strict=False)
    except JSONDecodeError:
        _refuse("this text is broken: write it anew", file, text, token.start())
    if _SURROGATE.search(word) and any("\ud800" <= letter <= "\udfff" for letter in value):
        _refuse("half a character (a lone surrogate) is no text: write the whole one", file, text, token.start())
    if keys is not None and text.startswith(":", _after_blanks(text, token.end())):
        if value in keys:
            _refuse(f"the key {value[:80]!r} stands twice: keep one", file, text, token.start())
        keys.add(value)


def _unfit_number(word: str) -> bool:
    try:
        return not isfinite(float(word)) or len(word) > _DIGITS
    except ValueError:
        return True


def _refuse(message: str, file: str, text: str, offset: int) -> NoReturn:
    line, column = _places(text, [offset])[offset]
    raise Refusal(message, place=f"{file}:{line}:{column}")
