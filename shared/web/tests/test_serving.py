"""O-04: a server that is told to stop loses no request."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from shared.web.serving import DRAIN_SECONDS, DrainingServer, listen, server_config

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Serving:
    port: int
    server: DrainingServer
    task: "asyncio.Task[None]"

    async def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST / HTTP/1.1\r\nhost: service\r\ncontent-length: 2\r\n\r\n{}")
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"ok"
        return head.lower()


async def slow_app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send
) -> None:
    """Answer `ok` after a fifth of a second."""
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return
    await asyncio.sleep(0.2)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def running(leaving_seconds: float = 0.0) -> AsyncIterator[Serving]:
    listener = listen("127.0.0.1", 0)
    server = DrainingServer(server_config(slow_app), leaving_seconds=leaving_seconds)
    serving = Serving(
        listener.getsockname()[1], server, asyncio.create_task(server.serve([listener]))
    )
    while not server.started:
        await asyncio.sleep(0.01)
    yield serving
    server.should_exit = True
    with suppress(TimeoutError):
        await asyncio.wait_for(serving.task, 1)


async def test_a_stopping_server_answers_once_more_on_kept_connections_and_takes_no_new_ones() -> (
    None
):
    """O-04"""
    async with running() as serving:
        kept = await asyncio.open_connection("127.0.0.1", serving.port)
        busy = await asyncio.open_connection("127.0.0.1", serving.port)
        assert b"connection: close" not in await serving.call(*kept)
        under_way = asyncio.create_task(serving.call(*busy))
        await asyncio.sleep(0.05)
        serving.server.should_exit = True
        await asyncio.sleep(0.15)

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", serving.port)
        assert b"connection: close" in await serving.call(*kept)
        assert await kept[0].read() == b""
        assert b"200 ok" in await under_way
        assert b"connection: close" in await serving.call(*busy)
        await asyncio.wait_for(serving.task, 2)


async def test_a_stopping_server_takes_connections_while_its_name_may_lead_to_it() -> None:
    """O-04: what callers remember of an address outlives the record by seconds."""
    async with running(leaving_seconds=0.5) as serving:
        serving.server.should_exit = True
        await asyncio.sleep(0.3)
        late = await asyncio.open_connection("127.0.0.1", serving.port)
        assert b"connection: close" in await serving.call(*late)
        await asyncio.wait_for(serving.task, 2)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", serving.port)


async def test_a_server_without_connections_stops_at_once() -> None:
    began_at = time.monotonic()
    async with running() as serving:
        serving.server.should_exit = True
        await serving.task
    assert time.monotonic() - began_at < DRAIN_SECONDS / 2
