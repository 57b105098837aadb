"""Tasks in, results out, on every core. The engine holds the GIL and cannot be pickled, so forks share it.

A fork begins with the input already parsed. Workers claim tasks one by one from a pipe; what a worker that dies leaves
undone is done here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import msgspec

_CLAIM = 2
"""Bytes of a task's number."""


def spread(task: Callable[[int], bytes], count: int, workers: int) -> list[bytes]:
    """The results of `task(0)` … `task(count - 1)`, in order. Without fork, or beside threads, all are done here."""
    if workers < 2 or count < 2 or not hasattr(os, "fork") or threading.active_count() > 1:
        return [task(number) for number in range(count)]
    claims, claimable = os.pipe()
    os.write(claimable, b"".join(number.to_bytes(_CLAIM, "big") for number in range(count)))
    os.close(claimable)
    children = [_start(task, claims) for _ in range(min(workers, count) - 1)]
    results = _work(task, claims)
    os.close(claims)
    for process, answers in children:
        results.update(_collect(process, answers))
    return [results[number] if number in results else task(number) for number in range(count)]


def _work(task: Callable[[int], bytes], claims: int) -> dict[int, bytes]:
    results = {}
    while claim := os.read(claims, _CLAIM):
        number = int.from_bytes(claim, "big")
        results[number] = task(number)
    return results


def _start(task: Callable[[int], bytes], claims: int) -> tuple[int, int]:
    """(process, pipe that will hold its results)."""
    answers, answerable = os.pipe()
    process = os.fork()
    if process:
        os.close(answerable)
        return process, answers
    try:
        encoded = msgspec.msgpack.encode(_work(task, claims))
        with os.fdopen(answerable, "wb") as pipe:
            pipe.write(encoded)
        os._exit(0)
    finally:
        os._exit(1)


def _collect(process: int, answers: int) -> dict[int, bytes]:
    with os.fdopen(answers, "rb") as pipe:
        encoded = pipe.read()
    _, status = os.waitpid(process, 0)
    return msgspec.msgpack.decode(encoded, type=dict[int, bytes]) if status == 0 else {}


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
