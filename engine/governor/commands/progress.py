"""How far a long run is, on stderr."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from governor import log

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_SECONDS = 5
"""Between two lines where no terminal shows them."""


class Progress:
    """Tells it as a bar on a terminal, which it clears, or on lines of their own every few seconds."""

    def __init__(self, what: str) -> None:
        """`what` is counted: `shards read`."""
        self._what = what
        self._closing = ExitStack()
        self._bar: tuple[Bar, TaskID] | None = None
        self._next = 0.0

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Bar

            bar = self._closing.enter_context(Bar(console=Console(stderr=True), transient=True))
            self._bar = bar, bar.add_task(f"governor: {self._what}", total=None)
        return self

    def tell(self, done: int, total: int | None = None) -> None:
        """So many are done, of so many where that is known."""
        if self._bar:
            bar, task = self._bar
            bar.update(task, completed=done, total=total, description=f"governor: {_said(done, total, self._what)}")
        elif done == total or time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS
            log.say(_said(done, total, self._what))

    def __exit__(self, *_: object) -> None:
        self._closing.close()


def _said(done: int, total: int | None, what: str) -> str:
    return f"{done:,} {what}" if total is None else f"{done:,} of {total:,} {what}"
