"""Sources of inventories: name → module. Each says which inputs are its own, and reads them.

Modules are imported when they are asked: `takes` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from governor.model import Stage

SOURCES = {
    "manifests": "governor.sources.manifests",
    "terraform_plan": "governor.sources.terraform_plan",
}
"""Asked in this order; the first that takes an input reads it."""

PIPED = Path("-")
"""Standard input, as an input."""


class Source(Protocol):
    """What a source module has, beside the function that reads."""

    STAGE: Stage
    """The stage its inputs are judged in, unless a person names another."""

    def takes(self, path: Path, piped: bytes) -> bool:
        """Whether an input is its own, told by its name and how it begins; `piped` is what standard input holds."""


def detect(path: Path, piped: bytes = b"") -> str:
    """The name of the source that takes an input; that of plans where none does, to say what is wrong with it."""
    return next((name for name in SOURCES if module(name).takes(path, piped)), "terraform_plan")


def module(name: str) -> Source:
    """The module of a source."""
    return cast("Source", import_module(SOURCES[name]))
