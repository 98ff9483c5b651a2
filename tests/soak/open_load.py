"""Offers requests at a rate whatever becomes of them: a client that never is the slow one and takes little itself.

It runs in a thread with an event loop of its own and answers callbacks, without a task or a timer for each request:
about 30 us of processor time instead of 200, of which five times the peak would have taken a core from the services.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

PATIENCE_SECONDS = 12.0
"""Longer than the gateway's own 10 s, so that its answer is seen."""

TICK_SECONDS = 0.001
"""Between two looks at what is due."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One request's end; status 0 is none at all."""

    offered_at: float
    seconds: float
    status: int


class _Connection(asyncio.Protocol):
    """Carries one request after the other, and tells what became of each."""

    def __init__(self, ended: Callable[["_Connection", int], None]) -> None:
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self.offered_at: float | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(0, is_open=False)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_message_complete(self) -> None:
        self._end(self._parser.get_status_code(), is_open=self._parser.should_keep_alive())

    def ask(self, request: bytes, offered_at: float) -> None:
        self.offered_at = offered_at
        self._transport.write(request)

    def close(self) -> None:
        self._transport.abort()

    def _end(self, status: int, *, is_open: bool) -> None:
        self.is_open = is_open
        if self.offered_at is not None:
            self._ended(self, status)


class _Run:
    """One stretch of load, within its event loop."""

    def __init__(self, address: tuple[str, int], requests: list[bytes]) -> None:
        self._address = address
        self._requests = requests
        self._idle: deque[_Connection] = deque()
        self._busy: set[_Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._ends_at = 0.0
        self.answered: list[Answered] = []
        self.asked = 0

    async def offer(self, per_second: float, seconds: float) -> None:
        began_at = time.monotonic()
        count = int(per_second * seconds)
        while self.asked < count:
            due = min(count, int((time.monotonic() - began_at) * per_second) + 1)
            while self.asked < due:
                self._ask(self._idle.pop() if self._idle else None)
            await asyncio.sleep(TICK_SECONDS)
        await self._until_all_have_ended()

    async def as_many_as_possible(self, clients: int, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        for _ in range(clients):
            self._ask(None)
        await asyncio.sleep(seconds)
        await self._until_all_have_ended()

    async def _until_all_have_ended(self) -> None:
        while len(self.answered) < self.asked:
            await asyncio.sleep(0.05)
            late = time.monotonic() - PATIENCE_SECONDS
            for connection in [each for each in self._busy if (each.offered_at or 0) < late]:
                connection.close()
        for connection in self._idle:
            connection.close()

    def _ask(self, connection: _Connection | None) -> None:
        request = self._requests[self.asked % len(self._requests)]
        self.asked += 1
        offered_at = time.monotonic()
        if connection is not None:
            self._send(connection, request, offered_at)
            return
        connecting = asyncio.create_task(self._connect_and_send(request, offered_at))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)

    async def _connect_and_send(self, request: bytes, offered_at: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._ended), *self._address
                )
        except (OSError, TimeoutError):
            self._note(offered_at, 0)
        else:
            self._send(connection, request, offered_at)

    def _send(self, connection: _Connection, request: bytes, offered_at: float) -> None:
        self._busy.add(connection)
        connection.ask(request, offered_at)

    def _ended(self, connection: _Connection, status: int) -> None:
        assert connection.offered_at is not None
        self._note(connection.offered_at, status)
        connection.offered_at = None
        self._busy.discard(connection)
        if time.monotonic() < self._ends_at:
            self._ask(connection if connection.is_open else None)
        elif connection.is_open:
            self._idle.append(connection)

    def _note(self, offered_at: float, status: int) -> None:
        self.answered.append(Answered(offered_at, time.monotonic() - offered_at, status))


class OpenLoad:
    """Requests to one address, on as many connections as are needed."""

    def __init__(self, url: str, paths: tuple[str, ...], headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._requests = [
            f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{fields}\r\n".encode()
            for path in paths
        ]

    async def offer(self, per_second: float, seconds: float) -> list[Answered]:
        """Offer so many requests; returns when all have ended."""
        run = _Run(self._address, self._requests)
        await asyncio.to_thread(lambda: uvloop.run(run.offer(per_second, seconds)))
        return run.answered

    async def as_many_as_possible(self, clients: int, seconds: float) -> list[Answered]:
        """Let so many clients ask again as soon as they are answered."""
        run = _Run(self._address, self._requests)
        await asyncio.to_thread(lambda: uvloop.run(run.as_many_as_possible(clients, seconds)))
        return run.answered
