"""Leaves a failing service alone: its callers are answered at once and it can recover (G-07)."""

import math
import time
from collections.abc import Callable

from services.api_gateway.upstream.errors import CircuitOpen

FAILURES_TO_OPEN = 10
"""One after the other; a service that answers now and then stays reachable."""

OPEN_SECONDS = 2.0
"""Until the next call is let through to try. Whoever waits for a service that was started anew, which takes four
seconds, waits so much longer at most (O-05); one call in two seconds keeps no service from recovering."""


class Circuit:
    """Counts what became of the calls to one service."""

    def __init__(
        self,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        open_seconds: float = OPEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_to_open = failures_to_open
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._next_try_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are refused."""
        return self._next_try_at is not None

    def admit(self) -> None:
        """Let a call through; while the circuit is open one in `open_seconds`, whatever became of the last.

        Raises:
            CircuitOpen: Not this one.
        """
        if self._next_try_at is None:
            return
        now = self._clock()
        if now < self._next_try_at:
            raise CircuitOpen(math.ceil(self._next_try_at - now))
        self._next_try_at = now + self._open_seconds

    def succeeded(self) -> None:
        """Note an answer, whatever its status."""
        self._failures = 0
        self._next_try_at = None

    def failed(self) -> None:
        """Note that there was no answer."""
        self._failures += 1
        if self._failures >= self._failures_to_open:
            self._next_try_at = self._clock() + self._open_seconds
