"""`governor checkov-checks`: our policies as checks of checkov."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from governor.checkov import package
from governor.commands import workspace
from governor.errors import Refusal


def run(*, out: Path, folders: Sequence[str], config: Path | None, allow_floating: bool) -> int:
    """Write the folder; files of earlier runs are replaced, others left alone."""
    space = workspace.enter(config, folders, floating=allow_floating)
    policies = [p for p in workspace.everything(space).known if not p.stages or "plan" in p.stages]
    arguments = [*(["--config", str(config)] if config else []), *(a for f in folders for a in ("--policies", f))]
    arguments += ["--allow-floating"] if allow_floating else []
    files = package.files(policies, arguments)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"cannot be written ({error.strerror}): choose another folder", place=str(out)) from None
    click.echo(f"{len(policies)} checks in {out}: checkov -f plan.json --external-checks-dir {out}")
    return 0
