"""Spans of OpenTelemetry, where the environment says who receives them; else nothing, not even an import.

They are kept until the run ends, and sent then, from the thread that judges: a thread that sends meanwhile would keep
`workers` from forking.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_tracer: Any = None
_phase: Any = None
"""The context of the phase under way: threads do not inherit it."""


class Span:
    """What is learnt of a span while it lasts; nobody asks whether it is recorded."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def tell(self, **attributes: str | int) -> None:
        """Add attributes: names and counts, never a value that may be secret."""
        if self._span is not None:
            self._span.set_attributes({f"governor.{name}": value for name, value in attributes.items()})


def wanted() -> bool:
    """Whether the environment names a receiver."""
    return any(map(os.environ.get, _ENDPOINTS)) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


@contextmanager
def recorded(version: str, **attributes: str) -> Iterator[list[str]]:
    """A trace of a run, in one span. When the run has ended, the list says in a line if the trace is lost."""
    global _tracer
    lost: list[str] = []
    if not wanted():
        yield lost
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    except ModuleNotFoundError:
        yield lost
        return
    kept = InMemorySpanExporter()
    service = os.environ.get("OTEL_SERVICE_NAME", "governor")
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: service, SERVICE_VERSION: version}), shutdown_on_exit=False
    )
    provider.add_span_processor(SimpleSpanProcessor(kept))
    _tracer = provider.get_tracer("governor", version)
    try:
        with span("run") as told:
            told.tell(**attributes)
            yield lost
    finally:
        _tracer = None
        _silence()
        exporter = OTLPSpanExporter()
        try:
            sent = exporter.export(kept.get_finished_spans())
        except Exception as error:  # whatever it is, it must not end a run that has judged
            lost.append(f"the trace was not delivered ({type(error).__name__})")
        else:
            if sent is not SpanExportResult.SUCCESS:
                lost.append("the trace was not delivered: nobody took it at the OTLP endpoint of the environment")
        exporter.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def span(name: str, *, phase: bool = True, **attributes: str | int) -> Iterator[Span]:
    """Time what happens inside. A span that is no phase may stand in a thread: it lies in the phase under way."""
    global _phase
    if _tracer is None:
        yield Span()
        return
    from opentelemetry import trace
    from opentelemetry.trace import Status, StatusCode

    above = _phase
    made = _tracer.start_span(name, context=above)
    told = Span(made)
    told.tell(**attributes)
    if phase:
        _phase = trace.set_span_in_context(made, above)
    try:
        yield told
    except BaseException as error:
        made.set_status(Status(StatusCode.ERROR, type(error).__name__))  # its words may be about a secret
        raise
    finally:
        if phase:
            _phase = above
        made.end()


def _silence() -> None:
    """The exporter complains through logging, with addresses; we tell it in a line of our own."""
    import logging

    logger = logging.getLogger("opentelemetry")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
