"""`governor schema`: the JSON Schema of a file that people or tools write or read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from governor import reports

_OF_AZURE = {
    "azure-evaluate": "azure_evaluation.schema.json",
    "azure-compare": "azure_comparison.schema.json",
}


def run(name: str) -> int:
    """Print a schema; `name` is one of those that the command line offers."""
    sys.stdout.write(json.dumps(_schema(name), indent=2) + "\n")
    return 0


def _schema(name: str) -> dict[str, Any]:
    if name == "report":
        from governor.reports.json import schema

        return schema()
    if name in _OF_AZURE:
        return json.loads(Path(reports.__file__).with_name(_OF_AZURE[name]).read_bytes())  # type: ignore[no-any-return]
    if name == "baseline":
        from governor.baseline import file

        return file.schema()
    if name in ("cases", "input"):
        from governor import schemas

        return schemas.cases() if name == "cases" else schemas.policy_input()
    from governor import written

    return written.schema(written.SettingsFile if name == "config" else written.ExemptionFile)
