"""Builtin functions of Rego: which the embedded engine has, and which OPA has.

`functions.csv` was measured with gordon-to-regorus 0.13.0 and OPA 1.4.2; tests/lint/test_functions.py measures again.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from msgspec import Struct

FILE = Path(__file__).parent / "functions.csv"


class Function(Struct, frozen=True):
    """One builtin function."""

    name: str
    arguments: int | None
    """None: as many as one likes."""
    in_engine: bool
    in_opa: bool
    """Without those that OPA 1 refuses as deprecated."""
    varies: bool
    """Whether two calls with the same arguments may differ, says OPA."""


@cache
def functions() -> dict[str, Function]:
    """All of them, by name."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {
        name: Function(name, int(count) if count else None, engine == "yes", opa == "yes", varies == "yes")
        for name, count, engine, opa, varies in rows
    }
