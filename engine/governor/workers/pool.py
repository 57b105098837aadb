"""Items in, results out as they come, over workers that may be lost: forks of this process, or machines of a cluster.

Every item is answered, or told to be lost: none is dropped.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

Task = Any
"""What is called with each item, bytes, and gives its result, bytes. A `Pool` of other machines pickles it."""

Result = tuple[int, bytes | None]
"""The number of an item, from 0, and its result; None when every worker that had it was lost."""

TRIES = 3
"""Workers that an item is given to, one after another, while they are lost with it."""

LOST = f"it was given to {TRIES} workers, and each was lost before it had an answer"
"""What became of a part of the work then."""


class Pool(Protocol):
    """Workers."""

    def map(self, task: Task, items: Iterable[bytes]) -> Iterator[Result]:
        """The result of each item, in the order in which they are done. Few items are read ahead.

        Raises what the task raises.
        """


class Here:
    """The `Pool` of this process alone."""

    def map(self, task: Task, items: Iterable[bytes]) -> Iterator[Result]:
        """See `Pool`."""
        return ((number, task(item)) for number, item in enumerate(items))


Worker = TypeVar("Worker")


class Crew(Protocol[Worker]):
    """Workers that a task was given to. Each has one item at a time."""

    size: int
    """The most workers at a time."""

    def hire(self) -> Worker:
        """One more."""

    def give(self, worker: Worker, item: bytes) -> None:
        """Have it begin. A worker that is lost by then is told so by `answers`."""

    def answers(self) -> Iterable[tuple[Worker, bytes | None]]:
        """Wait for those that are done, or lost: None."""


def deal(crew: Crew[Worker], items: Iterable[bytes]) -> Iterator[Result]:
    """Give each item to a worker; one that is lost with it is replaced, and the item given to another."""
    source = enumerate(items)
    waiting: deque[tuple[int, bytes]] = deque()
    lost: Counter[int] = Counter()
    idle: list[Worker] = []
    busy: dict[Worker, tuple[int, bytes]] = {}

    def is_waiting() -> bool:
        if not waiting and (job := next(source, None)):
            waiting.append(job)
        return bool(waiting)

    while True:
        while is_waiting() and (idle or len(busy) < crew.size):
            worker = idle.pop() if idle else crew.hire()
            busy[worker] = waiting.popleft()
            crew.give(worker, busy[worker][1])
        if not busy:
            return
        for worker, answer in crew.answers():
            number, item = busy.pop(worker)
            if answer is not None:
                idle.append(worker)
                yield number, answer
                continue
            lost[number] += 1
            if lost[number] < TRIES:
                waiting.append((number, item))
            else:
                yield number, None
