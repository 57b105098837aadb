"""Terraform fragments of the policy pages: their directives, and the facts of each.

test_fragments.py compares them with what a real Terraform plans.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from governor import library
from governor.catalog.prices import PriceBook
from governor.model import Inventory, Spend
from governor.sources import Options, terraform_hcl

_DIRECTIVE = re.compile(r"^(?:#|//) governor: (\w+) = (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Fragment:
    """One `<ID>_avoid.tf` or `<ID>_prefer.tf`; in `.jsonc`, an export of Azure Policy."""

    path: Path

    @property
    def policy(self) -> str:
        return self.path.stem.partition("_")[0]

    @property
    def avoid(self) -> bool:
        return self.path.stem.endswith("_avoid")

    @property
    def concern(self) -> str:
        return self.path.parent.parent.name

    @property
    def region(self) -> str:
        return self._directive("region") or "us-east-1"

    @property
    def config(self) -> dict[str, Any]:
        return json.loads(self._directive("config") or "{}")

    @property
    def spend(self) -> tuple[Spend, ...]:
        return msgspec.json.decode(self._directive("spend") or "[]", type=tuple[Spend, ...])

    @property
    def residency(self) -> dict[str, Any]:
        """What lies over the residency data."""
        return json.loads(self._directive("residency") or "{}")

    @property
    def exempted(self) -> list[str]:
        """Globs of exemptions of ours."""
        return json.loads(self._directive("exempted") or "[]")

    def _directive(self, name: str) -> str:
        return dict(_DIRECTIVE.findall(self.path.read_text("utf-8"))).get(name, "")


def every_fragment(suffix: str = "tf") -> list[Fragment]:
    return [Fragment(path) for path in sorted(library.builtin().glob(f"*/fragments/*.{suffix}"))]


def inventory_of(fragment: Fragment, folder: Path) -> Inventory:
    """The facts of the fragment alone, as a first plan would have them; `folder` is an empty scratch folder."""
    (folder / "main.tf").write_text(fragment.path.read_text("utf-8"), "utf-8")
    (folder / "provider.tf").write_text(f'provider "aws" {{ region = "{fragment.region}" }}\n')
    code = terraform_hcl.read([folder], prices=PriceBook.shipped(), options=Options())
    new = [replace(resource, change="create", previous_hourly_usd=None) for resource in code.resources]
    return replace(code, stage="plan", resources=tuple(new), spend=fragment.spend)
