"""Code in, facts out; and whether facts of code and of a plan go together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.policy_folders import write
from governor.catalog.prices import PriceBook
from governor.model import Inventory, Resource
from governor.sources import Options, terraform_hcl, terraform_plan

FACTS = (
    "kind", "type", "provider", "region", "taggable", "accelerator", "purchase", "count", "max_count", "price",
    "hourly_usd", "max_hourly_usd",
)  # fmt: skip
NOT_A_VALUE = ("(known after apply)", "(not known)", "(sensitive)")


def inventory(folder: Path, **options: Any) -> Inventory:
    """What the code in a folder says."""
    return terraform_hcl.read([folder], prices=PriceBook.shipped(), options=Options(**options))


def resources(folder: Path, **options: Any) -> dict[str, Resource]:
    """The same, by address."""
    return {resource.id: resource for resource in inventory(folder, **options).resources}


def of(folder: Path, text: str, **options: Any) -> dict[str, Resource]:
    """What one file of code says."""
    return resources(write(folder, {"main.tf": text}), **options)


def of_plan(plan: bytes) -> dict[str, Resource]:
    found = terraform_plan.collect(plan, place="plan.json", prices=PriceBook.shipped())
    return {resource.id: resource for resource in found.resources}


def given_to(plan: bytes, folder: Path) -> Path:
    """The values of variables that a plan was made with, as a file."""
    variables = json.loads(plan).get("variables", {})
    file = folder / "given.tfvars.json"
    file.write_text(json.dumps({name: found.get("value") for name, found in variables.items()}))
    return file


def contradictions(code: dict[str, Resource], plan: dict[str, Resource]) -> list[str]:
    """Where code states what the plan denies, or denies what the plan states. Silence with a reason is no denial."""
    code, plan = (
        # Blocks that are no resources: code shows more of them, and the values that this test itself gives.
        {id: found for id, found in side.items() if found.kind not in ("other", "variable")}
        for side in (code, plan)
    )
    found = [f"{id}: only in the code" for id in code.keys() - plan.keys()]
    found += [f"{id}: only in the plan" for id in plan.keys() - code.keys()]
    for id in sorted(code.keys() & plan.keys()):
        found += [f"{id}: {what}" for what in _between(code[id], plan[id])]
    return found


def _between(code: Resource, plan: Resource) -> Iterator[str]:
    for name in FACTS:
        yield from _fact(name, getattr(code, name), getattr(plan, name), code, plan)
    for family in ("tags", "attributes"):
        ours, theirs = getattr(code, family), getattr(plan, family)
        for key in sorted(ours.keys() | theirs.keys()):
            yield from _fact(f"{family}.{key}", ours.get(key), theirs.get(key), code, plan)


def _fact(path: str, ours: Any, theirs: Any, code: Resource, plan: Resource) -> Iterator[str]:
    if ours == theirs or ours in NOT_A_VALUE or _unknown(path, ours, code) or _unknown(path, theirs, plan):
        return
    yield f"{path} is {ours!r} in the code and {theirs!r} in the plan"


def _unknown(path: str, value: Any, resource: Resource) -> bool:
    family = path.partition(".")[0]
    beside = {f"{family}.*"} if value is None else set()
    # A price that is not known says so under the cost; a maximum, under the count.
    told = {"price": "hourly_usd", "max_hourly_usd": "hourly_usd", "max_count": "count"}.get(path, path)
    inside = any(known.startswith(f"{path}.") for known in resource.unknown)
    return bool({path, told, family, *beside} & resource.unknown.keys()) or inside
