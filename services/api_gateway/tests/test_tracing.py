"""Every request begins a trace of its own, and the service's work becomes a part of it."""

import pytest

from services.api_gateway.tests.conftest import StartSystem, System
from services.api_gateway.tests.doubles import answer
from shared.logging import pseudonym
from shared.testing.collector import Collector
from shared.tracing.spans import UNRECORDED, flush_spans

SUB = "11111111-2222-4333-8444-555555555555"
CLIENTS_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CLIENTS = [
    ("traceparent", f"00-{CLIENTS_TRACE_ID}-b7ad6b7169203331-01"),
    ("TraceParent", f"00-{CLIENTS_TRACE_ID}-b7ad6b7169203331-00"),
    ("tracestate", "vendor=value"),
    ("baggage", f"user={SUB}"),
]
"""Twice the same header, as a service would read either."""


def traces_told(system: System) -> list[str]:
    names = {"traceparent", "tracestate", "baggage"}
    headers = system.user.requests[-1].headers
    return [value for name, value in headers if name.lower() in names]


async def test_no_client_chooses_the_trace_of_its_request(
    start_system: StartSystem, collector: Collector
) -> None:
    """G-05: a client's trace would join its work to others', and its flags would decide what is recorded."""
    async with start_system() as system:
        await system.client.send("GET", "/api/v1/users/me", [*CLIENTS, system.bearer()])
        (told,) = traces_told(system)
    flush_spans(5)

    call, request = collector.spans
    assert (request.kind, request.parent_id) == ("server", "")
    assert request.trace_id != CLIENTS_TRACE_ID
    assert (call.kind, call.parent_id, call.trace_id) == (
        "client",
        request.span_id,
        request.trace_id,
    )
    assert told.split("-")[1:3] == [request.trace_id, call.span_id]


async def test_without_a_collector_no_trace_of_a_client_passes(system: System) -> None:
    """G-05"""
    await system.client.send("GET", "/api/v1/users/me", [*CLIENTS, system.bearer()])

    assert traces_told(system) == []


async def test_a_request_is_named_after_its_row_and_its_user_is_a_pseudonym(
    start_system: StartSystem, collector: Collector
) -> None:
    """S-07"""
    async with start_system() as system:
        system.user.answer = answer(status="503 Service Unavailable")
        await system.client.send(
            "GET", f"/api/v1/users/{SUB}", [("X-Request-Id", "request-0001"), system.bearer()]
        )
    flush_spans(5)

    call, request = collector.spans
    assert request.attributes["http.response.status_code"] == 503
    assert request.attributes["unisync.request_id"] == "request-0001"
    assert request.attributes["enduser.pseudo.id"] == pseudonym(SUB)
    assert request.is_failed
    assert call.is_failed
    assert call.attributes["server.address"] == "user-service"
    assert request.name == f"GET {request.attributes['http.route']}"
    assert SUB.encode() not in b"".join(collector.bodies)


@pytest.mark.parametrize(
    ("path", "spans"), [("/nowhere", ["GET unmatched"]), ("/actuator/health", [])]
)
async def test_what_reaches_no_service_is_told_of_without_its_path(
    start_system: StartSystem, collector: Collector, path: str, spans: list[str]
) -> None:
    async with start_system() as system:
        await system.client.send("GET", path)
    flush_spans(5)

    assert [each.name for each in collector.spans] == spans


async def test_what_the_gateway_asks_for_itself_is_recorded_nowhere(
    start_system: StartSystem, collector: Collector
) -> None:
    async with start_system() as system:
        await system.client.send("GET", "/v3/api-docs")
        asked = [
            value
            for service in system.services
            for request in service.requests
            for name, value in request.headers
            if name.lower() == "traceparent"
        ]

    assert asked
    assert set(asked) == {UNRECORDED}
