"""Sources of inventories: name → module. Each has a `collect` that reads the world and returns an `Inventory`."""

from __future__ import annotations

SOURCES = {"terraform_plan": "governor.sources.terraform_plan"}
