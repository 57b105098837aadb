"""Sources of inventories: name → module. Each says which inputs are its own, and reads them.

A source is a module, or a package, that meets `Source`. Modules are imported when they are asked: `takes` must be
cheap, and a reader's own libraries are imported inside `read`. `code`, which `governor keys` searches, takes no input
of `governor check` and is not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from msgspec import Struct

from governor.catalog.prices import PriceBook
from governor.model import Inventory, Stage

SOURCES = {
    "terraform_hcl": "governor.sources.terraform_hcl",
    "snapshot": "governor.sources.snapshot",
    "manifests": "governor.sources.manifests",
    "terraform_plan": "governor.sources.terraform_plan",
}
"""Asked in this order; the first that takes an input reads it."""

PIPED = Path("-")
"""Standard input, as an input."""

_NOT_OURS = frozenset({"node_modules", "site-packages"})


def left_out(name: str) -> bool:
    """Whether a folder is passed by when all below another is meant: what is hidden, and installed packages."""
    return name.startswith(".") or name in _NOT_OURS


class Options(Struct, frozen=True, kw_only=True):
    """What a person may say of an input. Each source reads what concerns it."""

    code: Path | None = None
    """The HCL a plan was made of."""
    workspace: str | None = None
    var_files: Sequence[Path] = ()
    variables: Sequence[str] = ()
    """Values of variables of the code: `NAME=VALUE`."""


class Source(Protocol):
    """What a source module has."""

    STAGE: Stage
    """The stage its inputs are judged in, unless a person names another."""

    def takes(self, path: Path, piped: bytes) -> bool:
        """Whether an input is its own, told by its name and how it begins; `piped` is what standard input holds."""

    def read(self, paths: Sequence[Path], *, piped: bytes, prices: PriceBook, options: Options) -> Inventory:
        """The facts of inputs, as one. Raises Refusal for one that cannot be read. Plans are read with `collect`."""


def detect(path: Path, piped: bytes = b"") -> str:
    """The name of the source that takes an input; that of plans where none does, to say what is wrong with it."""
    return next((name for name in SOURCES if module(name).takes(path, piped)), "terraform_plan")


def module(name: str) -> Source:
    """The module of a source."""
    return cast("Source", import_module(SOURCES[name]))
