"""What a check says: where, what, and how to mend it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from governor.errors import Refusal


class Place(Struct, frozen=True, order=True):
    """Where something stands; line and column from 1."""

    file: Path
    line: int = 1
    column: int = 1


class Remark(Struct, frozen=True, order=True):
    """One mistake, in one line, and one line on how to mend it."""

    place: Place
    message: str
    fix: str


def place_of(file: Path, place: str) -> Place:
    """The place in a file that a `file`, `file:line` or `file:line:column` names."""
    rest = place.removeprefix(str(file)) if place.startswith(str(file)) else ""
    numbers = [int(number) for number in rest.split(":") if number.isdigit()]
    return Place(file, *numbers[:2])


def refused(file: Path, refusal: Refusal, fix: str) -> Remark:
    """A refusal as a remark."""
    return Remark(place_of(file, refusal.place), refusal.message, fix)
