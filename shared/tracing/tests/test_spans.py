"""What is recorded, what never is, and that nobody waits for a collector."""

import os
import subprocess
import sys
import time

import pytest

from shared.logging import correlation_id, current_user, pseudonym
from shared.testing.collector import Collector
from shared.tracing.spans import (
    ENDPOINT_VARIABLE,
    UNRECORDED,
    configure_tracing,
    current_traceparent,
    flush_spans,
    is_tracing,
    span,
    stop_tracing,
)

KEPT = 2_048
BATCH = 512
"""What the SDK keeps, and what it has in its hands besides."""

ROOTS = [
    "services.api_gateway.main",
    "services.user_service.main",
    "services.course_service.main",
    "services.course_service.worker",
    "services.schedule_service.main",
    "services.schedule_service.worker",
    "lambdas.canvas_sync.handler",
    "lambdas.llm_analysis.handler",
]
LOADED = """
import importlib, os, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
from shared.tracing.spans import configure_tracing
for endpoint in ("", "http://127.0.0.1:9"):
    os.environ[sys.argv[1]] = endpoint
    configure_tracing("a_process")
    kinds = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "google.protobuf", "requests")
    print(*[kind for kind in kinds if kind in sys.modules])
"""


def test_the_sdk_is_in_memory_only_when_a_collector_is_named() -> None:
    # The SDK's metrics are there in any case once it is installed: the gateway's Redis client looks for them.
    program = subprocess.run(
        [sys.executable, "-c", LOADED, ENDPOINT_VARIABLE, *ROOTS],
        env={name: text for name, text in os.environ.items() if name != ENDPOINT_VARIABLE},
        capture_output=True,
        text=True,
        check=True,
    )

    without, named = program.stdout.splitlines()
    assert without == ""
    assert named == "opentelemetry.sdk.trace opentelemetry.exporter google.protobuf requests"


def test_without_a_collector_nothing_is_recorded_or_sent_on() -> None:
    with span("GET", "server") as request:
        request.describe({"http.route": "/v1/users"}, name="GET /v1/users")
        request.fail("500")

        assert (is_tracing(), request.traceparent, current_traceparent()) == (False, None, None)


def test_work_within_work_is_a_part_of_it(collector: Collector) -> None:
    with span("GET", "server") as request, span("GET users", "client"):
        traceparent = request.traceparent
    flush_spans(5)

    call, served = collector.spans
    assert (served.service, served.name, served.kind) == ("under_test", "GET", "server")
    assert (call.trace_id, call.parent_id) == (served.trace_id, served.span_id)
    assert served.parent_id == ""
    assert str(traceparent).split("-")[1:3] == [served.trace_id, served.span_id]


def test_a_presented_trace_goes_on(collector: Collector) -> None:
    trace_id, parent_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with span("process q", "consumer", parent=f"00-{trace_id}-{parent_id}-01"):
        pass
    flush_spans(5)

    (received,) = collector.spans
    assert (received.trace_id, received.parent_id) == (trace_id, parent_id)


@pytest.mark.parametrize("presented", ["", "00-abc", f"00-{0:032x}-{0:016x}-01", "x" * 10_000])
def test_a_malformed_trace_counts_as_absent(collector: Collector, presented: str) -> None:
    with span("around", "client"), span("process q", "consumer", parent=presented):
        pass
    flush_spans(5)

    received = next(each for each in collector.spans if each.kind == "consumer")
    assert received.parent_id == ""


def test_what_the_sender_does_not_record_is_not_recorded_here(collector: Collector) -> None:
    with span("GET", "server", parent=UNRECORDED):
        pass
    flush_spans(5)

    assert collector.spans == []


def test_a_span_names_users_by_pseudonym_and_errors_by_class(collector: Collector) -> None:
    """S-07"""
    sub = "7b0e0f6a-1111-4222-8333-944455556666"
    tokens = correlation_id.set("request-0001"), current_user.set(pseudonym(sub))
    with pytest.raises(LookupError), span("GET", "server"):
        raise LookupError(f"no courses of {sub}, ann@example.com")
    correlation_id.reset(tokens[0])
    current_user.reset(tokens[1])
    flush_spans(5)

    (received,) = collector.spans
    assert received.is_failed
    assert received.attributes == {
        "error.type": "LookupError",
        "unisync.request_id": "request-0001",
        "enduser.pseudo.id": pseudonym(sub),
    }
    assert sub.encode() not in collector.bodies[0]
    assert b"ann@example.com" not in collector.bodies[0]


def test_a_collector_that_hangs_holds_up_nobody_and_costs_a_bounded_memory(
    collector: Collector,
) -> None:
    collector.hang()
    for _ in range(3 * KEPT):
        with span("GET", "server"):
            pass
    flush_spans(0.2)
    waiting = list(collector.spans)
    collector.let_go()
    gives_up_at = time.monotonic() + 20
    while len(collector.spans) < KEPT and time.monotonic() < gives_up_at:
        time.sleep(0.01)

    print(f"of 6,144 spans while the collector hung, kept: {len(collector.spans)}")  # noqa: T201
    assert waiting == []
    assert KEPT <= len(collector.spans) <= KEPT + BATCH


def test_a_collector_that_is_away_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://127.0.0.1:9")
    configure_tracing("under_test")
    with span("GET", "server") as request:
        traceparent = request.traceparent
    flush_spans(0.2)
    stop_tracing()

    assert traceparent is not None
    assert not is_tracing()
