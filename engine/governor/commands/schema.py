"""`governor schema`: the JSON Schema of a file that people or tools write or read."""

from __future__ import annotations

import json
import sys
from typing import Any


def run(name: str) -> int:
    """Print a schema: config, exemptions, baseline, cases, input or report."""
    sys.stdout.write(json.dumps(_schema(name), indent=2) + "\n")
    return 0


def _schema(name: str) -> dict[str, Any]:
    if name == "report":
        from governor.reports.json import schema

        return schema()
    if name == "baseline":
        from governor.baseline import file

        return file.schema()
    if name in ("cases", "input"):
        from governor import schemas

        return schemas.cases() if name == "cases" else schemas.policy_input()
    from governor import written

    return written.schema(written.SettingsFile if name == "config" else written.ExemptionFile)
