"""Our policies in, a folder of checks for `checkov --external-checks-dir` out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from pprint import pformat

from governor.catalog.kinds import SHAPES
from governor.errors import Refusal
from governor.model import Policy

_TEMPLATE = Path(__file__).parent / "inside" / "governor_checks.py"
_ARGUMENTS = "ARGUMENTS: list[str] = []\n"
_POLICIES = "POLICIES: list[dict[str, Any]] = []\n"


def files(policies: Iterable[Policy], arguments: Sequence[str]) -> dict[str, str]:
    """File name → text. `arguments` are given to each `governor check` besides the plan."""
    cards = [_card(policy) for policy in policies]
    text = _TEMPLATE.read_text("utf-8")
    text = text.replace(_ARGUMENTS, f"ARGUMENTS: list[str] = {list(arguments)!r}\n")
    text = text.replace(_POLICIES, f"POLICIES: list[dict[str, Any]] = {pformat(cards, width=100, sort_dicts=False)}\n")
    return {"__init__.py": '"""A folder of checks, for checkov --external-checks-dir."""\n', "governor_checks.py": text}


def check_id(policy: str) -> str:
    """`TAG001` → `CKV_GOV_TAG001`. checkov reads ids of letters, digits and underscores in comments that skip."""
    if not re.fullmatch(r"\w+", policy, re.ASCII):
        raise Refusal(f"{policy} cannot be the id of a check: take letters, digits and underscores")
    return f"CKV_GOV_{policy}"


def _card(policy: Policy) -> dict[str, object]:
    return {
        "id": check_id(policy.id),
        "policy": policy.id,
        "title": policy.title,
        "severity": policy.severity,
        "guideline": policy.references[0] if policy.references else None,
        "types": sorted(type for type, shape in SHAPES.items() if not policy.kinds or shape.kind in policy.kinds),
    }
