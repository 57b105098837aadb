"""Scale a real plan: `python bench/generate.py SRC N OUT` repeats its changes inside module instances up to N."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def scaled(plan: dict[str, Any], size: int) -> dict[str, Any]:
    """A plan with `size` changes in `module.shard["0"]`, `["1"]`, …: the configuration moves into that module, too."""
    changes = [change for change in plan["resource_changes"] if change["mode"] == "managed"]
    repeated = []
    for number in range(size):
        change = changes[number % len(changes)]
        shard = f'module.shard["{number // len(changes)}"]'
        inner = change.get("module_address")
        repeated.append(
            {
                **change,
                "address": f"{shard}.{change['address']}",
                "module_address": f"{shard}.{inner}" if inner else shard,
            }
        )
    root = plan["configuration"]["root_module"]
    configuration = {
        **plan["configuration"],
        "root_module": {
            "module_calls": {"shard": {"source": "./shard", "module": root}},
            "variables": root.get("variables", {}),
        },
    }
    return {**plan, "resource_changes": repeated, "configuration": configuration, "planned_values": {}}


def main() -> None:
    source, size, target = sys.argv[1:]
    plan = json.loads(Path(source).read_text("utf-8"))
    Path(target).write_text(json.dumps(scaled(plan, int(size)), separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
