"""Sources of inventories: name → module. Each reads its part of the world into an `Inventory`."""

from __future__ import annotations

SOURCES = {"code": "governor.sources.code", "terraform_plan": "governor.sources.terraform_plan"}
