"""What is found while exports are read: objects, what could not be read, and where each stands.

Lines are looked for once a file, when all of it has been read: whoever finds something notes the keys that lead to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import force_setattr

from governor import jsonfile
from governor.azure_model import Assignment, Definition, Initiative, PolicyExemption, PolicyState, Summary, Written
from governor.errors import Refusal
from governor.model import Gap

Pointer = tuple[str | int, ...]

_LONGEST = 400
"""Characters of a reason: it may quote what is found."""


class File(NamedTuple):
    """A file that was read."""

    name: str
    text: str
    line: int = 0
    """Of a row of a CSV file; 0: lines are those of the pointers."""


class Raw(NamedTuple):
    """An object as a file has it."""

    value: dict[str, Any]
    file: File
    pointer: Pointer


class Found:
    """All that was found; readers add to it."""

    def __init__(self) -> None:
        self.definitions: list[Definition] = []
        self.initiatives: list[Initiative] = []
        self.assignments: list[Assignment] = []
        self.exemptions: list[PolicyExemption] = []
        self.states: list[PolicyState] = []
        self.summaries: list[Summary] = []
        self.ancestors: dict[str, tuple[str, ...]] = {}
        self.notes: dict[str, None] = {}
        self.gaps: list[tuple[File | None, Pointer, Gap, Written | None]] = []
        self._written: list[tuple[File, Written]] = []

    def gap(self, raw: Raw, reason: str, *steps: str | int, other: Written | None = None) -> None:
        """Something of an object could not be read. The place of another one fills the `{}` of the reason."""
        gap = Gap(raw.file.name, reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 1]}…")
        self.gaps.append((raw.file, (*raw.pointer, *steps), gap, other))

    def refused(self, refusal: Refusal) -> None:
        """A file, or a part of one, could not be read."""
        self.gaps.append((None, (), Gap(refusal.place, refusal.message), None))

    def written(self, raw: Raw, *steps: str | int) -> Written:
        """Where an object stands; its line follows."""
        written = Written(raw.file.name, raw.file.line, (*raw.pointer, *steps))
        if not raw.file.line:
            self._written.append((raw.file, written))
        return written

    def placed_gaps(self) -> tuple[Gap, ...]:
        """The gaps, each with its place, and once; sets the lines of all that is written."""
        wanted: dict[str, tuple[File, set[Pointer]]] = {}
        pointed: Iterable[tuple[File | None, Pointer]] = [
            *((file, written.pointer) for file, written in self._written),
            *((file, pointer) for file, pointer, *_ in self.gaps),
        ]
        for file, pointer in pointed:
            if file and not file.line:
                wanted.setdefault(file.name, (file, set()))[1].add(pointer)
        places = {}
        for name, (file, pointers) in wanted.items():
            ordered = list(pointers)
            places[name] = dict(zip(ordered, jsonfile.positions(file.text, ordered), strict=True))
        for file, written in self._written:
            force_setattr(written, "line", places[file.name][written.pointer][0])
        gaps: dict[Gap, None] = {}
        for maybe, pointer, gap, other in self.gaps:
            place = gap.place
            if maybe and maybe.line:
                place = f"{maybe.name}:{maybe.line}"
            elif maybe:
                place = ":".join(map(str, (maybe.name, *places[maybe.name][pointer])))
            reason = gap.reason.replace("{}", f"{other.file}:{other.line}") if other else gap.reason
            gaps[Gap(place, reason)] = None
        return tuple(gaps)
