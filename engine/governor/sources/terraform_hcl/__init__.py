"""A folder of Terraform or OpenTofu code in, an inventory out: before any plan, without credentials or network.

The code becomes what a plan file would be decoded to, as far as code tells it, and its facts are read where those of
plans are. See docs/terraform-code.md for what stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from governor.catalog import ai_keys
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Inventory, Origin, Stage
from governor.sources import Options
from governor.sources.terraform_hcl.roots import CODE

if TYPE_CHECKING:
    from governor.sources.terraform_plan import Collector

STAGE: Stage = "commit"

_VALUES = ("terraform.tfvars", ".auto.tfvars")


def takes(path: Path, piped: bytes) -> bool:
    """A folder with Terraform code in it, or a file of it or of the values that it always takes."""
    if path.is_dir():
        try:
            return any(file.name.endswith(CODE) for file in path.iterdir())
        except OSError:  # the next one says so
            return False
    return path.name.endswith(CODE + _VALUES)


def read(paths: Sequence[Path], *, piped: bytes = b"", prices: PriceBook, options: Options) -> Inventory:
    """Read the root module in a folder: the only one of `paths`. Raises Refusal for code that does not parse."""
    (path,) = paths
    try:
        return _read(path, prices, options)
    except RecursionError:
        raise Refusal("its blocks are nested too deeply for code", place=str(path), code=CANNOT_JUDGE) from None


def _read(path: Path, prices: PriceBook, options: Options) -> Inventory:
    return collected(path, prices=prices, options=options)[0]


def collected(path: Path, *, prices: PriceBook, options: Options) -> tuple[Inventory, Collector]:
    """As `read`, and what collected it."""
    from governor.sources import terraform_plan
    from governor.sources.terraform_hcl.as_plan import AsPlan
    from governor.sources.terraform_hcl.inputs import values, workspace
    from governor.sources.terraform_hcl.modules import Module, Reader

    reader = Reader(path)
    code = reader.code(path)
    given, texts = values(path, code.variables, options.var_files, options.variables)
    root = Module(reader, code, workspace=workspace(path, options.workspace), given=lambda name: given[name].value)
    modules = list(root.everything())
    text = b"\n".join([*reader.sources, texts])
    made = AsPlan(modules, given, with_texts=bool(ai_keys.screens_for(text)))
    plan = made.plan()
    plan.damage = [(gap.place, gap.reason) for gap in (*reader.gaps, *made.gaps)]
    # A key may be put together of parts: then only the values hold it.
    text = b"\n".join([text, *(bytes(change.change.after) for change in made.changes)])
    collector = terraform_plan.Collector(plan, text, str(path), prices, _Origins(made.origins))
    inventory = collector.inventory()
    nothing = [] if made.changes or inventory.gaps else ["the code holds no resource: there was nothing to judge"]
    inventory = replace(inventory, stage=STAGE, notes=tuple(nothing), source=f"terraform code {path}")
    return inventory, collector


class _Origins:
    """Where blocks stand, by their address without keys."""

    def __init__(self, places: Mapping[str, Origin]) -> None:
        self._places = places

    def resource(self, module_address: str, type: str, name: str) -> Origin | None:
        from governor.sources.terraform_plan.configuration import without_indexes

        module = without_indexes(module_address)
        return self._places.get(f"{module}.{type}.{name}" if module else f"{type}.{name}")

    def provider(self, key: str) -> Origin | None:
        return self._places.get(f"provider.{key}")

    def block(self, address: str) -> Origin | None:
        return self._places.get(address)
