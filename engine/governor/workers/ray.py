"""Machines of a Ray cluster as workers, or processes of a local one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

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
    """One worker, in its own process. It has the task once."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def do(self, item: bytes) -> bytes:
        answer: bytes = self._task(item)
        return answer


class _Actors:
    """A `Crew`."""

    def __init__(self, task: Task) -> None:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.size = max(1, int(resources.get("CPU", 1)))
        self._task = ray.put(task)
        self._class: Any = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._asked: dict[Any, Any] = {}

    def hire(self) -> Any:
        """See `Crew`."""
        return self._class.remote(self._task)

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
            except RayActorError:
                answer = None
            yield worker, answer
