"""Keeps the connections to one service for the next calls, and bounds how many there are."""

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from services.api_gateway.upstream.connection import ServiceConnection
from services.api_gateway.upstream.errors import Overloaded, Unreachable

CONNECT_SECONDS = 3.0
"""Services are in the same network; a connection that takes longer leads nowhere."""

NEXT_ADDRESS_SECONDS = 0.1
"""Until a service's next address is tried beside the first: that of an instance that died stays known for seconds, and
nobody answers there. In one network an instance that lives answers within a millisecond."""

KEEP_ALIVE_SECONDS = 60.0
"""Well below the 190 s after which services close idle connections, so that we hardly ever meet a closed one."""

WATCH_SECONDS = 0.1
"""How exactly time-outs are kept; a timer for each call costs a tenth of everything else."""

MAX_CONNECTIONS = 512
"""To one service from one worker: a hung service holds no more than these."""


class ConnectionPool:
    """The connections to one service; the one used last is used first."""

    def __init__(self, base_url: str, *, max_connections: int = MAX_CONNECTIONS) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._max_connections = max_connections
        self._idle: deque[ServiceConnection] = deque()
        self._busy: set[ServiceConnection] = set()
        self._open = 0
        self._closing = False

    async def __aenter__(self) -> Self:
        """Begin to watch the time."""
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        self._closing = True
        self._watching.cancel()
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()

    def kept(self) -> ServiceConnection | None:
        """Return a connection that is open already, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_sound:
                self._busy.add(connection)
                return connection
            self._open -= 1
        return None

    async def fresh(self) -> ServiceConnection:
        """Return a new connection.

        Raises:
            ServiceFailed: None can be opened, or there are too many.
        """
        if self._open >= self._max_connections:
            raise Overloaded
        self._open += 1
        # Its time-out needs a task.
        connecting = asyncio.create_task(self._connect())
        try:
            connection = await connecting
        except BaseException:
            self._open -= 1
            # The client may leave in the very moment in which the connection is there.
            if connecting.done() and not connecting.cancelled() and not connecting.exception():
                connecting.result().close()
            raise
        self._busy.add(connection)
        return connection

    def give_back(self, connection: ServiceConnection) -> None:
        """Keep a connection whose call has ended for the next one, unless it cannot carry any."""
        self._busy.discard(connection)
        if not connection.rest() or self._closing:
            connection.close()
            self._open -= 1
        else:
            self._idle.append(connection)

    async def _connect(self) -> ServiceConnection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                open_socket = await start_connection(
                    await self._addresses(), happy_eyeballs_delay=NEXT_ADDRESS_SECONDS
                )
                open_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await loop.create_connection(
                    lambda: ServiceConnection(loop),
                    sock=open_socket,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        except (OSError, TimeoutError) as problem:
            raise Unreachable from problem
        return connection

    async def _addresses(self) -> Sequence[AddrInfoType]:
        """Look the service's name up."""
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )

    async def _watch(self) -> None:
        """End calls that take too long, and connections that nobody uses any more."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = time.monotonic()
            for connection in [each for each in self._busy if each.deadline <= now]:
                connection.run_out()
            oldest = now - KEEP_ALIVE_SECONDS
            while self._idle and (not self._idle[0].is_sound or self._idle[0].idle_since < oldest):
                self._idle.popleft().close()
                self._open -= 1
