"""Machines of a Ray cluster as workers, or processes of a local one."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from textwrap import shorten
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from governor.errors import CANNOT_JUDGE, Refusal
from governor.workers.pool import Result, Task, deal

_STORE_BYTES = 256 << 20
"""Of a local cluster, for items on their way: a few at a time, of some megabytes at most."""


class Ray:
    """A `Pool`. Every machine needs the same governor."""

    def __init__(self, address: str, cores: int) -> None:
        """`address` is `ray://host:port`, or "" for a local cluster, which begins and ends here, of so many workers."""
        self._address, self._cores = address, cores

    def map(self, task: Task, items: Iterable[bytes]) -> Iterator[Result]:
        """See `Pool`."""
        # Ray prints what becomes of its workers, and a report on standard output would be none.
        with redirect_stdout(sys.stderr):
            self._begin()
            try:
                yield from deal(_Actors(task), items)
            finally:
                ray.shutdown()

    def _begin(self) -> None:
        # Nothing of a run is told to anybody.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # A cluster that the environment names is not the local one that was asked for.
        local = {"num_cpus": self._cores, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
        wanted: dict[str, Any] = {} if self._address else local
        try:
            ray.init(self._address or "local", configure_logging=False, log_to_driver=False, **wanted)
        except (RayError, OSError, RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise Refusal(
                f"no Ray cluster can be reached or begun: {why}", place=self._address or "ray", code=CANNOT_JUDGE
            ) from None


class _Actor:
    """One worker, in its own process."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled
        self._task: Task = None

    def do(self, item: bytes) -> bytes:
        # Not before: what is raised where an actor begins does not come back.
        self._task = self._task or pickle.loads(self._pickled)
        answer: bytes = self._task(item)
        return answer


class _Actors:
    """A `Crew`."""

    def __init__(self, task: Task) -> None:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.size = max(1, int(resources.get("CPU", 1)))
        self._pickled = ray.put(pickle.dumps(task))
        self._class: Any = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._asked: dict[Any, Any] = {}

    def hire(self) -> Any:
        """See `Crew`."""
        return self._class.remote(self._pickled)

    def give(self, worker: Any, item: bytes) -> None:
        """See `Crew`."""
        self._asked[worker.do.remote(item)] = worker

    def answers(self) -> Iterator[tuple[Any, bytes | None]]:
        """See `Crew`."""
        done, _ = ray.wait(list(self._asked), num_returns=1)
        for reference in done:
            worker = self._asked.pop(reference)
            try:
                answer = ray.get(reference)
            except RayTaskError as error:
                raise error.cause from None
            except RayError as error:
                last = str(error).strip().rpartition("\n")[2]
                print(f"governor: a worker of Ray was lost: {shorten(last, 200)}", file=sys.stderr)
                answer = None
            yield worker, answer
