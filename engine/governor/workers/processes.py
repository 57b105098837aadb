"""Processes of this machine as workers: forks, which hold all that this process holds."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait

from governor.workers.pool import Result, Task, deal


class Processes:
    """A `Pool`. What a task raises is raised here."""

    def __init__(self, count: int) -> None:
        self._count = count

    def map(self, task: Task, items: Iterable[bytes]) -> Iterator[Result]:
        """See `Pool`."""
        forks = _Forks(task, self._count)
        try:
            yield from deal(forks, items)
        finally:
            forks.dismiss()


class _Forks:
    """A `Crew`; a worker is the number of its process."""

    def __init__(self, task: Task, size: int) -> None:
        self.size = size
        self._task = task
        self._pipes: dict[int, Connection] = {}
        self._busy: set[int] = set()

    def hire(self) -> int:
        """See `Crew`."""
        ours, theirs = Pipe()
        if process := os.fork():
            theirs.close()
            self._pipes[process] = ours
            return process
        try:
            ours.close()
            self._work(theirs)
            os._exit(0)
        finally:
            os._exit(1)

    def _work(self, pipe: Connection) -> None:
        while True:
            try:
                item = pipe.recv()
            except EOFError:  # there is nobody left to work for
                return
            try:
                answer = self._task(item)
            except Exception as error:
                answer = error
            pipe.send(answer)

    def give(self, worker: int, item: bytes) -> None:
        """See `Crew`."""
        self._busy.add(worker)
        with suppress(OSError):  # it is gone, which `answers` sees, too
            self._pipes[worker].send(item)

    def answers(self) -> Iterator[tuple[int, bytes | None]]:
        """See `Crew`."""
        workers = {self._pipes[process]: process for process in self._busy}
        for pipe in wait(list(workers)):
            worker = workers[pipe]  # type: ignore[index]
            self._busy.remove(worker)
            try:
                answer = self._pipes[worker].recv()
            except (EOFError, OSError):
                self._dismiss(worker)
                answer = None
            if isinstance(answer, Exception):
                raise answer
            yield worker, answer

    def dismiss(self) -> None:
        """End all of them."""
        for worker in list(self._pipes):
            self._dismiss(worker)

    def _dismiss(self, worker: int) -> None:
        self._pipes.pop(worker).close()
        os.kill(worker, signal.SIGKILL)  # it may be in the middle of something that nobody wants any more
        os.waitpid(worker, 0)
