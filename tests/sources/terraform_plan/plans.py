"""Small plans, made by hand: each says what it is about and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governor.catalog.prices import PriceBook
from governor.model import Inventory, Resource
from governor.sources import terraform_plan

PROJECT = Path(__file__).resolve().parents[3]
AWS_IN_VIRGINIA = {"aws": {"name": "aws", "expressions": {"region": {"constant_value": "us-east-1"}}}}


def const(value: Any) -> dict[str, Any]:
    """An expression that is a constant."""
    return {"constant_value": value}


def ref(*names: str) -> dict[str, Any]:
    """An expression that refers to something."""
    return {"references": list(names)}


def rc(
    address: str,
    after: Mapping[str, Any] | None = None,
    *,
    actions: tuple[str, ...] = ("create",),
    before: Mapping[str, Any] | None = None,
    unknown: Any = None,
    sensitive: Any = False,
    expressions: Mapping[str, Any] | None = None,
    provider_key: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A change of `module.a["x"].type.name[0]` and, under `_`, the block of the configuration it comes from."""
    module, _, local = address.rpartition(".aws_") if ".aws_" in address else ("", "", address)
    if module:
        local = f"aws_{local}"
    type, _, name = local.partition(".")
    name, _, index = name.partition("[")
    change: dict[str, Any] = {
        "address": address,
        "mode": "managed",
        "type": type,
        "name": name,
        "change": {
            "actions": list(actions),
            "before": before,
            "after": after,
            "after_unknown": {} if unknown is None else unknown,
            "before_sensitive": False,
            "after_sensitive": sensitive,
        },
        **more,
    }
    if module:
        change["module_address"] = module
    if index:
        change["index"] = json.loads(index.rstrip("]"))
    key = type.partition("_")[0] if provider_key is None else provider_key
    change["_"] = {"address": f"{type}.{name}", "mode": "managed", "type": type, "name": name,
                   "provider_config_key": key, "expressions": dict(expressions or {})}  # fmt: skip
    return change


def plan_of(
    *changes: dict[str, Any],
    providers: Mapping[str, Any] | None = None,
    modules: Mapping[str, Any] | None = None,
    without_configuration: bool = False,
    **more: Any,
) -> bytes:
    """A plan of these changes. Blocks in modules are given in `modules`, as Terraform writes `module_calls`."""
    blocks = {}
    for change in changes:
        block = change.pop("_", None)
        if block and "module_address" not in change:
            blocks[block["address"]] = block
    document: dict[str, Any] = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": list(changes),
        "configuration": {
            "provider_config": AWS_IN_VIRGINIA if providers is None else dict(providers),
            "root_module": {"resources": list(blocks.values()), "module_calls": dict(modules or {})},
        },
    }
    if without_configuration:
        del document["configuration"]
    variables = more.pop("declared", None)
    if variables:
        document["configuration"]["root_module"]["variables"] = variables
    return json.dumps({**document, **more}).encode()


def collect(data: bytes) -> Inventory:
    return terraform_plan.collect(data, place="plan.json", prices=PriceBook.shipped())


def resources(data: bytes) -> dict[str, Resource]:
    return {resource.id: resource for resource in collect(data).resources}


def only(data: bytes) -> Resource:
    """The one resource of a plan."""
    [resource] = collect(data).resources
    return resource


def of_plan(path: str) -> Inventory:
    """The inventory of a committed plan: `tags` is tests/trap_plans/tags/plan.json."""
    file = (
        PROJECT / "examples" / "plan.json" if path == "example" else PROJECT / "tests/trap_plans" / path / "plan.json"
    )
    return collect(file.read_bytes())
