"""Counts what happened in the last minute, exactly enough that no 60 s ever hold more than the limit."""

from collections import deque

WINDOW_SECONDS = 60


class SlidingWindow:
    """Counts by second over the last 61, so that any 60 s are covered whole."""

    __slots__ = ("_seconds", "_total")

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()
        self._total = 0

    def admit(self, limit: int, now: float) -> float:
        """Count one more unless that would be too many; return for how many seconds it is too early, 0 if counted.

        Args:
            limit: In any 60 s.
            now: Seconds of any clock that only goes forward.
        """
        second = int(now)
        seconds = self._seconds
        while seconds and seconds[0][0] < second - WINDOW_SECONDS:
            self._total -= seconds.popleft()[1]
        if self._total >= limit:
            return seconds[0][0] + WINDOW_SECONDS + 1 - now
        self._total += 1
        if seconds and seconds[-1][0] == second:
            seconds[-1][1] += 1
        else:
            seconds.append([second, 1])
        return 0.0
