"""The leaky bucket with which Canvas throttles each access token.

The numbers and the order of the steps are those of Canvas's request throttle: an amount is reserved before
the bucket is judged, so twelve calls in flight fill it even when each of them is cheap.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

CAPACITY = 600.0
"""The level at which calls are refused; Canvas's default."""

CEILING = 800.0
"""No burst fills the bucket beyond this, so a refused client is heard again after 20 s; Canvas's default."""

LEAK_PER_SECOND = 10.0
"""What drains by itself; Canvas's default."""

RESERVED_PER_CALL = 50.0
"""Charged when a call starts and given back, but for its real cost, when it ends; Canvas's default."""

COST_OF_ANY_CALL = 0.05
COST_PER_MEGABYTE = 1.0
"""Canvas charges processor and database seconds; a page of 100 assignments of 3 KB then costs about 0.6."""


def cost_of_answer(body_bytes: int) -> float:
    """Estimate what Canvas would charge for building an answer of this size."""
    return COST_OF_ANY_CALL + COST_PER_MEGABYTE * body_bytes / 1_000_000


class LeakyBucket:
    """What one token has used up lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._level = 0.0
        self._touched_at = clock()

    @property
    def remaining(self) -> float:
        """Return what is left before calls are refused; below 0 while more is reserved than fits."""
        self._leak()
        return CAPACITY - self._level

    def reserve(self) -> "Reservation":
        """Charge the up-front amount of one call and judge whether the bucket is exhausted by it."""
        self._add(RESERVED_PER_CALL)
        return Reservation(self, is_refused=self._level >= CAPACITY)

    def _add(self, amount: float) -> None:
        self._leak()
        self._level = min(CEILING, max(0.0, self._level + amount))

    def _leak(self) -> None:
        moment = self._clock()
        self._level = max(0.0, self._level - LEAK_PER_SECOND * (moment - self._touched_at))
        self._touched_at = moment

    def _settle(self, cost: float) -> None:
        self._add(cost - RESERVED_PER_CALL)


@dataclass
class Reservation:
    """The up-front charge of one call in flight."""

    bucket: LeakyBucket
    is_refused: bool
    _is_settled: bool = False

    def settle(self, cost: float) -> None:
        """Give the up-front amount back except for the real cost; a second time does nothing."""
        if not self._is_settled:
            self._is_settled = True
            self.bucket._settle(cost)


class LeakyBuckets:
    """One bucket for each token that has made a call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_token: dict[str, LeakyBucket] = {}

    def of(self, token: str) -> LeakyBucket:
        """Return this token's bucket; the first call finds a full allowance."""
        bucket = self._by_token.get(token)
        if bucket is None:
            bucket = self._by_token[token] = LeakyBucket(self._clock)
        return bucket

    def forget_all(self) -> None:
        """Give every token its full allowance again."""
        self._by_token.clear()
