"""An OpenTelemetry collector that takes OTLP over HTTP, keeps the spans, and hangs when told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

HANG_SECONDS = 30.0
"""Longer than any sender waits; a test that ends earlier lets go."""


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it arrived; ids in hexadecimal, `parent_id` empty at the beginning of a trace."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str | int]
    is_failed: bool


class Collector:
    """What arrived, and how the next ones are answered.

    Attributes:
        url: What `OTEL_EXPORTER_OTLP_ENDPOINT` has to say.
        spans: In the order of arrival.
        bodies: The requests as they came.
    """

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.bodies: list[bytes] = []
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def hang(self) -> None:
        """Take requests and answer none."""
        self._may_answer.clear()

    def let_go(self) -> None:
        """Answer again, also those that wait."""
        self._may_answer.set()

    def close(self) -> None:
        """Stop listening."""
        self.let_go()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, body: bytes) -> None:
        self.bodies.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            service = str(_values(resource.resource.attributes).get("service.name"))
            for scope in resource.scope_spans:
                self.spans += [_received(service, sent) for sent in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not collector._may_answer.is_set():
                    collector._may_answer.wait(HANG_SECONDS)
                collector._take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing of each request."""

        return Handler


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Yield a collector on a free port of loopback."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()


def _received(service: str, sent: Span) -> ReceivedSpan:
    return ReceivedSpan(
        service,
        sent.name,
        Span.SpanKind.Name(sent.kind).removeprefix("SPAN_KIND_").lower(),
        sent.trace_id.hex(),
        sent.span_id.hex(),
        sent.parent_span_id.hex(),
        _values(sent.attributes),
        sent.status.code == Status.STATUS_CODE_ERROR,
    )


def _values(pairs: Any) -> dict[str, str | int]:
    values: dict[str, str | int] = {}
    pair: KeyValue
    for pair in pairs:
        held = pair.value.WhichOneof("value")
        values[pair.key] = getattr(pair.value, held) if held else ""
    return values
