"""What lies around a run that judges: its trace, and metrics for one that ends before it has a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from governor import __version__, log, traces
from governor.commands.metrics import Meter
from governor.errors import CANNOT_JUDGE, Refusal
from governor.history.turns import Overlap

if TYPE_CHECKING:
    from governor.commands.check import Options


@contextmanager
def run(options: Options) -> Iterator[None]:
    """Raises Refusal, before anything is read, for what cannot be kept."""
    meter = Meter(options.metrics, options.environment) if options.metrics else None
    lost: list[str] = []
    try:
        with traces.recorded(__version__, run=log.run_id()) as lost:
            yield
    except (KeyboardInterrupt, Overlap):  # the run that this one met writes its own
        raise
    except BaseException as error:  # a panic of the policy engine is no Exception
        if meter:
            meter.failed(error.code if isinstance(error, Refusal) else CANNOT_JUDGE)
        raise
    finally:
        for line in lost:
            log.say(f"warning: {line}", "warning")
