"""Faults on request: slow answers, forced throttling and failing statuses."""

import asyncio
from dataclasses import dataclass
from enum import Enum


class ThrottleForm(Enum):
    """How a throttled call is answered: as Canvas does since October 2025, or as older installations do."""

    TOO_MANY_REQUESTS = "429"
    FORBIDDEN = "403"


@dataclass
class Faults:
    """What is to go wrong.

    Latency holds for every call. `throttle` and `status` hold for the next `times` calls whose path contains
    `path` (`None`: all calls, any path); throttling comes first. `throttle` also sets the form in which the
    exhausted bucket answers, for as long as the fault is in place and even when `times` is used up.
    """

    latency_ms: float = 0
    throttle: ThrottleForm | None = None
    status: int | None = None
    path: str | None = None
    times: int | None = None

    @property
    def form(self) -> ThrottleForm:
        """Return how calls are answered that the bucket refuses."""
        return self.throttle or ThrottleForm.TOO_MANY_REQUESTS

    def strike(self, path: str) -> ThrottleForm | int | None:
        """Decide what this call meets, and count it: forced throttling, a failing status, or nothing."""
        fault = self.throttle or self.status
        if fault is None or self.times == 0 or (self.path is not None and self.path not in path):
            return None
        if self.times is not None:
            self.times -= 1
        return fault


class Delays:
    """Calls that are being held back, and the way to let them go when the sandbox stops."""

    def __init__(self) -> None:
        self._held_back: set[asyncio.Future[None]] = set()

    async def hold_back(self, seconds: float) -> None:
        """Wait this long, or until all calls are let go."""
        loop = asyncio.get_running_loop()
        released = loop.create_future()
        timer = loop.call_later(seconds, _release, released)
        self._held_back.add(released)
        try:
            await released
        finally:
            timer.cancel()
            self._held_back.discard(released)

    def let_go(self) -> None:
        """Have every call answered now."""
        for released in self._held_back:
            _release(released)


def _release(released: asyncio.Future[None]) -> None:
    if not released.done():
        released.set_result(None)
