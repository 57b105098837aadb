"""What a run says of itself, on stderr: lines for people, or JSON, an object a line, for machines.

Whatever else writes to stderr in a run that speaks JSON (a policy that prints, a warning of a library) becomes such
objects, too: a collector of logs never meets a line that it cannot read.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, Literal, TextIO

Level = Literal["info", "warning", "error"]


class Run:
    """One run of the command line."""

    def __init__(self) -> None:
        self.id = os.urandom(8).hex()
        """16 hexadecimal digits: every object has it, and every trace."""
        self.began = time.monotonic()
        self.json: TextIO | None = None
        """Where objects go; None while lines are for people."""


_run = Run()


@contextmanager
def run() -> Iterator[None]:
    """A run begins: it speaks to people, unless `as_json` says otherwise."""
    global _run
    _run = Run()
    with redirect_stderr(sys.stderr):  # puts back what `as_json` takes away
        try:
            yield
        finally:
            if isinstance(sys.stderr, _Lines):
                sys.stderr.end()


def as_json() -> None:
    """From here on, all that goes to stderr is JSON."""
    if _run.json is None:
        _run.json = sys.stderr
        sys.stderr = _Lines()


def is_json() -> bool:
    return _run.json is not None


def run_id() -> str:
    """The run that this is: 16 hexadecimal digits."""
    return _run.id


def seconds() -> float:
    """Since the run began."""
    return time.monotonic() - _run.began


def say(message: str, level: Level = "info", **more: Any) -> None:
    """Tell something. `more` is for machines: values that JSON can hold, never a secret."""
    if _run.json is None:
        print(f"governor: {message}", file=sys.stderr, flush=True)
        return
    import json
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = {"time": now, "level": level, "message": message, "run": _run.id, **more}
    _run.json.write(json.dumps(told, ensure_ascii=False) + "\n")
    _run.json.flush()


class _Lines(io.TextIOBase):
    """A stream whose lines become objects."""

    def __init__(self) -> None:
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                say(line, "warning")
        return len(text)

    def end(self) -> None:
        """Tell what ends without the end of a line."""
        if self._rest:
            self.write("\n")

    def writable(self) -> bool:
        return True
