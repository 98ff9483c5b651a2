"""Tells an outage, which is nobody's fault, from a message that only seems to meet one."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.logging import get_logger
from shared.messaging.stopping import sleep_unless_stopped

log = get_logger(__name__)

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Q-08: at most two tries a second while something is down, and back within ten seconds of recovery."""

Probe = Callable[[], Awaitable[bool]]
"""Asks what a handler needs whether it is there."""


def backoff_seconds(failures: int) -> float:
    """Return how long to wait after so many failures in a row."""
    return BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]


class Outage:
    """Whether what the handlers need is away; one task finds out, everybody waits for it.

    Args:
        queue_name: For the log.
        is_available: Asked when a handler reports that something is away. Without it the handler is believed,
            and asked again after a while.
    """

    def __init__(self, queue_name: str, is_available: Probe | None) -> None:
        self._queue_name = queue_name
        self._is_available = is_available
        self._is_over = asyncio.Event()
        self._is_over.set()
        self._ended_at = 0.0
        self._asking = asyncio.Lock()
        self._failures = 0

    async def over(self) -> None:
        """Wait while something is away."""
        await self._is_over.wait()

    def note_success(self) -> None:
        """Note that a handler had all it needs."""
        self._failures = 0

    async def is_to_blame(self, stopping: asyncio.Event) -> bool:
        """Tell whether something really is away; if so, wait until it is back or the consumer stops."""
        failed_at = _now()
        async with self._asking:
            if stopping.is_set() or self._ended_at >= failed_at:
                return True
            if self._is_available is not None and await self._is_available():
                return False
            self._is_over.clear()
            log.warning("outage_began", queue=self._queue_name)
            await self._sit_out(stopping)
            log.info("outage_ended", queue=self._queue_name)
            self._ended_at = _now()
            self._is_over.set()
            return True

    async def _sit_out(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await sleep_unless_stopped(backoff_seconds(self._failures), stopping)
            self._failures += 1
            if self._is_available is None or await self._is_available():
                return


def _now() -> float:
    return asyncio.get_running_loop().time()
