"""Runs of one subject take turns: the second is refused, rather than to read and write beside the first.

In a file, the turn is a lock that the system takes back when the process ends, however it ends. `store.Store.turn` is
its like on PostgreSQL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from governor.errors import CANNOT_JUDGE, Refusal


@contextmanager
def turn(beside: Path, subject: str) -> Iterator[None]:
    """Hold the turn of a subject, by a lock beside a file. Raises Overlap, which names the run that holds it.

    On Windows every run has its turn.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    file = beside.with_name(f"{beside.name}.{key(subject):08x}.lock")
    try:
        # It stays when the run has ended: who removed it could remove one that another run has just locked.
        held = file.open("a+", encoding="utf-8")
    except OSError as error:
        raise Refusal(f"no lock can be kept there ({error.strerror}): choose another place", place=str(file)) from None
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise Overlap(held.read(200), str(beside)) from None
        held.truncate(0)
        held.write(f"{me()}, since {datetime.now(UTC).isoformat(timespec='seconds')}")
        held.flush()
        yield


def key(subject: str) -> int:
    """The subject as 31 bits."""
    return int.from_bytes(blake2b(subject.encode(), digest_size=4).digest(), "big") >> 1


def me() -> str:
    """This run, as another one names it."""
    import socket

    return f"process {os.getpid()} on {socket.gethostname()}"


class Overlap(Refusal):
    """A run comes too early."""

    def __init__(self, holder: str, place: str) -> None:
        who = f": {holder}" if holder else ""
        super().__init__(f"another run of this is under way{who}; nothing was read", place=place, code=CANNOT_JUDGE)
