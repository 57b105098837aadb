"""Tasks in, results out, on more than one core.

Policy engines hold the GIL and cannot be pickled, so work is shared with forks of this process, which hold all that it
holds. Where there is no fork, and beside threads, everything is done here, one after another.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import msgspec

WORTH_FORKING = 2_000
"""Resources from which on a second process saves more than it costs."""

_CLAIM = 2
"""Bytes of a task's number."""


def cores() -> int:
    """Cores that this process may use; 1 where it cannot fork."""
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ahead(task: Callable[[], bytes]) -> Callable[[], bytes]:
    """Begin a task beside what follows; call what this gives, once, for its result."""
    if cores() < 2:
        return task
    child = _fork(task)

    def result() -> bytes:
        answer = _collect(*child)
        return task() if answer is None else answer

    return result


def spread(task: Callable[[int], bytes], count: int, workers: int) -> list[bytes]:
    """The results of `task(0)` … `task(count - 1)`, in order.

    Workers claim tasks one by one from a pipe; what a worker that dies leaves undone is done here.
    """
    if workers < 2 or count < 2:
        return [task(number) for number in range(count)]
    claims, claimable = os.pipe()
    os.write(claimable, b"".join(number.to_bytes(_CLAIM, "big") for number in range(count)))
    os.close(claimable)
    children = [_fork(lambda: msgspec.msgpack.encode(_work(task, claims))) for _ in range(min(workers, count) - 1)]
    results = _work(task, claims)
    os.close(claims)
    for child in children:
        if (answer := _collect(*child)) is not None:
            results.update(msgspec.msgpack.decode(answer, type=dict[int, bytes]))
    return [results[number] if number in results else task(number) for number in range(count)]


def _work(task: Callable[[int], bytes], claims: int) -> dict[int, bytes]:
    results = {}
    while claim := os.read(claims, _CLAIM):
        number = int.from_bytes(claim, "big")
        results[number] = task(number)
    return results


def _fork(task: Callable[[], bytes]) -> tuple[int, int]:
    """(process, pipe that will hold its result)."""
    answers, answerable = os.pipe()
    process = os.fork()
    if process:
        os.close(answerable)
        return process, answers
    try:
        result = task()
        with os.fdopen(answerable, "wb") as pipe:
            pipe.write(result)
        os._exit(0)
    finally:
        os._exit(1)


def _collect(process: int, answers: int) -> bytes | None:
    """What a fork answered, or None when it died."""
    with os.fdopen(answers, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(process, 0)
    return answer if status == 0 else None
