"""Scale a real plan, or code.

`python bench/generate.py SRC N OUT` repeats the changes of a plan inside module instances, up to N; of a folder of
code, it repeats the resource blocks, up to N.
"""

from __future__ import annotations

import json
import re
import shutil
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


_RESOURCE = re.compile(r'^resource "(\w+)" "(\w+)" \{\n.*?^\}\n', re.MULTILINE | re.DOTALL)


def scale_code(source: Path, size: int, target: Path) -> None:
    """Write the code of a folder with `size` resource blocks: each copy has names, and references, of its own."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.json", "*.yaml", ".terraform"))
    blocks = [match for file in sorted(source.glob("*.tf")) for match in _RESOURCE.finditer(file.read_text("utf-8"))]
    names = re.compile("|".join(rf"\b{match[1]}\.{match[2]}\b" for match in blocks))
    copies = []
    for number in range(len(blocks), size):
        match, suffix = blocks[number % len(blocks)], f"_{number // len(blocks)}"
        head = f'resource "{match[1]}" "{match[2]}{suffix}" {{'
        copies.append(head + names.sub(lambda name: name[0] + suffix, match[0].partition("{")[2]))  # noqa: B023
    (target / "copies.tf").write_text("\n".join(copies), "utf-8")


def main() -> None:
    source, size, target = sys.argv[1:]
    if Path(source).is_dir():
        scale_code(Path(source), int(size), Path(target))
        return
    plan = json.loads(Path(source).read_text("utf-8"))
    Path(target).write_text(json.dumps(scaled(plan, int(size)), separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
