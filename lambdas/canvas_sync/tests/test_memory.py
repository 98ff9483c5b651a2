"""How much a synchronisation holds, with a Canvas whose pages cost no memory of their own."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Sequence

import httpx
import orjson
import pytest
from pydantic import SecretStr

from lambdas.canvas_sync.canvas.client import CanvasClient
from lambdas.canvas_sync.canvas.governor import Governor
from lambdas.canvas_sync.canvas.transport import (
    LARGE_PAGES_AT_ONCE,
    CanvasTransport,
    RetryPolicy,
)
from lambdas.canvas_sync.schemas import SyncMode, SyncRequest
from lambdas.canvas_sync.service import CanvasSync

URL = "https://canvas.example.edu/api/v1"
COURSES = 12
PAGES = 2
DESCRIPTION_BYTES = 65_500
COURSE_BYTES = 400 * DESCRIPTION_BYTES
"""One course of C-01's account with the longest descriptions that are kept."""


def page_body(number: int) -> bytes:
    return orjson.dumps(
        [
            {"id": number * 100 + n + 1, "name": "any", "description": "x" * DESCRIPTION_BYTES}
            for n in range(100)
        ]
    )


class Pieces(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 64 * 1024):
            await asyncio.sleep(0)
            yield self._body[start : start + 64 * 1024]


class Canvas(httpx.AsyncBaseTransport):
    """Answers every course with the same large pages, which are made once."""

    def __init__(self) -> None:
        self._courses = orjson.dumps([{"id": n + 1, "name": "any"} for n in range(COURSES)])
        self._pages = [page_body(number) for number in range(PAGES)]
        self.large_pages_asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/assignments"):
            return httpx.Response(200, content=self._courses)
        self.large_pages_asked += 1
        number = int(request.url.params.get("page", "0"))
        headers = {}
        if number + 1 < PAGES:
            headers["Link"] = f'<{request.url.copy_set_param("page", number + 1)}>; rel="next"'
        return httpx.Response(200, headers=headers, stream=Pieces(self._pages[number]))


class Records:
    async def enabled_course_ids(self, cognito_sub: str) -> frozenset[int]:
        return frozenset(range(1, COURSES + 1))

    async def canvas_token(self, cognito_sub: str) -> SecretStr:
        return SecretStr("token")

    async def report_refusal(self, cognito_sub: str, token: SecretStr) -> None:
        raise AssertionError("the token is good")


class SlowSink:
    """Takes a message in a round trip, so that pages are held while their parts are sent."""

    def __init__(self) -> None:
        self.sent_bytes = 0

    async def send(self, queue_name: str, bodies: Sequence[bytes]) -> None:
        await asyncio.sleep(0.002)
        self.sent_bytes += sum(map(len, bodies))


@pytest.fixture
async def canvas() -> Canvas:
    return Canvas()


async def test_little_more_than_one_large_course_is_held_at_a_time(canvas: Canvas) -> None:
    """additions.md D: bounded, although the courses are read side by side."""
    sink = SlowSink()
    async with httpx.AsyncClient(transport=canvas) as http:
        transport, governor = CanvasTransport(http, URL), Governor()
        sync = CanvasSync(
            Records(), lambda token: CanvasClient(transport, token, governor), sink, "any"
        )
        tracemalloc.start()
        try:
            result = await sync.synchronise(SyncRequest("any", SyncMode.ASSIGNMENTS, "any"))
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    print(  # noqa: T201
        f"\nadditions.md D: {sink.sent_bytes / 1e6:.0f} MB of {COURSES} courses published, "
        f"at most {peak_bytes / 1e6:.0f} MB held: {peak_bytes / COURSE_BYTES:.1f} large courses"
    )
    assert result.assignments_count == COURSES * PAGES * 100
    assert peak_bytes < 3 * COURSE_BYTES


async def test_a_page_that_is_put_away_half_used_gives_its_room_back(canvas: Canvas) -> None:
    async with httpx.AsyncClient(transport=canvas) as http:
        transport = CanvasTransport(http, URL)
        client = CanvasClient(transport, SecretStr("token"), Governor())
        for _ in range(LARGE_PAGES_AT_ONCE + 1):
            pages = client.assignment_pages(1)
            async with asyncio.timeout(10):
                assert len((await anext(pages)).usable) == 100
            await pages.aclose()


async def test_waiting_for_room_is_no_fault_of_canvas(canvas: Canvas) -> None:
    """C-05: the time of a try stands still while other pages are in work, and goes on afterwards."""
    async with httpx.AsyncClient(transport=canvas) as http:
        retry = RetryPolicy(try_seconds=0.3)
        transport = CanvasTransport(http, URL, retry=retry)
        held = [
            CanvasClient(transport, SecretStr("token"), Governor()).assignment_pages(n)
            for n in range(LARGE_PAGES_AT_ONCE)
        ]
        for pages in held:
            await anext(pages)
        late = CanvasClient(transport, SecretStr("token"), Governor()).assignment_pages(9)
        waiting = asyncio.create_task(anext(late))
        await asyncio.sleep(2 * retry.try_seconds)
        assert not waiting.done()

        for pages in held:
            await pages.aclose()

        assert len((await waiting).usable) == 100
        assert canvas.large_pages_asked == LARGE_PAGES_AT_ONCE + 1
        await late.aclose()
