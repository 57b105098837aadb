"""Where reports go: `-f NAME[=FILE]` in, text on standard output and in files out."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from governor import reports
from governor.errors import Refusal
from governor.model import Verdict

PIPED_WIDTH = 120
"""Columns of a table that no terminal shows."""


def parse(formats: Sequence[str]) -> list[tuple[str, Path | None]]:
    """(format, file or None for standard output), files first: what the terminal shows has been written."""
    outputs: list[tuple[str, Path | None]] = []
    for written in formats or ("table",):
        name, equals, file = written.partition("=")
        if name not in reports.REPORTS:
            raise Refusal(f"no report is called {name!r}: there are {', '.join(reports.REPORTS)}")
        if equals and not file:
            raise Refusal(f"{written} names no file: write {name}=FILE, or {name} alone for standard output")
        outputs.append((name, Path(file) if file not in ("", "-") else None))
    files = [file.resolve() for _, file in outputs if file]
    if len(files) + 1 < len(outputs):
        raise Refusal("only one report can go to standard output: write the others as NAME=FILE")
    if len(set(files)) < len(files):
        raise Refusal("two reports go to one file: give each its own")
    return sorted(outputs, key=lambda output: output[1] is None)


def write(
    verdict: Verdict, outputs: Sequence[tuple[str, Path | None]], *, environment: str, quiet: bool, verbose: bool
) -> None:
    """Render everything before anything is opened: a failing run leaves no half file."""
    rendered = []
    for name, file in outputs:
        shown = file is None and sys.stdout.isatty()
        options = reports.Options(
            width=width(shown), colour=colour(shown) and file is None, verbose=verbose, environment=environment
        )
        text = f"{verdict.footer}\n" if quiet and name == "table" else reports.render(name, verdict, options)
        rendered.append((file, text))
    for file, text in rendered:
        if file is None:
            sys.stdout.write(text)
            continue
        try:
            file.write_text(text, "utf-8", newline="\n")
        except OSError as error:
            raise Refusal(f"cannot be written ({error.strerror}): choose another file", place=str(file)) from None


def width(shown: bool) -> int:
    """Columns of what goes to standard output."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if shown or "COLUMNS" in os.environ else PIPED_WIDTH


def colour(shown: bool) -> bool:
    """https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (shown and os.environ.get("TERM") != "dumb")
