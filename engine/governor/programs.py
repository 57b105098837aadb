"""Other programs, run so that they end: in time, and with all that they started, whatever ends this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_POSIX = os.name == "posix"


def run(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    out: Path,
    err: Path,
    seconds: float,
    patience: float = 0,
) -> int:
    """Run a program to its end, with what it prints in the files `out` and `err`: a pipe would outlive it in a child.

    After `seconds`, or when this program is interrupted, it is asked to stop (SIGINT) and given `patience` seconds;
    then it is killed, with all that it started. Gives its exit code. Raises OSError when it cannot be started and
    subprocess.TimeoutExpired when it did not end in time.
    """
    with out.open("wb") as printed, err.open("wb") as complained:
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=complained,
            start_new_session=_POSIX,
        )  # fmt: skip
        try:
            return process.wait(seconds)
        except BaseException:
            if patience:
                _ask(process, patience)
            raise
        finally:
            _kill(process)


def _ask(process: subprocess.Popen[bytes], patience: float) -> None:
    """Let a program tidy up: who is killed leaves locks behind."""
    if _POSIX:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End what still runs of a program, its children too."""
    with suppress(ProcessLookupError, PermissionError):
        if _POSIX:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Leave in good order on SIGTERM, with which CI ends a run: files that hold secrets go, programs end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would break off the tidying
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
