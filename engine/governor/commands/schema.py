"""`governor schema`: the JSON Schema of a file that people or tools write or read."""

from __future__ import annotations

import json
import sys


def run(name: str) -> int:
    """Print a schema: config, exemptions or report."""
    if name == "report":
        from governor.reports.json import schema

        found = schema()
    else:
        from governor import written

        found = written.schema(written.SettingsFile if name == "config" else written.ExemptionFile)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0
