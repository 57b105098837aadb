"""Sources of inventories: name → module. Each has a `collect` that reads the world and returns an `Inventory`."""

from __future__ import annotations

SOURCES = {"code": "governor.sources.code", "terraform_plan": "governor.sources.terraform_plan"}
