"""Asking Canvas for a token's owner."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from services.user_service.integrations.canvas import CanvasProfile
from services.user_service.integrations.canvas_client import (
    MAX_BODY_BYTES,
    CanvasClient,
    canvas_http_client,
)
from services.user_service.integrations.errors import CanvasUnavailable, InvalidCanvasToken
from services.user_service.tests.fakes import serve
from shared.logging import correlation_id

Answer = Callable[[Request], Awaitable[Response]]


class CanvasStub:
    """Answers as it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.forget()
        self.app = Starlette(routes=[Route("/{path:path}", self._serve)])

    def forget(self) -> None:
        self.answer: Answer = answering({"id": 4711, "login_id": "hong@univ.example"})
        self.requests: list[Request] = []
        self.sent_bytes = 0

    async def _serve(self, request: Request) -> Response:
        self.requests.append(request)
        return await self.answer(request)


def answering(body: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(_: Request) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(raw, status, headers, "application/json")

    return answer


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[tuple[CanvasStub, CanvasClient]]:
    stub = CanvasStub()
    async with serve(stub.app) as url, canvas_http_client() as http:
        yield stub, CanvasClient(http, url)


@pytest.fixture
def stub(served: tuple[CanvasStub, CanvasClient]) -> CanvasStub:
    served[0].forget()
    return served[0]


@pytest.fixture
def canvas(served: tuple[CanvasStub, CanvasClient]) -> CanvasClient:
    return served[1]


async def test_the_profile_names_the_owner(canvas: CanvasClient, stub: CanvasStub) -> None:
    assert await canvas.read_profile("1234~abc") == CanvasProfile("4711", "hong@univ.example")
    request = stub.requests[0]
    assert request.url.path == "/api/v1/users/self/profile"
    assert request.headers["authorization"] == "Bearer 1234~abc"
    assert request.headers["user-agent"] == "UniSync/1.0"


async def test_the_correlation_id_travels_along(canvas: CanvasClient, stub: CanvasStub) -> None:
    token = correlation_id.set("request-0001")
    try:
        await canvas.read_profile("token")
    finally:
        correlation_id.reset(token)
    assert stub.requests[0].headers["x-request-id"] == "request-0001"


@pytest.mark.parametrize(
    ("body", "profile"),
    [
        ({"id": "21070000001234012"}, CanvasProfile("21070000001234012", None)),
        ({"id": 21070000001234012, "login_id": None}, CanvasProfile("21070000001234012", None)),
        ({"id": 1, "login_id": "x" * 300}, CanvasProfile("1", "x" * 255)),
        ({"id": 1, "login_id": ["odd"], "unknown": {}}, CanvasProfile("1", None)),
    ],
)
async def test_what_canvas_says_is_kept_as_far_as_it_fits(
    canvas: CanvasClient, stub: CanvasStub, body: Any, profile: CanvasProfile
) -> None:
    stub.answer = answering(body)
    assert await canvas.read_profile("token") == profile


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_rejected_token_is_invalid(
    canvas: CanvasClient, stub: CanvasStub, status: int
) -> None:
    """R-9: a rejection is about the token."""
    stub.answer = answering({"errors": [{"message": "Invalid access token."}]}, status)
    with pytest.raises(InvalidCanvasToken) as refusal:
        await canvas.read_profile("token")
    assert "Invalid access token" not in refusal.value.text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {}),
        (403, b"403 Forbidden (Rate Limit Exceeded)\n"),
        (500, {}),
        (502, b"<html>bad gateway</html>"),
        (503, {}),
        (200, b"<html>maintenance</html>"),
        (200, []),
        (200, {}),
        (200, {"id": None}),
        (200, {"id": True}),
        (200, {"id": ""}),
        (200, b""),
        (204, b""),
    ],
)
async def test_trouble_at_canvas_is_not_about_the_token(
    canvas: CanvasClient, stub: CanvasStub, status: int, body: Any
) -> None:
    """R-9, C-01: outage and both forms of throttling."""
    stub.answer = answering(body, status)
    with pytest.raises(CanvasUnavailable):
        await canvas.read_profile("token")


async def test_a_redirect_is_not_followed(canvas: CanvasClient, stub: CanvasStub) -> None:
    """C-04: the token goes to the configured origin only."""
    elsewhere = CanvasStub()
    async with serve(elsewhere.app) as url:

        async def redirect(_: Request) -> Response:
            return RedirectResponse(url + "/api/v1/users/self/profile")

        stub.answer = redirect
        with pytest.raises(CanvasUnavailable):
            await canvas.read_profile("token")
    assert not elsewhere.requests


async def test_proxy_settings_of_the_environment_do_not_get_the_token(
    stub: CanvasStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C-04."""
    elsewhere = CanvasStub()
    async with serve(stub.app) as url, serve(elsewhere.app) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("ALL_PROXY", proxy)
        async with canvas_http_client() as http:
            await CanvasClient(http, url).read_profile("token")
    assert not elsewhere.requests


async def test_a_huge_answer_is_not_read_to_its_end(canvas: CanvasClient, stub: CanvasStub) -> None:
    async def pour(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(10_000):
                stub.sent_bytes += 65_536
                yield b" " * 65_536

        return StreamingResponse(chunks())

    stub.answer = pour
    with pytest.raises(CanvasUnavailable):
        await canvas.read_profile("token")
    # What fits into the sockets' buffers is sent unasked.
    assert stub.sent_bytes < 10_000 * 65_536 / 4
    assert stub.sent_bytes > MAX_BODY_BYTES


@pytest.mark.parametrize("drips", [False, True])
async def test_a_slow_canvas_is_given_up_in_time(
    canvas: CanvasClient, stub: CanvasStub, drips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user hears back within five seconds, whether Canvas says nothing or dawdles."""
    monkeypatch.setattr("services.user_service.integrations.canvas_client.TIMEOUT_SECONDS", 0.5)

    async def dawdle(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.1)
                yield b" "

        if drips:
            return StreamingResponse(chunks())
        await asyncio.sleep(2)
        return Response()

    stub.answer = dawdle
    started = time.monotonic()
    with pytest.raises(CanvasUnavailable):
        await canvas.read_profile("token")
    assert time.monotonic() - started < 1.5


async def test_an_absent_canvas_is_unavailable() -> None:
    async with serve(CanvasStub().app) as url:
        pass
    async with canvas_http_client() as http:
        with pytest.raises(CanvasUnavailable):
            await CanvasClient(http, url).read_profile("token")
