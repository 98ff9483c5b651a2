"""Serves one listening socket until it is told to stop."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Any

from services.api_gateway.server.connection import ClientConnection
from services.api_gateway.server.exchange import Exchange
from services.api_gateway.server.limits import MAX_CONNECTIONS, READ_AHEAD_BYTES, Patience

SWEEP_SECONDS = 0.25
"""How exactly clients' time is measured; looking at 10,000 connections takes a millisecond."""

GRACEFUL_SECONDS = 20.0
"""Fargate kills 30 s after SIGTERM."""

SPARE_DESCRIPTORS = 1024
"""Beside clients' connections: services, Redis, files."""

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]
"""Answers an exchange; one that it leaves unanswered, or raises for, has its connection cut."""


class Server:
    """Every connection of this process's clients."""

    def __init__(
        self,
        handler: Handler,
        *,
        patience: Patience | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.handle = handler
        self._connections: set[ClientConnection] = set()
        self._max_connections = max_connections
        self._date = b""
        self._last_has_left: asyncio.Event | None = None
        self.patience = patience or Patience()
        self.is_stopping = False

    def admit(self, connection: ClientConnection) -> bool:
        """Count a connection; False when there are too many."""
        is_welcome = len(self._connections) < self._max_connections
        self._connections.add(connection)
        return is_welcome

    def forget(self, connection: ClientConnection) -> None:
        """Stop counting a connection."""
        self._connections.discard(connection)
        if self._last_has_left is not None and not self._connections:
            self._last_has_left.set()

    def dated(self) -> bytes:
        """Return the `date` field."""
        return self._date

    async def serve(self, listener: socket.socket, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set, then finish what is being answered."""
        self._max_connections = min(self._max_connections, _raised_descriptor_limit())
        # Bounds what one read takes, and what a connection holds that nobody reads from (the kernel doubles it).
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_AHEAD_BYTES // 2)
        self._tell_time()
        loop = asyncio.get_running_loop()
        accepting = await loop.create_server(
            lambda: ClientConnection(self, loop), sock=listener, backlog=4096
        )
        sweeping = asyncio.create_task(self._sweep())
        try:
            await stopping.wait()
            accepting.close()
            await self._finish()
        finally:
            sweeping.cancel()
            accepting.close()
            for connection in list(self._connections):
                connection.abort()

    async def _finish(self) -> None:
        self.is_stopping = True
        for connection in list(self._connections):
            connection.stop()
        if self._connections:
            self._last_has_left = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._last_has_left.wait(), GRACEFUL_SECONDS)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._tell_time()
            now = time.monotonic()
            for connection in [each for each in self._connections if each.deadline <= now]:
                connection.run_out()

    def _tell_time(self) -> None:
        self._date = f"date: {formatdate(usegmt=True)}\r\n".encode()


def _raised_descriptor_limit() -> int:
    """Let the process open as many descriptors as it may, and return for how many clients that is enough."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    if highest == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(highest - SPARE_DESCRIPTORS, SPARE_DESCRIPTORS)
