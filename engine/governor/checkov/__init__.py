"""checkov, both ways: its findings in our verdict, and our policies among its checks. It is run, never imported."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from governor.errors import CANNOT_JUDGE, Refusal


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How checkov is run; `checkov` in governor.yaml."""

    program: Annotated[str, Meta(pattern=r"\S")] = "checkov"
    """A name on PATH, or a path."""
    checks: tuple[Annotated[str, Meta(pattern=r"\S")], ...] = ()
    """Ids, or globs over them; empty: every check."""
    skip: tuple[Annotated[str, Meta(pattern=r"\S")], ...] = ()
    timeout: Annotated[int, Meta(gt=0)] = 300
    """Seconds."""


def cannot(message: str) -> Refusal:
    """checkov gave no answer: nothing of the run counts."""
    return Refusal(message, place="checkov", code=CANNOT_JUDGE)
