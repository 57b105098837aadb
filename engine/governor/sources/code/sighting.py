"""The bytes of one file in, what stands in it out: where AI keys are and who allows them; never their values."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from datetime import date
from hashlib import blake2b

from msgspec import Struct

from governor.catalog import ai_keys

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest file that is read; lock files and minified code stay far below."""

Screen = Callable[[bytes], Sequence[ai_keys.Rule]]
"""The rules that may find a key in a file (UTF-8); none when it surely holds no key."""


class Allow(Struct, frozen=True, array_like=True):
    """An exemption written beside a key."""

    policy: str
    until: date
    """Last day on which it still holds."""
    reason: str


class Key(Struct, frozen=True, array_like=True):
    """A key that stands in a file. Nothing here tells its value."""

    name: str
    """What it is given to, or the rule that knows it."""
    rule: str
    provider: str
    line: int
    column: int
    """In characters, from 1."""
    length: int
    digest: bytes
    """Tells this key from others within one run: keyed with a value that nobody keeps."""
    allow: Allow | None = None


class Seen(Struct, array_like=True):
    """One file that there is something to tell of."""

    path: str
    """As `shown` tells it."""
    keys: list[Key] = []
    passed_over: str = ""
    """What it is, when it was not searched: "binary file"."""
    unreadable: str = ""
    """Why it could not be read."""
    remarks: list[str] = []
    """What is wrong with the comments beside its keys."""
    blob: str = ""
    """What git calls the content."""


def look(path: str, data: bytes, screen: Screen, salt: bytes) -> Seen | None:
    """What stands in a file, or None when there is nothing to tell.

    The text is UTF-8, UTF-16 or UTF-32; what is no text by the rule that git has (a zero byte near its beginning) is
    passed over, and so is what is larger than `LARGEST`.
    """
    if len(data) > LARGEST:
        return Seen(path, passed_over=TOO_LARGE)
    if data.startswith(_MARKS) or b"\0" in data[:_BEGINNING]:
        wide = _wide(data)
        if wide is None:
            return Seen(path, passed_over=BINARY)
        data = wide.encode("utf-8", "replace")
    rules = screen(data)
    if not rules:
        return None
    text = data.decode("utf-8-sig", "replace")
    sightings = ai_keys.find(text, code=True, rules=rules)
    return _tell(path, text, sightings, salt) if sightings else None


def shown(path: bytes) -> str:
    """A path that can be told: bytes that are no UTF-8 are spelled out, and a key in a file's name is left out."""
    return ai_keys.without_keys(path.decode("utf-8", "backslashreplace"))


TOO_LARGE = f"file larger than {LARGEST // 1024**2} MiB"
BINARY = "binary file"

_BEGINNING = 8_000
"""Bytes in which git seeks a zero: FIRST_FEW_BYTES in its xdiff-interface.c."""

_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def _wide(data: bytes) -> str | None:
    """The text of a file in UTF-16 or UTF-32, or None when it is none."""
    for mark, encoding in _WIDE.items():
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    # Without a mark: of text in English and code, every second byte is zero.
    beginning = data[:_BEGINNING]
    for zeros, others, encoding in ((1, 0, "utf-16-le"), (0, 1, "utf-16-be")):
        if beginning[zeros::2].count(0) > 0.4 * len(beginning) and 0 not in (beginning[others::2] or b"\0"):
            return data.decode(encoding, "replace")
    return None


def _tell(path: str, text: str, sightings: list[ai_keys.Sighting], salt: bytes) -> Seen:
    bare = _blotted(text, sightings)
    seen = Seen(path, keys=[], remarks=[])
    line, start, end = 1, 0, -1
    allow = None
    for sighting in sightings:
        if sighting.start > end:  # a line that holds another key may be long: it is looked at once
            line += text.count("\n", start, sighting.start)
            start = text.rfind("\n", 0, sighting.start) + 1
            end = text.find("\n", sighting.start)
            end = end if end >= 0 else len(text)
            allow, remark = _allow(bare, start, end)
            if remark:
                seen.remarks.append(f"line {line}: {remark}")
        seen.keys.append(
            Key(
                name=_name_before(bare[max(start, sighting.start - _FAR) : sighting.start]) or sighting.rule,
                rule=sighting.rule,
                provider=sighting.provider,
                line=line,
                column=sighting.start - start + 1,
                length=sighting.end - sighting.start,
                digest=blake2b(text[sighting.start : sighting.end].encode(), key=salt, digest_size=12).digest(),
                allow=allow,
            )
        )
    return seen


def _blotted(text: str, sightings: list[ai_keys.Sighting]) -> str:
    """The text with every key in it made blank: what is read out of it and told holds none."""
    parts, end = [], 0
    for sighting in sightings:
        parts += [text[end : sighting.start], " " * (sighting.end - sighting.start)]
        end = sighting.end
    return "".join([*parts, text[end:]])


_FAR = 120
"""Characters before a key in which its name is sought."""

_NAME = re.compile(
    r"""(?<![\w-])([A-Za-z_][\w-]{1,39})   # OPENAI_API_KEY
        ["'\])]{0,3}\s*(?:=>|:=|[=:,(])    # "] =
        \s*["'`]?\Z""",
    re.VERBOSE | re.ASCII,
)


def _name_before(text: str) -> str:
    """The name that is given to what follows; "" when there is none, or when it may be a secret itself."""
    found = _NAME.search(text)
    if not found or sum(map(str.isdigit, found[1])) > 4:
        return ""
    return found[1]


_WORD = "governor:allow"
_COMMENT = r"(?:\#|//|--|;|%|/\*|\(\*|<!--|\{-|^\s*\*|\bREM\b)"
_ALLOW = re.compile(rf"{_COMMENT}\s*{_WORD}(?P<terms>.*)", re.MULTILINE)
_ONLY_ALLOW = re.compile(rf"\s*{_COMMENT}\s*{_WORD}")
_TERMS = re.compile(r"\s+(?P<policy>[A-Za-z]\S*)\s+until=(?P<until>\S+)\s+reason=(?P<reason>.*)")
_HOW = f"write {_WORD} KEY003 until=YYYY-MM-DD reason=WHY in a comment"


def _allow(text: str, start: int, end: int) -> tuple[Allow | None, str]:
    """(the allow on the line `text[start:end]`, or alone on the line above it; what is wrong with it)."""
    line = text[start:end]
    if _WORD not in line:
        line = text[text.rfind("\n", 0, max(start - 1, 0)) + 1 : max(start - 1, 0)]
        if not _ONLY_ALLOW.match(line):
            return None, ""
    found = _ALLOW.search(line)
    if not found:
        return None, f"{_WORD} stands in no comment and covers nothing: {_HOW}"
    terms = _TERMS.fullmatch(re.sub(r"\s*(?:\*/|\*\)|-->|-\})?\s*$", "", found["terms"]))
    if not terms or not (reason := terms["reason"].strip(" \t\r\"'")):
        return None, f"{_WORD} lacks its policy, its last day or its reason and covers nothing: {_HOW}"
    try:
        until = date.fromisoformat(terms["until"])
    except ValueError:
        return None, f"{_WORD} ends on no day and covers nothing: {_HOW}"
    return Allow(terms["policy"], until, reason), ""
