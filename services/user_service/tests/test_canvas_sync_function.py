"""Invoking the function: what counts as a result, and what as a failure."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.user_service.integrations.canvas import SyncCounts, SyncMode
from services.user_service.integrations.canvas_sync_function import CanvasSyncFunction
from services.user_service.integrations.errors import CanvasSyncFailed
from services.user_service.tests.fakes import serve
from shared.aws import aws_client
from shared.logging import correlation_id
from shared.settings import Settings
from shared.testing.collector import Collector
from shared.tracing.spans import flush_spans, span

BODY = {"coursesCount": 2, "assignmentsCount": 7, "syncedAt": "2025-11-20T03:04:05.678901"}
ERROR = {
    "errorMessage": "Canvas said 401 to Bearer 1234~secret",
    "errorType": "CanvasError",
    "stackTrace": ["handler.py line 1"],
}


class InvokeStub:
    """The Invoke API of one function."""

    def __init__(self) -> None:
        self.forget()
        self.app = Starlette(
            routes=[
                Route("/2015-03-31/functions/{name}/invocations", self._serve, methods=["POST"])
            ]
        )

    def forget(self) -> None:
        self.answer: Response = JSONResponse({"statusCode": 200, "body": BODY})
        self.delay_seconds = 0.0
        self.invocations: list[tuple[str, dict[str, Any], str]] = []

    async def _serve(self, request: Request) -> Response:
        payload = json.loads(await request.body())
        kind = request.headers["x-amz-invocation-type"]
        self.invocations.append((request.path_params["name"], payload, kind))
        await asyncio.sleep(self.delay_seconds)
        return self.answer


@pytest.fixture(scope="session")
async def served(aws_credentials: None) -> AsyncIterator[tuple[InvokeStub, CanvasSyncFunction]]:
    stub = InvokeStub()
    async with serve(stub.app) as url, _client(url) as client:
        yield stub, CanvasSyncFunction(client, "canvas-sync-lambda")


@pytest.fixture
def stub(served: tuple[InvokeStub, CanvasSyncFunction]) -> InvokeStub:
    served[0].forget()
    return served[0]


@pytest.fixture
def function(served: tuple[InvokeStub, CanvasSyncFunction]) -> CanvasSyncFunction:
    return served[1]


def _client(url: str) -> Any:
    return aws_client(
        "lambda", Settings(aws_endpoint_url=url), read_timeout_seconds=0.5, max_attempts=1
    )


async def test_a_result_is_copied(function: CanvasSyncFunction, stub: InvokeStub) -> None:
    token = correlation_id.set("request-0001")
    try:
        counts = await function.sync("sub-1", SyncMode.COURSES)
    finally:
        correlation_id.reset(token)
    assert counts == SyncCounts(2, 7, "2025-11-20T03:04:05.678901")
    assert stub.invocations == [
        (
            "canvas-sync-lambda",
            {"cognitoSub": "sub-1", "syncMode": "courses", "correlationId": "request-0001"},
            "RequestResponse",
        )
    ]


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse(ERROR, headers={"X-Amz-Function-Error": "Unhandled"}),
        JSONResponse(
            {"statusCode": 200, "body": BODY}, headers={"X-Amz-Function-Error": "Handled"}
        ),
        # The runtime emulator of the base image sets no marker.
        JSONResponse(ERROR),
        JSONResponse({"statusCode": 500, "body": BODY}),
        JSONResponse({"statusCode": "200", "body": BODY}),
        JSONResponse({"body": BODY}),
        JSONResponse({"statusCode": 200}),
        JSONResponse({"statusCode": 200, "body": json.dumps(BODY)}),
        JSONResponse({"statusCode": 200, "body": {**BODY, "coursesCount": -1}}),
        JSONResponse({"statusCode": 200, "body": {**BODY, "assignmentsCount": "7"}}),
        JSONResponse({"statusCode": 200, "body": {**BODY, "syncedAt": "now"}}),
        JSONResponse({"statusCode": 200, "body": {**BODY, "syncedAt": None}}),
        JSONResponse([]),
        JSONResponse(None),
        Response(b"<html>"),
        Response(b""),
        JSONResponse(
            {"Message": "Function not found"},
            404,
            {"x-amzn-errortype": "ResourceNotFoundException"},
        ),
        JSONResponse({"Message": "slow down"}, 429, {"x-amzn-errortype": "TooManyRequests"}),
        JSONResponse({}, 500),
    ],
)
async def test_anything_else_is_a_failure_in_neutral_words(
    function: CanvasSyncFunction,
    stub: InvokeStub,
    answer: Response,
    log_lines: Callable[[], str],
) -> None:
    """R-11: the function's payload stays inside, and nothing is invoked twice."""
    stub.answer = answer
    with pytest.raises(CanvasSyncFailed) as failure:
        await function.sync("sub-1", SyncMode.ASSIGNMENTS)
    assert failure.value.text == CanvasSyncFailed.message
    assert "secret" not in log_lines()
    assert len(stub.invocations) == 1


async def test_a_function_that_takes_too_long_is_said_to(
    function: CanvasSyncFunction, stub: InvokeStub
) -> None:
    stub.delay_seconds = 1.0
    with pytest.raises(CanvasSyncFailed, match="too long"):
        await function.sync("sub-1", SyncMode.ASSIGNMENTS)
    assert len(stub.invocations) == 1


@pytest.mark.usefixtures("aws_credentials")
async def test_a_function_that_cannot_be_reached_is_a_failure() -> None:
    async with serve(InvokeStub().app) as url:
        pass
    async with _client(url) as client:
        with pytest.raises(CanvasSyncFailed):
            await CanvasSyncFunction(client, "f").sync("sub-1", SyncMode.COURSES)


async def test_the_function_learns_which_span_invoked_it(
    function: CanvasSyncFunction, stub: InvokeStub, collector: Collector
) -> None:
    with span("POST", "server"):
        await function.sync("student-1", SyncMode.COURSES)
    await function.sync("student-1", SyncMode.COURSES)
    flush_spans(5)

    invocation, request = collector.spans[:2]
    (_, payload, _), *_ = stub.invocations
    assert payload["traceparent"].split("-")[1:3] == [request.trace_id, invocation.span_id]
    assert (invocation.name, invocation.kind) == ("invoke canvas-sync-lambda", "client")
    assert invocation.parent_id == request.span_id
    assert b"student-1" not in b"".join(collector.bodies)


async def test_without_a_collector_the_function_is_told_of_no_span(
    function: CanvasSyncFunction, stub: InvokeStub
) -> None:
    await function.sync("student-1", SyncMode.COURSES)

    ((_, payload, _),) = stub.invocations
    assert payload.keys() <= {"cognitoSub", "syncMode", "correlationId"}
