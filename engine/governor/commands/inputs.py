"""What commands judge: paths and standard input in, an inventory out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from governor import sources
from governor.catalog.prices import PriceBook
from governor.errors import Refusal
from governor.model import Inventory, Stage
from governor.sources import PIPED
from governor.sources.terraform_hcl.roots import roots_of
from governor.sources.terraform_plan.locate import Locator

PLAN = "terraform_plan"
CODE = "terraform_hcl"
MANIFESTS = "manifests"


class Given(Struct, frozen=True):
    """What is judged as one, and what reads it."""

    source: str
    """One of `sources.SOURCES`."""
    paths: Sequence[Path]
    options: sources.Options
    piped: bytes = b""
    """What standard input held, if it is one of them."""
    name: str = ""
    """What reports call a plan; by default its path."""

    @property
    def stage(self) -> Stage:
        """The stage that such inputs are judged in."""
        return sources.module(self.source).STAGE

    @property
    def is_plan(self) -> bool:
        return self.source == PLAN

    def read(self, prices: PriceBook) -> Inventory:
        """The inventory of what is no plan."""
        reader = sources.module(self.source)
        return reader.read(self.paths, piped=self.piped, prices=prices, options=self.options)

    def plan(self) -> tuple[bytes, str, Locator | None]:
        """A plan's bytes, its name for messages, and what finds its HCL."""
        (path,), code = self.paths, self.options.code
        if code is not None and not code.is_dir():
            raise Refusal("--source wants the folder that holds the HCL", place=str(code))
        place = self.name or _shown(path)
        try:
            data = self.piped if path == PIPED else path.read_bytes()
        except IsADirectoryError:
            raise Refusal(
                "this folder holds no Terraform code (*.tf) and no manifests (*.yaml): give one that does, or the"
                " file that terraform show -json wrote",
                place=place,
            ) from None
        except OSError as error:
            raise Refusal(
                f"cannot be read ({error.strerror}): make one with: terraform show -json tfplan > plan.json",
                place=place,
            ) from None
        return data, place, Locator(code) if code else None


def sort(names: Sequence[str], options: sources.Options, name: str = "") -> list[Given]:
    """What each judgement is about: each root module of code, each plan, and all manifests together."""
    piped = sys.stdin.buffer.read() if "-" in names else b""
    found: dict[str, list[Path]] = {}
    for path in dict.fromkeys(map(Path, names)):
        found.setdefault(sources.detect(path, piped), []).append(path)
    code = found.pop(CODE, [])
    if not code and (options.workspace or options.var_files or options.variables):
        raise Refusal("--workspace, --var-file and --var are for Terraform code: all else has its values")
    return [
        *(Given(CODE, [root], options) for root in roots_of(code)),
        *(Given(PLAN, [plan], options, piped, name) for plan in found.pop(PLAN, [])),
        *(Given(source, paths, options, piped) for source, paths in found.items()),
    ]


def _shown(path: Path) -> str:
    return "standard input" if path == PIPED else str(path)
