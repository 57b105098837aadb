"""docs/scan.md says what is read, and docs/iam-permissions.md what allows it."""

from __future__ import annotations

import json
import os
import re

from governor.sources.aws.listers import LISTERS
from governor.sources.aws.reads import OF_EVERY_SCAN, OF_SERVICE, actions, session_policy
from real_terraform import PROJECT

SCAN = (PROJECT / "docs" / "scan.md").read_text("utf-8")
PERMISSIONS = PROJECT / "docs" / "iam-permissions.md"


def test_the_permissions_are_those_of_the_reads() -> None:
    """`UPDATE_GOLDEN=1 pytest tests/sources/aws/test_scan_page.py` writes them."""
    wanted = PERMISSIONS.read_text("utf-8")
    for name, text in {"policy": _policy(), "services": _services()}.items():
        marked = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        wanted, times = re.subn(marked, lambda m, text=text: m[1] + text + m[2], wanted, flags=re.DOTALL)  # type: ignore[misc]
        assert times == 1
    if "UPDATE_GOLDEN" in os.environ:
        PERMISSIONS.write_text(wanted, "utf-8", newline="\n")

    assert PERMISSIONS.read_text("utf-8") == wanted


def test_every_json_of_the_page_is_a_policy() -> None:
    policies = re.findall(r"```json\n(.*?)```", PERMISSIONS.read_text("utf-8"), re.DOTALL)

    assert [[s["Effect"] for s in json.loads(policy)["Statement"]] for policy in policies] == [["Allow"], ["Allow"]]


def test_every_service_is_listed() -> None:
    assert re.findall(r"^\| `(\w+)` \|", SCAN, re.MULTILINE) == list(LISTERS)


def _policy() -> str:
    return f"```json\n{json.dumps(json.loads(session_policy()), indent=2)}\n```\n"


def _services() -> str:
    rows = {"all": actions(OF_EVERY_SCAN), **{f"`{name}`": actions(asked) for name, asked in OF_SERVICE.items()}}
    lines = [f"| {name} | {', '.join(f'`{action}`' for action in needs)} |" for name, needs in rows.items()]
    return "\n".join(["| `--service` | permissions |", "|---|---|", *lines]) + "\n"
