"""Lets no more calls to a service begin than it answers quickly, and refuses the rest at once (O-03)."""

import asyncio
import time
from collections.abc import Callable

from services.api_gateway.upstream.errors import Overloaded

LATE_SECONDS = 0.25
"""An answer that took longer has waited within the service: three times what one takes at a service's peak."""

FEWEST = 16
"""Calls at once in any case: as many as a service's database pool has connections, so that it is never idle."""

MOST = 384
"""Calls at once at most; leaves a quarter of the pool's connections to bodies on their way and to slow routes."""

START = 256
"""Calls at once until answers have told more: a burst at a service that is not busy is no overload."""

FEWER, MORE = 0.8, 1.1
"""By how much the number changes after a look: down faster than up, so that it stays near what is answered in time."""

LOOK_SECONDS = 0.1
"""Between two looks at what was late, and at least `ENOUGH` answers, so that one slow query does not count."""

ENOUGH = 16

WAIT_SECONDS = 0.075
"""For others' answers; then a call is refused, which the client is to hear within 0.1 s (O-03)."""

FIRST_LINE = 64
"""Calls that may wait until answers have told how many turns come in time: a service that gives 850 a second."""


class Admission:
    """Counts the calls to one service that are under way, and adapts how many may be.

    More calls at once do not make a service faster: they wait for its database, and beyond a second or two they are
    answered too late for anybody. So the number falls while most answers are late, and grows while it is reached and
    they are not.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_once = float(START)
        self._under_way = 0
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._line = float(FIRST_LINE)
        self._looked_at = clock()
        self._answers = 0
        self._late = 0
        self._was_reached = False

    @property
    def at_once(self) -> int:
        """How many calls may be under way."""
        return int(self._at_once)

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    def admits_at_once(self) -> bool:
        """Count a call in, if one more may begin now; its `leave` must follow."""
        if self._under_way >= int(self._at_once):
            self._was_reached = True
            return False
        self._under_way += 1
        return True

    async def turn(self) -> None:
        """Wait until the call is counted in; its `leave` must follow.

        Raises:
            Overloaded: It would not be, or was not, in time.
        """
        if len(self._waiting) >= int(self._line):
            # Its turn would not come in time: it would only wait to be refused.
            raise Overloaded
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting[waiting] = None
        giving_up = loop.call_later(WAIT_SECONDS, _give_up, waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                # Its turn came just as its client left.
                self._under_way -= 1
                self._call_next()
            raise
        finally:
            giving_up.cancel()
            self._waiting.pop(waiting, None)

    def leave(self, seconds: float) -> None:
        """Count a call out that took so long until its answer began, or until it failed."""
        self._under_way -= 1
        self._answers += 1
        self._late += seconds > LATE_SECONDS
        if self._answers >= ENOUGH:
            self._look()
        if self._waiting:
            self._call_next()

    def _look(self) -> None:
        now = self._clock()
        seconds = now - self._looked_at
        if seconds < LOOK_SECONDS:
            return
        if self._was_reached:
            # As busy as it may be, the service gives so many turns before a call in the line gives up.
            self._line = max(1.0, self._answers / seconds * WAIT_SECONDS)
        if self._late * 2 > self._answers:
            self._at_once = max(FEWEST, self._at_once * FEWER)
        elif self._was_reached:
            self._at_once = min(MOST, self._at_once * MORE)
        self._looked_at = now
        self._answers = self._late = 0
        self._was_reached = False

    def _call_next(self) -> None:
        while self._waiting and self._under_way < int(self._at_once):
            waiting = next(iter(self._waiting))
            del self._waiting[waiting]
            if not waiting.done():
                self._under_way += 1
                waiting.set_result(None)


def _give_up(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_exception(Overloaded())
