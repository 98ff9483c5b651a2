"""Lets no more calls to a service begin than it answers quickly; the rest are refused at once (O-03)."""

import time
from collections.abc import Callable

LATE_SECONDS = 0.1
"""An answer that took longer has waited within the service: three times what one takes at a service's peak. With
0.25 as many are answered in a flood, but some after seconds."""

LATE_BELOW_SECONDS = 0.25
"""The same while fewer calls than may be are under way: a burst on new connections takes longer and is no overload."""

FEWEST = 16
"""Calls at once in any case: as many as a service's database pool has connections, so that it is never idle."""

MOST = 384
"""Calls at once at most; leaves a quarter of the pool's connections to bodies on their way and to slow routes."""

START = 200
"""Calls at once until answers have told more: what has waited for the pool's keys when a gateway begins (J-04) is a
burst and no overload. Each is a new connection: with 256 a gateway that shares its processor answered nobody for the
first second of a flood."""

FEWER, MORE = 0.8, 1.1
"""By how much the number changes after a look: down faster than up, so that it stays near what is answered in time."""

LOOK_SECONDS = 0.1
"""Between two looks at what was late, and at least `ENOUGH` answers, so that one slow query does not count."""

ENOUGH = 16


class Admission:
    """Counts the calls to one service that are under way, and adapts how many may be.

    More calls at once do not make a service faster: they wait for its database, and beyond a second or two they are
    answered too late for anybody. So the number falls while most answers are late, and grows while it is reached and
    they are not. Nobody waits for a turn: the calls under way are queue enough, and who must be refused is refused
    soonest and most cheaply at once.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_once = float(START)
        self._under_way = 0
        self._looked_at = clock()
        self._answers = 0
        self._late = 0
        self._late_below = 0
        self._was_reached = False

    @property
    def at_once(self) -> int:
        """How many calls may be under way."""
        return int(self._at_once)

    def is_full(self) -> bool:
        """Return whether a call that began now would be one too many."""
        if self._under_way < int(self._at_once):
            return False
        self._was_reached = True
        return True

    def enter(self) -> None:
        """Count a call in; its `leave` must follow."""
        self._under_way += 1

    def leave(self, seconds: float | None) -> None:
        """Count a call out that took so long until its answer began, or until it failed; None says nothing of load."""
        self._under_way -= 1
        if seconds is None:
            return
        self._answers += 1
        self._late += seconds > LATE_SECONDS
        self._late_below += seconds > LATE_BELOW_SECONDS
        if self._answers >= ENOUGH:
            self._look()

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < LOOK_SECONDS:
            return
        late = self._late if self._was_reached else self._late_below
        if late * 2 > self._answers:
            self._at_once = max(FEWEST, self._at_once * FEWER)
        elif self._was_reached:
            self._at_once = min(MOST, self._at_once * MORE)
        self._looked_at = now
        self._answers = self._late = self._late_below = 0
        self._was_reached = False
