"""Decides whether a caller may make one more request: within this process, or together with all others."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from services.api_gateway.rate_limits.window import SlidingWindow

MAX_CALLERS = 50_000
"""Kept at once, about 500 bytes each; the one unseen for longest is forgotten first."""


class Limiter(Protocol):
    """One limit, by caller."""

    def admit(self, caller: str) -> float | None:
        """Count a request; return 0, or for how many seconds it is too early, or None when `ask` must be awaited."""

    async def ask(self, caller: str) -> float:
        """Count a request after asking others; return 0, or for how many seconds it is too early."""


class LocalLimiter:
    """One limit within this process."""

    def __init__(
        self,
        limit: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_callers: int = MAX_CALLERS,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._max_callers = max_callers
        self._windows: OrderedDict[str, SlidingWindow] = OrderedDict()

    def admit(self, caller: str) -> float:
        """Count a request; return 0, or for how many seconds it is too early."""
        window = self._windows.get(caller)
        if window is None:
            window = self._windows[caller] = SlidingWindow()
            if len(self._windows) > self._max_callers:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(caller)
        return window.admit(self._limit, self._clock())

    async def ask(self, caller: str) -> float:
        """Do the same: there is nobody else to ask."""
        return self.admit(caller)
