"""Runs a process: its app and its management port, or a worker's loop, until SIGTERM or until a part dies."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn
import uvloop

from shared.logging import get_logger
from shared.settings import exit_with_error
from shared.tracing.spans import flush_spans

log = get_logger(__name__)

KEEP_ALIVE_SECONDS = 190
"""Longer than the load balancer's idle time-out of 180 s, else it meets closed connections."""

LEAVING_SECONDS = {"production": 20.0, "local": 1.5}
"""By ENVIRONMENT: how long a service that is told to stop still takes new connections, for callers find it by a name
that leads to it a while longer. On AWS a record stays in caches for 10 s after the seconds that its removal takes; on
one machine nothing is cached, but the tests of replacements remember an address for a while."""

DRAIN_SECONDS = 3.0
"""For callers to come back on connections that they keep, and to hear that these end: a POST that meets a
closed connection may not be sent again by anybody. A connection that is in use is used within a second."""

GRACEFUL_SECONDS = 20
"""For requests that are under way: one may take 10 s, and a worker's message its own time."""

FLUSH_SECONDS = 2.0
"""For the last spans: all else has ended. The four together stay 5 s below the 60 s after which ECS kills (Q-09)."""

Background = Callable[[asyncio.Event], Awaitable[None]]
"""Work beside the servers; gets an event that is set when the process should stop."""


class DrainingServer(uvicorn.Server):
    """A server that loses no request when it ends; its signals are handled once for the whole process.

    Args:
        config: Of uvicorn.
        leaving_seconds: How long callers may still find it after it was told to stop.
    """

    def __init__(self, config: uvicorn.Config, *, leaving_seconds: float = 0.0) -> None:
        super().__init__(config)
        self._leaving_seconds = leaving_seconds

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer on each connection for the last time, and take new ones only while callers may not know better."""
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(self._leaving_seconds)
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while state.connections:  # noqa: ASYNC110 - uvicorn keeps a set, not an event
                    await asyncio.sleep(0.05)
        await super().shutdown()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, or end the process with an `error:` line that names the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, for asyncio switches Nagle's delay off only on connections that say so.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as problem:
        exit_with_error(
            f"port {port} on {host} cannot be used: {problem.strerror}; stop what uses it"
        )
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def run(
    apps: dict[tuple[str, int], Any], *background: Background, leaving_seconds: float = 0.0
) -> None:
    """Serve ASGI apps and run background work in one event loop; returns after a graceful stop.

    Args:
        apps: ASGI app by (host, port).
        background: Each is started once; when one fails, the process stops and fails.
        leaving_seconds: How long callers may still find the apps after SIGTERM, as in `LEAVING_SECONDS`.
    """
    listeners = {address: listen(*address) for address in apps}
    served = {listeners[address]: app for address, app in apps.items()}
    # What was imported stays: walked through by every full collection it would halt the process for 0.1 s.
    gc.freeze()
    try:
        uvloop.run(_run(served, background, leaving_seconds))
    except* SystemExit as group:
        raise SystemExit(1) from group
    except* Exception as group:
        problem = _first(group)
        log.error("process_failed", reason=type(problem).__name__)
        exit_with_error(str(problem) or type(problem).__name__)
    finally:
        flush_spans(FLUSH_SECONDS)


async def _run(
    apps: dict[socket.socket, Any], background: tuple[Background, ...], leaving_seconds: float
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    servers = [
        (listener, DrainingServer(server_config(app), leaving_seconds=leaving_seconds))
        for listener, app in apps.items()
    ]
    async with asyncio.TaskGroup() as group:
        for listener, server in servers:
            group.create_task(_serve(server, listener, stopping))
        for work in background:
            group.create_task(_work(work, stopping))
        await stopping.wait()
        for _, server in servers:
            server.should_exit = True


async def _serve(server: DrainingServer, listener: socket.socket, stopping: asyncio.Event) -> None:
    await server.serve(sockets=[listener])
    if not server.started:
        raise RuntimeError("the app could not start; see the log above")
    stopping.set()


async def _work(work: Background, stopping: asyncio.Event) -> None:
    try:
        await work(stopping)
    except BaseException:
        stopping.set()
        raise


def server_config(app: Any) -> uvicorn.Config:
    """Return how every process serves an app; tests serve with it, too."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        # It believes X-Forwarded-* of loopback peers, so any client beside the load balancer could name its address.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    problem: BaseException = group
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem
