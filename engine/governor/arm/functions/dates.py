"""Functions on dates, and the date formats of .NET in the invariant culture.

https://learn.microsoft.com/dotnet/standard/base-types/standard-date-and-time-format-strings and
custom-date-and-time-format-strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from governor.arm.functions.values import (
    Function,
    TemplateError,
    by_name,
    shown,
    text_of,
    whole,
)

_WRITTEN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))?", re.ASCII
)
_DURATION = re.compile(
    r"(-?)P(?=.)(?:([\d.]+)Y)?(?:([\d.]+)M)?(?:([\d.]+)W)?(?:([\d.]+)D)?"
    r"(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?",
    re.ASCII,
)
_SECONDS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
"""Of a year, a month, a week… as regorus counts them."""

ROUND_TRIP = "yyyy-MM-ddTHH:mm:ss.fffffffZ"
"""How Azure Policy writes a moment."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_STANDARD = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
_IN_UTC = "rRuU"
_LONGEST = 1_000
"""Characters of a pattern."""


def format_time(moment: datetime, pattern: str | None = None) -> str:
    """A moment by a standard or custom format of .NET; without one, as Azure Policy writes it: in UTC, with seven
    decimals. A moment without a zone is in UTC. What is no format is a TemplateError."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if pattern is None:
        return _custom(moment.astimezone(UTC), ROUND_TRIP)
    if len(pattern) > _LONGEST:
        raise TemplateError(f"a date format has no more than {_LONGEST:,} characters")
    if len(pattern) != 1:
        return _custom(moment, pattern)
    if pattern not in _STANDARD:
        raise TemplateError(f"{shown(pattern)} is no date format")
    try:
        return _custom(moment.astimezone(UTC) if pattern in _IN_UTC else moment, _STANDARD[pattern])
    except OverflowError:
        raise TemplateError("the moment is outside the years 1 to 9999") from None


def _custom(moment: datetime, pattern: str) -> str:
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        run = 1
        if letter in "'\"":
            end = pattern.find(letter, place + 1)
            if end < 0:
                raise TemplateError(f"the date format {shown(pattern)} has a quote without an end")
            parts.append(pattern[place + 1 : end])
            run = end + 1 - place
        elif letter == "\\":
            if place + 1 == len(pattern):
                raise TemplateError(f"the date format {shown(pattern)} ends with a backslash")
            parts.append(pattern[place + 1])
            run = 2
        elif letter == "%":
            if pattern[place + 1 : place + 2] in ("", "%"):
                raise TemplateError(f"the date format {shown(pattern)} has a % without a letter")
        elif letter in _PARTS:
            run = len(pattern) - place - len(pattern[place:].lstrip(letter))
            if letter == "F" and run <= 7:
                decimals = _PARTS["f"](moment, run).rstrip("0")
                if not decimals and parts and parts[-1] == ".":
                    parts.pop()
                parts.append(decimals)
            else:
                parts.append(_PARTS[letter](moment, run))
        else:
            parts.append(letter)
        place += run
    return "".join(parts)


def _named(names: Sequence[str], number: int, digits: int, run: int) -> str:
    """Two kinds of digits, a short name, the whole name."""
    if run < 3:
        return str(digits).zfill(run)
    return names[number][:3] if run == 3 else names[number]


def _year(moment: datetime, run: int) -> str:
    return str(moment.year % 100).zfill(run) if run < 3 else str(moment.year).zfill(run)


def _decimals(moment: datetime, run: int) -> str:
    if run > 7:
        raise TemplateError("a date format has no more than seven decimals")
    return f"{moment.microsecond:06}0"[:run]


def _offset(moment: datetime, run: int) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    sign, hours = "-" if minutes < 0 else "+", str(abs(minutes) // 60)
    return f"{sign}{hours.zfill(min(run, 2))}{f':{abs(minutes) % 60:02}' if run > 2 else ''}"


def _zone(moment: datetime, run: int) -> str:
    return ("Z" if not moment.utcoffset() else _offset(moment, 3)) * run


def _era(moment: datetime, run: int) -> str:
    return "A.D."


def _two(value: int, run: int) -> str:
    return str(value).zfill(min(run, 2))


_PARTS: dict[str, Callable[[datetime, int], str]] = {
    "y": _year,
    "M": lambda moment, run: _named(MONTHS, moment.month - 1, moment.month, run),
    "d": lambda moment, run: _named(DAYS, moment.weekday(), moment.day, run),
    "H": lambda moment, run: _two(moment.hour, run),
    "h": lambda moment, run: _two(moment.hour % 12 or 12, run),
    "m": lambda moment, run: _two(moment.minute, run),
    "s": lambda moment, run: _two(moment.second, run),
    "t": lambda moment, run: ("AM" if moment.hour < 12 else "PM")[:run],
    "f": _decimals,
    "F": _decimals,
    "z": _offset,
    "K": _zone,
    "g": _era,
}


def read_time(function: str, text: str) -> tuple[datetime, str]:
    """A moment of ISO 8601 to the second, in the zone it names or else in UTC, and its decimals, nine at most."""
    found = _WRITTEN.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        *numbers, decimals, sign, hours, minutes = found.groups()
        zone = UTC
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        year, month, day, hour, minute, second = map(int, numbers)
        return datetime(year, month, day, hour, minute, second, tzinfo=zone), decimals or ""
    except ValueError:
        raise TemplateError(f"{function}: {shown(text)} is no date and time of ISO 8601") from None


def add_days(arguments: Sequence[Any]) -> str:
    """In UTC, with seven decimals."""
    moment, decimals = read_time("addDays", text_of("addDays", arguments[0]))
    try:
        moved = moment.astimezone(UTC) + timedelta(days=whole("addDays", arguments[1]))
    except OverflowError:
        raise _outside("addDays") from None
    return f"{moved.replace(tzinfo=None).isoformat(timespec='seconds')}.{decimals[:7].ljust(7, '0')}Z"


def add_days_as_written(arguments: Sequence[Any]) -> str:
    """In the zone of the date, with the decimals that it has."""
    moment, decimals = read_time("addDays", text_of("addDays", arguments[0]))
    try:
        return _as_written(moment + timedelta(days=whole("addDays", arguments[1])), decimals)
    except OverflowError:
        raise _outside("addDays") from None


def _outside(function: str) -> TemplateError:
    return TemplateError(f"{function}: the date is outside the years 1 to 9999")


def _as_written(moment: datetime, decimals: str) -> str:
    """With no decimals, or three, six or nine of them."""
    kept = decimals.ljust(9, "0")
    while kept.endswith("000"):
        kept = kept[:-3]
    zone = _zone(moment, 1)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}{f'.{kept}' if kept else ''}{zone}"


def date_time_add(arguments: Sequence[Any]) -> str:
    text, duration = (text_of("dateTimeAdd", argument) for argument in arguments[:2])
    moment, decimals = read_time("dateTimeAdd", text)
    found = _DURATION.fullmatch(duration)
    try:
        if found is None or duration.endswith("T"):
            raise ValueError(duration)
        sign, *parts = found.groups()
        seconds = sum(int(float(part) * size) for part, size in zip(parts, _SECONDS, strict=True) if part)
    except (ValueError, OverflowError):
        raise TemplateError(f"dateTimeAdd: {shown(duration)} is no duration of ISO 8601") from None
    try:
        moment += timedelta(seconds=-seconds if sign else seconds)
    except OverflowError:
        raise _outside("dateTimeAdd") from None
    if len(arguments) == 3 and type(arguments[2]) is str:
        return format_time(moment.replace(microsecond=int(decimals[:6].ljust(6, "0"))), arguments[2])
    return _as_written(moment, decimals)


def date_time_from_epoch(arguments: Sequence[Any]) -> str:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole("dateTimeFromEpoch", arguments[0]))
    except OverflowError:
        raise _outside("dateTimeFromEpoch") from None
    return _as_written(moment, "")


def date_time_to_epoch(arguments: Sequence[Any]) -> int:
    moment, _ = read_time("dateTimeToEpoch", text_of("dateTimeToEpoch", arguments[0]))
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


DOCUMENTED = by_name([Function("addDays", add_days, 2, 2)])

REGORUS = by_name(
    [
        Function("addDays", add_days_as_written, 2, 2),
        Function("dateTimeAdd", date_time_add, 2, 3),
        Function("dateTimeFromEpoch", date_time_from_epoch, 1, 1),
        Function("dateTimeToEpoch", date_time_to_epoch, 1, 1),
    ]
)
