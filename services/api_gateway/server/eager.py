"""Runs a coroutine at once as far as it gets, and goes on within the callbacks that wake it, without a task."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from shared.logging import get_logger

log = get_logger(__name__)


class Eager:
    """One coroutine on its way.

    A task waits for a turn of the event loop before it begins, and costs a twentieth of a request (Python 3.12 has
    eager ones). What needs a task, as `asyncio.timeout` and most libraries do, is awaited as one:
    `await asyncio.create_task(...)`.
    """

    __slots__ = ("_context", "_coroutine", "_has_ended", "_is_cancelled", "_loop", "_waits_for")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        loop: asyncio.AbstractEventLoop,
        has_ended: Callable[[], None],
    ) -> None:
        """Take a coroutine, the running loop, and what is called when the coroutine has ended, unless by `cancel`."""
        self._coroutine = coroutine
        self._loop = loop
        self._has_ended = has_ended
        self._context = contextvars.copy_context()
        self._waits_for: asyncio.Future[Any] | None = None
        self._is_cancelled = False

    def start(self) -> None:
        """Run until the coroutine waits for something, or to its end."""
        self._context.run(self._step)

    def cancel(self) -> None:
        """Raise `asyncio.CancelledError` where the coroutine waits."""
        self._is_cancelled = self._waits_for is None or not self._waits_for.cancel()

    def _step(self, _: object = None) -> None:
        self._waits_for = None
        try:
            if self._is_cancelled:
                self._is_cancelled = False
                waits_for = self._coroutine.throw(asyncio.CancelledError())
            else:
                waits_for = self._coroutine.send(None)
        except StopIteration:
            self._has_ended()
        except asyncio.CancelledError:
            return
        except Exception:
            log.exception("exchange_failed")
            self._has_ended()
        else:
            if waits_for is None:
                self._loop.call_soon(self._step, context=self._context)
                return
            # How a task tells a future that somebody waits for it.
            waits_for._asyncio_future_blocking = False
            self._waits_for = waits_for
            waits_for.add_done_callback(self._step, context=self._context)
