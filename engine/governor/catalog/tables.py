"""The data files of the catalogue, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
"""Where the files lie."""


def records(name: str) -> Iterator[list[str]]:
    """The cells of every row of `data/<name>` below its header."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        yield from reader


@cache
def words(name: str) -> frozenset[str]:
    """The lines of `data/<name>` that are not comments."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def number(text: str) -> float | None:
    """The cell as a number; None when it is blank."""
    return float(text) if text else None


def fold(name: str) -> str:
    """One spelling for a name: lower case, no spaces. `West Europe` and `westeurope` are the same place."""
    return name.replace(" ", "").lower()
