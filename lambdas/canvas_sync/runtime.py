"""Puts the function together once and keeps it for the invocations that follow.

Opening the clients costs more than a synchronisation's share of a second, and they belong to one event loop. Lambda
calls a plain function, so the loop runs in a thread of its own, where several invocations may also share it.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

from pydantic import SecretStr

from lambdas.canvas_sync.canvas.client import CanvasClient
from lambdas.canvas_sync.canvas.governor import Governors
from lambdas.canvas_sync.canvas.transport import CanvasTransport, RetryPolicy, canvas_http_client
from lambdas.canvas_sync.neighbours import Neighbours, neighbour_http_client
from lambdas.canvas_sync.service import CanvasSync
from lambdas.canvas_sync.settings import CanvasSyncSettings
from shared.aws import aws_client
from shared.logging import configure_logging
from shared.messaging.publisher import Publisher
from shared.messaging.queues import SQSClient
from shared.settings import read_settings

Result = TypeVar("Result")

STOP_SECONDS = 5.0


async def open_canvas_sync(
    stack: AsyncExitStack,
    settings: CanvasSyncSettings,
    *,
    sqs: SQSClient | None = None,
    retry: RetryPolicy | None = None,
) -> CanvasSync:
    """Put the function together.

    Args:
        stack: Closes what is opened here.
        settings: Where everything is.
        sqs: Replaces the client that is opened by default.
        retry: Replaces the pauses between tries.
    """
    canvas_http = await stack.enter_async_context(canvas_http_client())
    neighbour_http = await stack.enter_async_context(neighbour_http_client())
    queues = sqs or await stack.enter_async_context(aws_client("sqs", settings))
    transport = CanvasTransport(canvas_http, settings.canvas_api_base_url, retry=retry)
    governors = Governors()

    def canvas_of(token: SecretStr) -> CanvasClient:
        return CanvasClient(transport, token, governors.of(token.get_secret_value()))

    neighbours = Neighbours(
        neighbour_http,
        course_service_url=settings.course_service_url,
        user_service_url=settings.user_service_url,
        api_key=settings.canvas_sync_api_key,
    )
    queue_name = settings.assignment_events_queue_name
    return CanvasSync(neighbours, canvas_of, Publisher(queues), queue_name)


async def open_from_environment(stack: AsyncExitStack) -> CanvasSync:
    """Put the function together as the environment says.

    Raises:
        SettingsError: Names each setting that is missing or wrong.
    """
    settings = read_settings(CanvasSyncSettings)
    configure_logging("canvas_sync", settings.log_level)
    return await open_canvas_sync(stack, settings)


class Runtime:
    """One event loop in a thread of its own and what was opened on it; both are made anew when the loop is gone.

    Args:
        open_sync: Puts the function together; called again after it failed.
    """

    def __init__(
        self, open_sync: Callable[[AsyncExitStack], Coroutine[Any, Any, CanvasSync]]
    ) -> None:
        self._open_sync = open_sync
        self._starting = threading.Lock()
        self._running: _RunningLoop | None = None

    def run(self, work: Callable[[CanvasSync], Coroutine[Any, Any, Result]]) -> Result:
        """Do a piece of work on the loop and wait for it, from any thread but the loop's own."""
        with self._starting:
            if self._running is None or not self._running.is_alive():
                self._running = _RunningLoop(self._open_sync)
            running = self._running
        return asyncio.run_coroutine_threadsafe(running.do(work), running.loop).result()

    def close(self) -> None:
        """Close what was opened and end the loop."""
        with self._starting:
            running, self._running = self._running, None
        if running is not None and running.is_alive():
            running.close()


class _RunningLoop:
    def __init__(
        self, open_sync: Callable[[AsyncExitStack], Coroutine[Any, Any, CanvasSync]]
    ) -> None:
        self._open_sync = open_sync
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._sync: CanvasSync | None = None
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="canvas-sync", daemon=True
        )
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive() and not self.loop.is_closed()

    async def do(self, work: Callable[[CanvasSync], Coroutine[Any, Any, Result]]) -> Result:
        async with self._opening:
            if self._sync is None:
                async with AsyncExitStack() as stack:
                    self._sync = await self._open_sync(stack)
                    self._stack = stack.pop_all()
        return await work(self._sync)

    def close(self) -> None:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._stack.aclose(), self.loop).result(STOP_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(STOP_SECONDS)
        if not self._thread.is_alive():
            self.loop.close()
