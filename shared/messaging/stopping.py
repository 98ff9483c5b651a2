"""Waits that end early when the process is told to stop, and loops that must not end before."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")

FINISH_SECONDS = 18.0
"""Q-09: what a stop gives the work in hand; the process is killed after 30 s and should be gone after 25."""

Loop = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set."""


class LoopEnded(Exception):
    """A loop returned although nobody told it to stop."""


async def sleep_unless_stopped(seconds: float, stopping: asyncio.Event) -> None:
    """Wait so long, or until `stopping` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def unless_stopped(
    work: Coroutine[Any, Any, ResultT], stopping: asyncio.Event, *, patience_seconds: float = 0
) -> ResultT | None:
    """Return what `work` returns, or None when `stopping` is set first.

    Args:
        work: Cancelled when it has not ended so long after `stopping` is set.
        stopping: Set when the process should stop.
        patience_seconds: How long a stop waits for the work.
    """
    working = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await asyncio.wait({working}, timeout=patience_seconds)
        return working.result() if working.done() else None
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.wait({working})


async def run_until_stopped(stopping: asyncio.Event, *loops: Loop) -> None:
    """Run loops side by side until all have stopped.

    Raises:
        ExceptionGroup: A loop failed; the others are cancelled. Holds `LoopEnded` when one just ended: a
            process that no longer does its work must not look alive.
    """

    async def watch(loop: Loop) -> None:
        await loop(stopping)
        if not stopping.is_set():
            raise LoopEnded("a loop ended before the process was told to stop")

    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(watch(loop))
