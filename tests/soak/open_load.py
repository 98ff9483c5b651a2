"""Offers requests at a rate whatever becomes of them: a client that never is the slow one and takes little itself.

It runs in a thread of its own that looks at its sockets once a millisecond and hears all answers that have come since,
instead of being woken for each: every processor second that a flood of requests takes is one that the system lacks.
"""

import asyncio
import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

PATIENCE_SECONDS = 12.0
"""Longer than the gateway's own 10 s, so that its answer is seen."""

TICK_SECONDS = 0.001
"""Between two looks at what is due and what has come; an answer is heard so much later at most."""

LOOK_SECONDS = 0.1
"""Between two looks for requests that have run out of patience."""

_READ = memoryview(bytearray(256 * 1024))
"""What one look takes of an answer; only ever filled by the thread of the one load that runs."""


class Answered(NamedTuple):
    """One request's end; status 0 is none at all."""

    offered_at: float
    seconds: float
    status: int


class _Connection:
    """Carries one request after the other."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._unsent = b""
        self.status = 0
        """Of the answer, once it is whole."""
        self.offered_at = 0.0
        self.is_open = True
        self.is_answered = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(address)

    @property
    def has_sent(self) -> bool:
        return not self._unsent

    def ask(self, request: bytes) -> None:
        self.status, self.is_answered = 0, False
        self._unsent = request
        self.send()

    def send(self) -> None:
        """Send what the kernel takes: nothing before the connection is there."""
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def hear(self) -> None:
        """Read what has come."""
        try:
            size = self.socket.recv_into(_READ)
            if size:
                self._parser.feed_data(_READ[:size])
            else:
                self.close()
        except BlockingIOError:
            return
        except (OSError, httptools.HttpParserError):
            self.close()

    def on_message_complete(self) -> None:
        self.status, self.is_answered = self._parser.get_status_code(), True
        if not self._parser.should_keep_alive():
            self.close()

    def close(self) -> None:
        self.is_open, self._unsent = False, b""
        self.socket.close()


@dataclass
class _Run:
    """One stretch of load, within its thread."""

    address: tuple[str, int]
    requests: list[bytes]

    def __post_init__(self) -> None:
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._busy: set[_Connection] = set()
        self._looked_at = 0.0
        self._asked = 0
        self.answered: list[Answered] = []

    def offer(self, per_second: float, seconds: float) -> list[Answered]:
        began_at = time.monotonic()
        count = int(per_second * seconds)
        while self._asked < count or self._busy:
            due = min(count, int((time.monotonic() - began_at) * per_second) + 1)
            while self._asked < due:
                self._ask()
            time.sleep(TICK_SECONDS)
            self._hear(0)
        return self._ended()

    def as_many_as_possible(self, clients: int, seconds: float) -> list[Answered]:
        ends_at = time.monotonic() + seconds
        while (is_on := time.monotonic() < ends_at) or self._busy:
            while is_on and len(self._busy) < clients:
                self._ask()
            self._hear(LOOK_SECONDS)
        return self._ended()

    def _ask(self) -> None:
        request = self.requests[self._asked % len(self.requests)]
        self._asked += 1
        offered_at = time.monotonic()
        connection = self._kept() or self._fresh()
        if connection is None:
            self.answered.append(Answered(offered_at, time.monotonic() - offered_at, 0))
            return
        connection.offered_at = offered_at
        connection.ask(request)
        if not connection.has_sent:
            self._epoll.modify(connection.socket, select.EPOLLIN | select.EPOLLOUT)
        self._busy.add(connection)

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    def _fresh(self) -> _Connection | None:
        try:
            connection = _Connection(self.address)
        except OSError:
            return None
        self._connections[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket, select.EPOLLIN)
        return connection

    def _hear(self, within_seconds: float) -> None:
        for descriptor, events in self._epoll.poll(within_seconds):
            connection = self._connections[descriptor]
            if events & select.EPOLLOUT:
                connection.send()
                if connection.has_sent and connection.is_open:
                    self._epoll.modify(descriptor, select.EPOLLIN)
            if events & ~select.EPOLLOUT and connection.is_open:
                connection.hear()
            self._look_at(connection)
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            for connection in list(self._busy):
                if connection.offered_at < now - PATIENCE_SECONDS:
                    connection.close()
                self._look_at(connection)

    def _look_at(self, connection: _Connection) -> None:
        """Note what has become of a connection's request."""
        is_over = connection.is_answered or not connection.is_open
        if is_over and connection in self._busy:
            seconds = time.monotonic() - connection.offered_at
            self.answered.append(Answered(connection.offered_at, seconds, connection.status))
            self._busy.remove(connection)
            if connection.is_open:
                self._idle.append(connection)

    def _ended(self) -> list[Answered]:
        for connection in self._connections.values():
            connection.close()
        self._epoll.close()
        return self.answered


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
        return await asyncio.to_thread(run.offer, per_second, seconds)

    async def as_many_as_possible(self, clients: int, seconds: float) -> list[Answered]:
        """Let so many clients ask again as soon as they are answered."""
        run = _Run(self._address, self._requests)
        return await asyncio.to_thread(run.as_many_as_possible, clients, seconds)
