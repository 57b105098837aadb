"""Folders of conftest policies for tests: files and a plan in, what governor makes of them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.policy_folders import TODAY
from governor import library
from governor.catalog.prices import PriceBook
from governor.judge import judge
from governor.model import Judgement
from governor.sources import terraform_plan

V0 = """\
package main

deny[msg] {
  change := input.resource_changes[_]
  change.type == "aws_instance"
  not change.change.after.tags.owner
  msg := sprintf("%s has no owner", [change.address])
}
"""
"""Rego as conftest's first users wrote it: instances have an owner."""


def change(address: str, *actions: str, **after: Any) -> dict[str, Any]:
    """A change as Terraform writes it; without actions, the resource is created."""
    type, name = address.partition("[")[0].split(".")[-2:]
    return {
        "address": address,
        "mode": "managed",
        "type": type,
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": list(actions or ("create",)),
            "before": None,
            "after": None if actions == ("delete",) else after,
            "after_unknown": {},
            "before_sensitive": False,
            "after_sensitive": {},
        },
    }


def plan(*changes: dict[str, Any], **parts: Any) -> bytes:
    """A plan of changes."""
    head = {"format_version": "1.2", "terraform_version": "1.11.4"}
    return json.dumps({**head, "resource_changes": changes, **parts}).encode()


def judged(folder: Path, document: bytes, *more: Path) -> Judgement:
    """What the raw policies of the folders say of a plan."""
    inventory = terraform_plan.collect(document, place="plan.json", prices=PriceBook.shipped(), keep_document=True)
    return judge(inventory, library.load([], raw=[folder, *more]).evaluators, TODAY)
