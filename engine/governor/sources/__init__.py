"""Sources of inventories: name → module. Each says which inputs are its own, and reads them.

A source is a module, or a package, that meets `Source`. Modules are imported when they are asked: `takes` must be
cheap, and a reader's own libraries are imported inside `read`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from msgspec import Struct

from governor.catalog.prices import PriceBook
from governor.errors import Refusal
from governor.model import Inventory, Stage

SOURCES = {
    "terraform_hcl": "governor.sources.terraform_hcl",
    "terraform_plan": "governor.sources.terraform_plan",
}
"""Asked in this order; the first that takes an input reads it."""


class Options(Struct, frozen=True, kw_only=True):
    """What a person may say of an input. Each source reads what concerns it, and refuses nothing that does not."""

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

    def takes(self, path: Path) -> bool:
        """Whether an input is its own: told by what kind of file or folder it is, not by reading it whole."""

    def read(self, path: Path, *, prices: PriceBook, options: Options) -> Inventory:
        """The facts of an input. Raises Refusal for one that cannot be read."""


def detect(path: Path) -> Source:
    """The source that takes an input; `-` is standard input. Raises Refusal when none does."""
    for name in SOURCES.values():
        source = cast("Source", import_module(name))
        if source.takes(path):
            return source
    raise Refusal(
        "this folder holds no Terraform code (*.tf): give the folder of a root module, or a plan", place=str(path)
    )
