"""Folders of policies for tests: a dict of files in, a folder and its answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from governor import library
from governor.judge import judge
from governor.model import Inventory, Judgement, Resource

TODAY = date(2026, 8, 1)

CARD = """\
# METADATA
# title: Names are short
# custom:
#   id: {id}
#   severity: high
"""


def rego(package: str = "names", id: str = "NAM001", body: str = "true", rule: str = "deny_long") -> str:
    """A Rego file with one policy, which objects to every resource that `body` picks."""
    return f"""\
package {package}

{CARD.format(id=id)}{rule} contains {{"resource": resource.id, "msg": "too long", "attribute": "id"}} if {{
	some resource in input.resources
	{body}
}}
"""


def python(body: str, *, id: str = "PYT001", signature: str = "inventory", head: str = "") -> str:
    """A Python file with one policy; its function starts in line 6 + the lines of `head`."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return f"""\
import msgspec
from governor.policy import Violation, policy
{head}

@policy(id="{id}", title="A policy", severity="high")
def judge({signature}):
{indented}
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, names relative to the folder."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="")
    return folder


def resource(id: str, **facts: Any) -> Resource:
    """A compute instance."""
    return Resource(**{"id": id, "kind": "compute_instance", "type": "aws_instance", "provider": "aws", **facts})


def ask(folders: Path | Sequence[Path], *resources: Resource, **facts: Any) -> Judgement:
    """Load the folders and judge the resources."""
    loaded = library.load([folders] if isinstance(folders, Path) else folders)
    return judge(Inventory(stage="plan", resources=resources, **facts), loaded.evaluators, TODAY)


def said(judgement: Judgement) -> list[tuple[str, str, str]]:
    """(policy, resource, message) of every finding."""
    return [(finding.policy, finding.resource, finding.msg) for finding in judgement.findings]
