"""Hundreds of Microsoft's definitions on ever larger estates: what is told grows, what is held does not."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from azure.tenant import ACCOUNT, VNET, assignment, row, save, vm

MEASURED = """
import resource, sys
from governor import cli
sys.argv = ["governor", *sys.argv[1:]]
code = cli._run()
sys.stdout.flush()
print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""
_FILLED = {
    "string": "x", "array": [], "object": {}, "boolean": True, "integer": 1, "float": 1.5,
    "datetime": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def tenant(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the built-in definitions, each assigned, and some estates."""
    folder = tmp_path_factory.mktemp("tenant")
    with gzip.open(shared / "samples" / "azure" / "builtin_definitions.jsonl.gz", "rt", encoding="utf-8") as lines:
        definitions = {one["id"]: one for one in map(json.loads, islice(lines, 0, None, 2))}
    assigned = [
        assignment(id, f"a{number}", parameters=_parameters(one["properties"].get("parameters") or {}))
        for number, (id, one) in enumerate(definitions.items())
    ]
    save(folder, "export/definitions.json", list(definitions.values()))
    save(folder, "export/assignments.json", assigned)
    for size in (200, 1_000, 2_000):
        save(folder, f"{size}.json", [_resource(number) for number in range(size)])
    return folder


def _parameters(declared: dict[str, Any]) -> dict[str, Any]:
    given = {}
    for name, one in declared.items():
        if "defaultValue" not in one:
            kind, allowed = one["type"].lower(), one.get("allowedValues")
            given[name] = {"value": (allowed if kind == "array" else allowed[0]) if allowed else _FILLED[kind]}
    return given


def _resource(number: int) -> dict[str, Any]:
    name, tags = f"r{number}", {"project": "atlas"} if number % 3 else {}
    kinds = (VNET, ACCOUNT, "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.Web/sites")
    group = f"rg-{number % 40}"
    return vm(name, tags, group=group) if number % 2 else row(kinds[number % 5], name, tags, group)


@pytest.mark.parametrize(
    ("command", "more", "many"), [("evaluate", (), 1_000), ("evaluate", ("-f", "json"), 2_000), ("compare", (), 1_000)]
)
def test_memory_does_not_grow_with_what_is_said(tenant: Path, command: str, more: tuple[str, ...], many: int) -> None:
    held = {}
    for size in (200, many):
        with (tenant / "out").open("wb") as out:
            run = subprocess.run(
                [sys.executable, "-c", MEASURED, "azure", command, "export", "--on", f"{size}.json", *more],
                cwd=tenant, stdout=out, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        code, held[size] = map(int, run.stderr.splitlines()[-1].split())
        assert code == 1, run.stderr
        assert (tenant / "out").stat().st_size > 10_000

    assert held[many] - held[200] < 15, "1,800 more resources are themselves some MB"
