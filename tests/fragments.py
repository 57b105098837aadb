"""Terraform fragments of the policy pages: their directives, and a plan of each without Terraform.

tfparse resolves the HCL; what it cannot know (another resource's id) is marked unknown, with the reference that a real
plan's configuration would hold. test_fragments.py compares this with what a real Terraform plans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tfparse

from governor import library

_DIRECTIVE = re.compile(r"^# governor: (\w+) = (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Fragment:
    """One `<ID>_avoid.tf` or `<ID>_prefer.tf`."""

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

    def _directive(self, name: str) -> str:
        return dict(_DIRECTIVE.findall(self.path.read_text("utf-8"))).get(name, "")


def every_fragment() -> list[Fragment]:
    return [Fragment(path) for path in sorted(library.builtin().glob("*/fragments/*.tf"))]


def plan_of(fragment: Fragment, folder: Path) -> bytes:
    """A plan JSON of the fragment alone; `folder` is an empty scratch folder."""
    (folder / "main.tf").write_text(fragment.path.read_text("utf-8"), "utf-8")
    parsed = tfparse.load_from_path(folder)
    resources = [(kind, block) for kind, blocks in parsed.items() if kind != "terraform" for block in blocks]
    names = {block["id"]: block["__tfmeta"]["path"] for _, block in resources}
    changes, configuration = [], []
    for kind, block in resources:
        address = block["__tfmeta"]["path"]
        after, unknown, expressions = _block(block, names)
        name = address.removeprefix(f"{kind}.").partition("[")[0]
        changes.append(
            {
                "address": address,
                "mode": "managed",
                "type": kind,
                "name": name,
                "change": {"actions": ["create"], "before": None, "after": after, "after_unknown": unknown},
            }
        )
        provider = kind.partition("_")[0]
        configuration.append(
            {"address": address, "mode": "managed", "type": kind, "name": name, "provider_config_key": provider,
             "expressions": expressions}
        )  # fmt: skip
    providers = {c["provider_config_key"]: {"name": c["provider_config_key"]} for c in configuration}
    if "aws" in providers:
        providers["aws"]["expressions"] = {"region": {"constant_value": fragment.region}}
    plan = {
        "format_version": "1.2",
        "resource_changes": changes,
        "configuration": {"provider_config": providers, "root_module": {"resources": configuration}},
    }
    return json.dumps(plan).encode()


def _block(block: dict[str, Any], names: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(after, after_unknown, expressions) of a block."""
    after: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    expressions: dict[str, Any] = {}
    for key, value in block.items():
        if key in ("__tfmeta", "id", "provider", "depends_on", "lifecycle"):
            continue
        nested = [item for item in (value if isinstance(value, list) else [value]) if _is_block(item)]
        if nested:
            parts = [_block(item, names) for item in nested]
            after[key] = [part[0] for part in parts]
            unknown[key] = [part[1] for part in parts]
            expressions[key] = [
                {**part[2], "(references)": {"references": list(_references(item))}}
                for part, item in zip(parts, nested, strict=True)
            ]
        elif isinstance(value, str) and value in names:
            unknown[key] = True
            expressions[key] = {"references": [f"{names[value]}.id", names[value]]}
        elif isinstance(value, dict) and "__attribute__" in value:
            unknown[key] = True
            expressions[key] = {"references": [value["__attribute__"]]}
        else:
            after[key] = value
            expressions[key] = {"constant_value": value}
    return after, unknown, expressions


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) and "__tfmeta" in value


def _references(block: dict[str, Any]) -> Iterator[str]:
    for reference in block["__tfmeta"].get("references", []):
        yield f"{reference['label']}.{reference['name']}"
