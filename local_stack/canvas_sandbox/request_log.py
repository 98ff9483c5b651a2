"""What was asked of the Canvas API; calls to the control API do not count."""

from collections import deque
from typing import TypedDict

KEPT_ENTRIES = 100_000
"""More than any benchmark sends, and little enough for a sandbox that runs for days."""


class Entry(TypedDict):
    """One answered call; the path is without its query."""

    method: str
    path: str
    status: int


class RequestLog:
    """Answered calls in the order of their answers, and how many were in flight at once."""

    def __init__(self) -> None:
        self._in_flight = 0
        self.forget_all()

    def forget_all(self) -> None:
        """Start counting anew; calls still in flight will count when they are answered."""
        self.total = 0
        self.throttled = 0
        self.max_in_flight = self._in_flight
        self.entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)

    def arrived(self) -> None:
        """Count a call as in flight."""
        self._in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self._in_flight)

    def answered(self, method: str, path: str, status: int, *, was_throttled: bool) -> None:
        """Record the answer to a call that had arrived."""
        self._in_flight -= 1
        self.total += 1
        self.throttled += was_throttled
        self.entries.append({"method": method, "path": path, "status": status})
