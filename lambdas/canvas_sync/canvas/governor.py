"""Keeps the calls of one token within what Canvas allows it, before Canvas has to refuse any (C-01).

Canvas charges every call 50 up front of a bucket that is full at 600 and drains 10 a second, and gives back what
the call did not cost. So calls in flight are what empties it, and an answer's `X-Rate-Limit-Remaining` already counts
those that Canvas knew of when it wrote the answer.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from weakref import WeakValueDictionary

FULL_ALLOWANCE = 600.0
"""What a token has that was not used lately, on an installation with Canvas's defaults."""

RESERVED_PER_CALL = 50.0
KEPT_BACK = FULL_ALLOWANCE / 4
"""Below a quarter of the full allowance there is one call at a time."""

LEAK_PER_SECOND = 10.0
LEAST_FOR_A_CALL = 75.0
"""A call that finds less than it reserves is refused; half as much more covers what the last one cost."""

MAX_IN_FLIGHT = 8
MAX_LEAK_WAIT_SECONDS = 30.0
"""Canvas lets a bucket overflow by 200 at most, which drains in 20 s; what lies beyond is not its bucket."""


class Call:
    """One call in flight, to be told what its answer said."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.remaining: float | None = None
        self.was_throttled = False


class Governor:
    """Decides when the next call of one token may start.

    It may when nothing is in flight, or when at most seven calls are and the estimated allowance, less its own
    reservation, stays at or above `KEPT_BACK`. After a throttled call there is one at a time; each call that
    succeeds allows one more.

    Args:
        clock: Monotonic seconds.

    Attributes:
        refusals_in_a_row: How often Canvas has throttled this token since it last answered.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._estimate = FULL_ALLOWANCE
        self._in_flight = 0
        self._limit = MAX_IN_FLIGHT
        self._is_known = False
        self._calls_started = 0
        self._calls_before_refusal = 0
        self.refusals_in_a_row = 0
        self._resume_at = 0.0
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Call]:
        """Wait for a turn, first come first served, and hold it for one call."""
        async with self._turn:
            while (wait_seconds := self._seconds_until_start()) != 0:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_seconds):
                        await self._changed.wait()
            call = self._start()
        try:
            yield call
        finally:
            self._end(call)

    def pause(self, seconds: float) -> None:
        """Start no call for some seconds."""
        self._resume_at = max(self._resume_at, self._clock() + seconds)

    def _seconds_until_start(self) -> float | None:
        """Return 0 when a call may start, seconds when it is a matter of time, `None` when an answer decides."""
        pause_seconds = self._resume_at - self._clock()
        if pause_seconds > 0:
            return pause_seconds
        if self._in_flight == 0:
            return 0
        # The first answer says what is left; until then other functions may be using the same token.
        if not self._is_known or self._in_flight >= self._limit:
            return None
        return 0 if self._estimate - RESERVED_PER_CALL >= KEPT_BACK else None

    def _start(self) -> Call:
        self._in_flight += 1
        self._calls_started += 1
        self._estimate -= RESERVED_PER_CALL
        return Call(self._calls_started)

    def _end(self, call: Call) -> None:
        self._in_flight -= 1
        self._is_known = True
        given_back = self._estimate + RESERVED_PER_CALL
        if call.remaining is None:
            self._estimate = min(FULL_ALLOWANCE, given_back)
        elif self._in_flight == 0:
            self._estimate = call.remaining
        else:
            # The answer may have been written before some of the calls in flight reached Canvas, or after all of
            # them did: it can raise the estimate by no more than this call's reservation, and it lies no lower
            # than if Canvas had known of none of them.
            known_of_none = call.remaining - RESERVED_PER_CALL * self._in_flight
            self._estimate = max(known_of_none, min(call.remaining, given_back))
        # Calls that were in flight together are refused together, which says no more than one refusal does.
        is_news = call.number > self._calls_before_refusal
        if call.was_throttled:
            self._limit = 1
            self.refusals_in_a_row += is_news
            if is_news:
                self._calls_before_refusal = self._calls_started
        elif is_news:
            self._limit = min(MAX_IN_FLIGHT, self._limit + 1)
            self.refusals_in_a_row = 0
        if self._in_flight == 0 and self._estimate < LEAST_FOR_A_CALL:
            leak_seconds = (LEAST_FOR_A_CALL - self._estimate) / LEAK_PER_SECOND
            self.pause(min(leak_seconds, MAX_LEAK_WAIT_SECONDS))
        self._changed.set()


class Governors:
    """One governor for each token in use, so that synchronisations of one student in one process share theirs."""

    def __init__(self) -> None:
        self._by_token: WeakValueDictionary[bytes, Governor] = WeakValueDictionary()

    def of(self, token: str) -> Governor:
        """Return this token's governor; it lives as long as somebody holds it."""
        key = hashlib.sha256(token.encode()).digest()
        governor = self._by_token.get(key)
        if governor is None:
            governor = self._by_token[key] = Governor()
        return governor
