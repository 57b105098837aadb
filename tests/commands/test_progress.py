"""How a long run tells how far it is."""

from __future__ import annotations

import os
import sys

import pytest

from governor.commands.progress import Progress


def test_where_no_terminal_shows_them_lines_are_few_and_the_last_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("shards read") as progress:
        for done in range(1, 5_001):
            progress.tell(done, 5_000)

    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1]) == ("governor: 1 of 5,000 shards read", "governor: 5,000 of 5,000 shards read")
    assert len(lines) < 50


def test_a_terminal_shows_a_bar_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with Progress("shards read") as progress:
            progress.tell(2, 5)
            progress.tell(5, 5)
        shown = _read_to(ours, "\x1b[2K", after="5 of 5")
    os.close(ours)

    assert "5 of 5 shards read" in shown
    assert "━" in shown
    assert shown.endswith("\x1b[2K")


def _read_to(terminal: int, end: str, after: str) -> str:
    """The kernel hands a terminal's text over in pieces."""
    shown = ""
    while after not in shown or not shown.endswith(end):
        shown += os.read(terminal, 100_000).decode()
    return shown
