"""Begins spans, carries their traces between processes, and does nothing while no collector is named."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Protocol, Self

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Base URL of a collector that takes OTLP over HTTP, such as `http://collector:4318`. The SDK reads it, and the other
variables of its specification (`opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables`), itself."""

UNRECORDED = f"00-{1:032x}-{1:016x}-00"
"""A `traceparent` whose sender records nothing: nobody further on does either."""

Kind = Literal["server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]


class Span:
    """A piece of work, for as long as the `with` block; this one is recorded nowhere."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        return None

    @property
    def traceparent(self) -> str | None:
        """Return what makes work elsewhere a part of this one."""
        return None

    def describe(self, attributes: Attributes, *, name: str | None = None) -> None:
        """Say what is known by now, and name the work after it."""

    def fail(self, reason: str) -> None:
        """Mark the work as failed; the reason is a class or a status, never somebody's words."""


class Recorder(Protocol):
    """Who keeps spans until the collector has them."""

    def span(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Span:
        """Begin a span."""

    def current_traceparent(self) -> str | None:
        """Return the `traceparent` of the span around the current work."""

    def flush(self, within_seconds: float) -> None:
        """Send what is kept."""

    def close(self) -> None:
        """Send nothing more."""


_UNRECORDED_SPAN = Span()


class _Tracing:
    """Where the process records; None is nowhere."""

    recorder: Recorder | None = None


def configure_tracing(service: str) -> None:
    """Record this process's spans if the environment names a collector.

    Args:
        service: The process's name, as in its log lines.
    """
    if os.environ.get(ENDPOINT_VARIABLE) and _Tracing.recorder is None:
        from shared.tracing.recording import SpanRecorder

        _Tracing.recorder = SpanRecorder(service)


def stop_tracing() -> None:
    """Record nothing from now on; what has not been sent is dropped."""
    recorder, _Tracing.recorder = _Tracing.recorder, None
    if recorder is not None:
        recorder.close()


def is_tracing() -> bool:
    """Tell whether spans are recorded; decided once, where a process is put together."""
    return _Tracing.recorder is not None


def span(
    name: str, kind: Kind, *, parent: str | None = None, attributes: Attributes | None = None
) -> Span:
    """Return a span to be opened by `with`.

    Args:
        name: Few different ones: a method and a route, an operation and a queue.
        kind: A `server` or `consumer` belongs to who asked, so without a parent it begins a trace. The others belong
            to the work around them.
        parent: `traceparent` as it was presented; one that is malformed counts as absent.
        attributes: Names by OpenTelemetry's semantic conventions where they have one.
    """
    if _Tracing.recorder is None:
        return _UNRECORDED_SPAN
    return _Tracing.recorder.span(name, kind, parent, attributes or {})


def current_traceparent() -> str | None:
    """Return what makes work elsewhere a part of the current work; None while nothing is recorded."""
    if _Tracing.recorder is None:
        return None
    return _Tracing.recorder.current_traceparent()


def flush_spans(within_seconds: float) -> None:
    """Send what is recorded, unless that takes too long; then it is sent later or never."""
    if _Tracing.recorder is not None:
        _Tracing.recorder.flush(within_seconds)
