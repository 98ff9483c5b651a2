"""Keeps what a Lambda function has opened for the invocations that follow.

Opening clients costs a good part of a second, and they belong to one event loop. Lambda calls a plain
function, so the loop runs in a thread of its own, where several invocations may also share it.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any, Generic, TypeVar

from shared.tracing.spans import flush_spans

FunctionT = TypeVar("FunctionT")
ResultT = TypeVar("ResultT")

STOP_SECONDS = 5.0

FLUSH_SECONDS = 1.0
"""Longest wait of an answer for its spans; a collector that hangs costs one invocation in a dozen seconds as much."""

LEAST_SECONDS_LEFT = 1.0
"""Kept for the answer itself."""

OpenFunction = Callable[[AsyncExitStack], Coroutine[Any, Any, FunctionT]]
"""Puts a function together on a stack that closes what was opened."""


class Runtime(Generic[FunctionT]):
    """One event loop in a thread of its own and what was opened on it; both are made anew when the loop is gone.

    Args:
        open_function: Puts the function together; called again after it failed.
    """

    def __init__(self, open_function: OpenFunction[FunctionT]) -> None:
        self._open_function = open_function
        self._starting = threading.Lock()
        self._running: _RunningLoop[FunctionT] | None = None

    def run(self, work: Callable[[FunctionT], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Do a piece of work on the loop and wait for it, from any thread but the loop's own."""
        with self._starting:
            if self._running is None or not self._running.is_alive():
                self._running = _RunningLoop(self._open_function)
            running = self._running
        return asyncio.run_coroutine_threadsafe(running.do(work), running.loop).result()

    def close(self) -> None:
        """Close what was opened and end the loop."""
        with self._starting:
            running, self._running = self._running, None
        if running is not None and running.is_alive():
            running.close()


def seconds_for_work(context: Any, *, most: float, kept: float) -> float:
    """Return how long an invocation may work.

    Args:
        context: The platform's, which says how much time is left; anything without that will do.
        most: Seconds when it does not say.
        kept: Seconds of what is left that are for the answer.
    """
    milliseconds_left = getattr(context, "get_remaining_time_in_millis", None)
    if milliseconds_left is None:
        return most
    return max(1.0, float(milliseconds_left()) / 1000 - kept)


def flush_before_answer(context: Any) -> None:
    """Send what is recorded, for the platform stops the process with the answer, but never past the function's time."""
    seconds_left = FLUSH_SECONDS + LEAST_SECONDS_LEFT
    milliseconds_left = getattr(context, "get_remaining_time_in_millis", None)
    if milliseconds_left is not None:
        seconds_left = float(milliseconds_left()) / 1000
    within_seconds = min(FLUSH_SECONDS, seconds_left - LEAST_SECONDS_LEFT)
    if within_seconds > 0:
        flush_spans(within_seconds)


class _RunningLoop(Generic[FunctionT]):
    def __init__(self, open_function: OpenFunction[FunctionT]) -> None:
        self._open_function = open_function
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._function: FunctionT | None = None
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="function", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive() and not self.loop.is_closed()

    async def do(self, work: Callable[[FunctionT], Coroutine[Any, Any, ResultT]]) -> ResultT:
        async with self._opening:
            if self._function is None:
                async with AsyncExitStack() as stack:
                    self._function = await self._open_function(stack)
                    self._stack = stack.pop_all()
        return await work(self._function)

    def close(self) -> None:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._stack.aclose(), self.loop).result(STOP_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(STOP_SECONDS)
        if not self._thread.is_alive():
            self.loop.close()
