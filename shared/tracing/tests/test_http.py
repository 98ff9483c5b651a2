"""Requests that come in and calls that go out, and what is told of either."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request, Response

from shared.testing.collector import Collector, ReceivedSpan
from shared.tracing.http_clients import OutsideClient, ServiceClient
from shared.tracing.spans import flush_spans, span
from shared.web.app import create_app, json_answer
from shared.web.errors import error_code_shape
from shared.web.json_body import strict_router

PRESENTED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NAME = "ann@example.com"

router = strict_router("/v1/people", "People")


@router.get("/{name}")
async def read_person(request: Request, name: str) -> Response:
    if name == "nobody":
        raise RuntimeError(NAME)
    return json_answer(dict(request.headers))


def served_app() -> httpx.ASGITransport:
    async def ready() -> bool:
        return True

    return httpx.ASGITransport(
        create_app(
            title="People",
            routers=[router],
            error_shape=error_code_shape,
            is_ready=ready,
            state={},
        )
    )


@pytest.fixture
async def client(collector: Collector) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=served_app(), base_url="http://people") as client:
        yield client


def spans(collector: Collector) -> list[ReceivedSpan]:
    flush_spans(5)
    return collector.spans


async def test_a_request_is_a_span_of_the_callers_trace_named_after_its_route(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    headers = {"traceparent": PRESENTED, "X-Request-Id": "request-0001"}
    await client.get(f"/v1/people/{NAME}", headers=headers)

    (request,) = spans(collector)
    assert (request.name, request.kind) == ("GET /v1/people/{name}", "server")
    assert [request.trace_id, request.parent_id] == PRESENTED.split("-")[1:3]
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/v1/people/{name}",
        "http.response.status_code": 200,
        "unisync.request_id": "request-0001",
    }
    assert NAME.encode() not in collector.bodies[0]


async def test_a_request_that_fails_is_marked_and_its_reason_is_not_told(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    answer = await client.get("/v1/people/nobody")

    (request,) = spans(collector)
    assert (answer.status_code, request.is_failed) == (500, True)
    assert request.attributes["error.type"] == "500"
    assert NAME.encode() not in collector.bodies[0]


async def test_health_checks_are_no_requests(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    await client.get("/actuator/health")

    assert spans(collector) == []


async def test_a_service_learns_the_span_that_calls_it_and_an_outsider_does_not(
    collector: Collector,
) -> None:
    async def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json=dict(request.headers))

    with span("POST", "server"):
        async with ServiceClient(transport=httpx.MockTransport(echo)) as inside:
            told = (await inside.get(f"http://user-service:8081/v1/people/{NAME}")).json()
        async with OutsideClient(transport=httpx.MockTransport(echo)) as outside:
            untold = (await outside.get("https://canvas.example.edu/api/v1/courses")).json()

    to_service, to_canvas, request = spans(collector)
    assert told["traceparent"].split("-")[1:3] == [request.trace_id, to_service.span_id]
    assert {"traceparent", "tracestate", "baggage"}.isdisjoint(untold)
    assert to_service.parent_id == to_canvas.parent_id == request.span_id
    assert (to_canvas.name, to_canvas.kind) == ("GET canvas.example.edu", "client")
    assert to_service.attributes == {
        "http.request.method": "GET",
        "server.address": "user-service",
        "server.port": 8081,
        "http.response.status_code": 404,
        "error.type": "404",
    }
    assert NAME.encode() not in collector.bodies[0]


async def test_a_call_that_finds_nobody_is_marked_with_its_errors_class(
    collector: Collector,
) -> None:
    async def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with ServiceClient(transport=httpx.MockTransport(refuse)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://user-service/v1/people")

    (call,) = spans(collector)
    assert (call.is_failed, call.attributes["error.type"]) == (True, "ConnectError")
