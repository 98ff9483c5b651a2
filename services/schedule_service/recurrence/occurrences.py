"""When schedules take place in a window: once, or at each occurrence in the zone they were made in.

Stored times are UTC digits. A recurring schedule keeps its wall-clock time of the zone it was made in; each
occurrence lasts exactly as long as the first one (RFC 5545 section 3.6.1, for a start with an end). A time
that the zone skips moves forward, of one it has twice the first is meant. An all-day schedule has no zone:
its digits are those of whoever looks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.schedule_service.recurrence.errors import InvalidRecurrence, TooManyOccurrences
from services.schedule_service.recurrence.expansion import effort, starts_between
from services.schedule_service.recurrence.grammar import Rule, read_rule
from services.schedule_service.recurrence.rules import on_wall_clock
from shared.web.errors import BadRequest
from shared.web.time_zone import on_wire, read_zone, to_utc

UTC = ZoneInfo("UTC")

MAX_EFFORT = 250_000
"""About two seconds of one core for all schedules of a request: 100 people with six daily ones each in a year."""

MAX_LOOKBACK = timedelta(days=366)
"""Of occurrences that last longer, those that started earlier are not looked for."""

ZONE_MARGIN = timedelta(days=1)
"""More than any zone's digits are away from UTC's."""

EARLIEST = datetime.min + 2 * ZONE_MARGIN
LATEST = datetime.max - 2 * ZONE_MARGIN

Interval = tuple[datetime, datetime]
"""Start and end."""


@dataclass(frozen=True)
class Timing:
    """When a schedule takes place, as its row says."""

    start: datetime
    end: datetime
    is_all_day: bool
    rule: str | None
    time_zone: str | None


class Window:
    """The time that a request looks at, in the zone of whoever looks; touching it is not inside."""

    def __init__(self, start: datetime, end: datetime, zone: ZoneInfo = UTC) -> None:
        """Take a window.

        Args:
            start: As UTC digits.
            end: As UTC digits.
            zone: The caller's zone.
        """
        self.start = min(max(start, EARLIEST), LATEST)
        self.end = min(max(end, EARLIEST), LATEST)
        self.zone = zone
        self._effort_left = MAX_EFFORT

    @property
    def stored_start(self) -> datetime:
        """Rows that end before it take no part, all-day ones included."""
        return self.start - ZONE_MARGIN

    @property
    def stored_end(self) -> datetime:
        """Rows that start after it take no part, all-day ones included."""
        return self.end + ZONE_MARGIN

    def instants(self, timing: Timing, digits: Interval) -> Interval:
        """Return an interval in UTC as the caller sees it: all-day digits are in the caller's zone."""
        if not timing.is_all_day:
            return digits
        return to_utc(digits[0], self.zone), to_utc(digits[1], self.zone)

    def occurrences(self, timing: Timing) -> list[Interval]:
        """Return when a schedule takes place in the window, in the digits its row is stored in, in order.

        Raises:
            TooManyOccurrences: Together with what was asked for before, finding them takes too long.
        """
        rule = _rule(timing.rule)
        if rule is None:
            found = [(timing.start, timing.end)]
        else:
            found = self._expand(
                timing, rule, None if timing.is_all_day else _zone(timing.time_zone)
            )
        return [digits for digits in found if self._has(self.instants(timing, digits))]

    def _has(self, instants: Interval) -> bool:
        return instants[0] < self.end and instants[1] > self.start

    def _expand(self, timing: Timing, rule: Rule, zone: ZoneInfo | None) -> list[Interval]:
        """Return the occurrences in the window and up to a day around it; without a zone digits are kept."""
        lasts = timing.end - timing.start
        first = timing.start if zone is None else on_wire(timing.start, zone)
        margin = min(max(lasts, timedelta(0)), MAX_LOOKBACK) + ZONE_MARGIN
        low = max(self.start, EARLIEST + margin) - margin
        high = self.end + ZONE_MARGIN
        rule = on_wall_clock(rule, zone)
        self._spend(effort(rule, first, low, high))
        starts = list(starts_between(rule, first, low, high))
        if zone is not None:
            # The first one's own time may be the second of an ambiguous one; two may move to one time.
            starts = sorted(
                {timing.start if start == first else to_utc(start, zone) for start in starts}
            )
        return [(start, start + min(lasts, datetime.max - start)) for start in starts]

    def _spend(self, units: int) -> None:
        self._effort_left -= units
        if self._effort_left < 0:
            raise TooManyOccurrences


@lru_cache(maxsize=4096)
def _rule(text: str | None) -> Rule | None:
    """Return what a column says; other programs may have written what is no rule, which then does not recur."""
    if text is None:
        return None
    try:
        return read_rule(text)
    except InvalidRecurrence:
        return None


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return read_zone(name)
    except BadRequest:
        return None
