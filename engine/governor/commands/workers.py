"""What `--workers` names in; who does the work, or a Refusal, out."""

from __future__ import annotations

import os

from governor.errors import Refusal
from governor.workers import cores
from governor.workers.pool import Here, Pool

RAY = "ray"


def pool(asked: str) -> Pool | None:
    """So many processes of this machine, a local Ray cluster, or one at `ray://host:port`; None when nothing is asked.

    Nothing is started yet.
    """
    if not asked:
        return None
    if asked == RAY or asked.startswith(f"{RAY}://"):
        return _ray(asked.removeprefix(RAY) and asked)
    if not (asked.isascii() and asked.isdecimal() and int(asked)):
        raise Refusal(
            f"{asked!r} is no number of processes, nor ray or ray://host:port: write --workers 4", place="--workers"
        )
    if asked == "1":
        return Here()
    if not hasattr(os, "fork"):
        raise Refusal("this system has no fork, which processes are made by: take ray", place="--workers")
    from governor.workers.processes import Processes

    return Processes(int(asked))


def _ray(address: str) -> Pool:
    try:
        from governor.workers.ray import Ray
    except ModuleNotFoundError:
        raise Refusal("Ray is not installed: pip install 'gpu-governor[ray]'", place="--workers") from None
    return Ray(address, cores())
