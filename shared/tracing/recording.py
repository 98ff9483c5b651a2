"""Records spans with the OpenTelemetry SDK and sends them to the collector from a thread of its own.

What cannot be sent in time is dropped: the SDK keeps 2,048 spans, and nobody who ends one ever waits.
"""

import threading
from contextvars import Token
from types import TracebackType
from typing import Self

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.logging import correlation_id, current_user
from shared.tracing.spans import Attributes, Kind, Span

_KINDS = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER = "traceparent"
_BOUND = {"unisync.request_id": correlation_id, "enduser.pseudo.id": current_user}


class SpanRecorder:
    """Spans of one process.

    Args:
        service: `service.name` of all of them.
    """

    def __init__(self, service: str) -> None:
        # The SDK's own end at exit waits half a minute for a collector that hangs; processes flush as they stop.
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service}), shutdown_on_exit=False
        )
        self._exporter = OTLPSpanExporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("unisync")
        self._flushing: threading.Thread | None = None

    def span(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Span:
        """Begin a span; see `shared.tracing.spans.span`."""
        around = None
        if parent is not None or kind in {"server", "consumer"}:
            presented = {} if parent is None else {_HEADER: parent}
            around = _PROPAGATOR.extract(presented, context.Context())
        return _RecordedSpan(
            self._tracer.start_span(name, around, _KINDS[kind], attributes=dict(attributes))
        )

    def current_traceparent(self) -> str | None:
        """Return the `traceparent` of the span around the current work."""
        return _traceparent(context.get_current())

    def flush(self, within_seconds: float) -> None:
        """Send what is kept, but wait no longer; a flush that hangs is not joined by a second one."""
        if self._flushing is None or not self._flushing.is_alive():
            # The SDK's own flush takes no limit.
            self._flushing = threading.Thread(target=self._provider.force_flush, daemon=True)
            self._flushing.start()
            self._flushing.join(within_seconds)

    def close(self) -> None:
        """Send nothing more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._provider.shutdown()


class _RecordedSpan(Span):
    __slots__ = ("_span", "_token")

    def __init__(self, started: trace.Span) -> None:
        self._span = started
        self._token: Token[context.Context] | None = None

    def __enter__(self) -> Self:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        if kind is not None:
            # Not its text: that may repeat what a student wrote.
            self.fail(kind.__name__)
        # By now they are known; the same two are in every log line of the work.
        for name, bound in _BOUND.items():
            if (value := bound.get()) is not None:
                self._span.set_attribute(name, value)
        if self._token is not None:
            context.detach(self._token)
        self._span.end()

    @property
    def traceparent(self) -> str | None:
        return _traceparent(trace.set_span_in_context(self._span))

    def describe(self, attributes: Attributes, *, name: str | None = None) -> None:
        self._span.set_attributes(dict(attributes))
        if name is not None:
            self._span.update_name(name)

    def fail(self, reason: str) -> None:
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))


def _traceparent(of: context.Context) -> str | None:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, of)
    return carrier.get(_HEADER)
