"""The free time between busy intervals: intervals in, slots out, nothing else touched.

All instants are UTC digits; days and working hours are those of a zone. A slot lasts as long as it does
on a clock that is never set: a day on which summer time begins has 23 hours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from zoneinfo import ZoneInfo

from shared.web.time_zone import on_wire, to_utc

Interval = tuple[datetime, datetime]
"""Start and end; equal for a point in time, which splits free time."""

LAST_SECOND = time(23, 59, 59)
"""The period of a search ends with it (rest.md E44)."""

ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)
ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Search:
    """What kind of slots are wanted.

    Args:
        first_day: The first day of the period.
        last_day: The last one, included.
        minimum_minutes: How long a slot lasts at least.
        working_hours: From when to when, on each day; None for the whole day.
        days: On which days of the week, Monday is 1; empty for all.
        zone: Where these are days and hours.
    """

    first_day: date
    last_day: date
    minimum_minutes: int
    working_hours: tuple[time, time] | None
    days: frozenset[int]
    zone: ZoneInfo

    @property
    def period(self) -> Interval:
        """The whole period in UTC.

        Raises:
            BadRequest: It is out of range.
        """
        return (
            to_utc(datetime.combine(self.first_day, time.min), self.zone),
            to_utc(datetime.combine(self.last_day, LAST_SECOND), self.zone),
        )

    @property
    def is_by_day(self) -> bool:
        """Whether each day is handled on its own."""
        return self.working_hours is not None or bool(self.days)


@dataclass(frozen=True)
class Slot:
    """A stretch of free time, in UTC, whole seconds."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> int:
        """How long it lasts, rounded down."""
        return (self.end - self.start) // ONE_MINUTE


def find_slots(busy: Iterable[Interval], search: Search) -> list[Slot]:
    """Return the slots of a period in which nobody is busy, in order."""
    if search.last_day < search.first_day:
        return []
    gaps = (gap for gap in _gaps(busy, search.period) if gap.minutes >= search.minimum_minutes)
    if not search.is_by_day:
        return list(gaps)
    cut = _cut(gaps, _hours_of_days(search))
    return [slot for slot in cut if slot.minutes >= search.minimum_minutes]


def _gaps(busy: Iterable[Interval], period: Interval) -> Iterator[Slot]:
    """Yield what no busy interval covers, in order, narrowed to whole seconds."""
    free_from, until = period
    for start, end in sorted(busy, key=itemgetter(0)):
        if start > free_from:
            yield Slot(_whole_second_from(free_from), min(start, until).replace(microsecond=0))
            free_from = start
        free_from = max(free_from, end)
        if free_from >= until:
            return
    yield Slot(_whole_second_from(free_from), until)


def _whole_second_from(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + ONE_SECOND if moment.microsecond else moment


def _hours_of_days(search: Search) -> Iterator[Interval]:
    """Yield the wanted hours of each wanted day of the period, in order."""
    for offset in range((search.last_day - search.first_day).days + 1):
        day = search.first_day + timedelta(days=offset)
        if search.days and day.isoweekday() not in search.days:
            continue
        if search.working_hours is not None:
            first, last = (datetime.combine(day, at) for at in search.working_hours)
        else:
            first = datetime.combine(day, time.min)
            last = first + min(ONE_DAY, datetime.max - first)
        yield to_utc(first, search.zone), to_utc(last, search.zone)


def _cut(gaps: Iterable[Slot], hours: Iterable[Interval]) -> Iterator[Slot]:
    """Yield what gaps and hours have in common; both are in order."""
    days = iter(hours)
    day = next(days, None)
    for gap in gaps:
        while day is not None and day[0] < gap.end:
            start, end = max(gap.start, day[0]), min(gap.end, day[1])
            if start < end:
                yield Slot(start, end)
            if day[1] > gap.end:
                break
            day = next(days, None)


def day_of_week(slot: Slot, zone: ZoneInfo) -> str:
    """Return the English name of the day a slot starts on, in a zone, in capitals."""
    return _DAY_NAMES[on_wire(slot.start, zone).weekday()]


_DAY_NAMES = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
