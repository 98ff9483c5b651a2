"""Offers requests at a rate whatever becomes of them, on bare sockets: a client that never is the slow one."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

PATIENCE_SECONDS = 12.0
"""Longer than the gateway's own 10 s, so that its answer is seen."""


@dataclass(frozen=True)
class Answered:
    """One request's end; status 0 is none at all."""

    offered_at: float
    seconds: float
    status: int


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._settle(0)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_message_complete(self) -> None:
        self.is_open = self._parser.should_keep_alive()
        self._settle(self._parser.get_status_code())

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.is_open = False
        self._transport.abort()

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


class OpenLoad:
    """Requests to one address, on as many connections as are needed."""

    def __init__(self, url: str, paths: tuple[str, ...], headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._requests = [
            f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{fields}\r\n".encode()
            for path in paths
        ]
        self._idle: deque[_Connection] = deque()
        self._number = 0

    async def offer(self, per_second: float, seconds: float) -> list[Answered]:
        """Offer so many requests; returns when all have ended."""
        answered: list[Answered] = []
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(per_second * seconds)):
                wait = began_at + number / per_second - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                group.create_task(self._one(answered))
        return answered

    async def as_many_as_possible(self, clients: int, seconds: float) -> list[Answered]:
        """Let so many clients ask again as soon as they are answered."""
        answered: list[Answered] = []
        ends_at = time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < ends_at:
                await self._one(answered)

        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client())
        return answered

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _one(self, answered: list[Answered]) -> None:
        offered_at = time.monotonic()
        self._number += 1
        status = 0
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                connection = await self._connection()
                status = await connection.ask(self._requests[self._number % len(self._requests)])
        except (OSError, TimeoutError):
            if connection is not None:
                connection.close()
        if connection is not None and connection.is_open:
            self._idle.append(connection)
        answered.append(Answered(offered_at, time.monotonic() - offered_at, status))

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port)
        return connection
