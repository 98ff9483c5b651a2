"""When a rule occurs, on the wall clock of one place, found by dateutil in a bounded number of steps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Literal, cast

from dateutil.rrule import rrule, weekday

from services.schedule_service.recurrence.grammar import Frequency, Rule

MAX_COUNTED_PERIODS = {
    Frequency.YEARLY: 400,
    Frequency.MONTHLY: 2_400,
    Frequency.WEEKLY: 5_000,
    Frequency.DAILY: 10_000,
    Frequency.HOURLY: 10_000,
}
"""So far a rule with COUNT is followed, for it must be counted from its start: 27 years of days, 400 years."""

PERIOD_EFFORT = {
    Frequency.YEARLY: 25,
    Frequency.MONTHLY: 4,
    Frequency.WEEKLY: 2,
    Frequency.DAILY: 1,
    Frequency.HOURLY: 1,
}
"""What looking at one period costs, in units of about 3 microseconds."""

OCCURRENCES_PER_EFFORT = 6
"""Finding so many costs as much as looking at another day."""


def starts_between(
    rule: Rule, start: datetime, low: datetime, high: datetime
) -> Iterator[datetime]:
    """Yield when a rule occurs in `low <= time < high`, in order; the start is its first occurrence.

    All times are digits of one wall clock, `rule.until` included.

    Args:
        rule: The rule.
        start: Its first occurrence, whether or not it fits the rule.
        low: Where to begin; nothing before it is looked at unless the rule has a COUNT.
        high: Where to end; nothing after it is looked at.
    """
    if low <= start < high:
        yield start
    fraction = timedelta(microseconds=start.microsecond)
    found = 1
    try:
        for occurrence in _library_rule(rule, start, low, high):
            moment = occurrence + fraction
            if moment <= start:
                continue
            found += 1
            is_over = rule.count is not None and found > rule.count
            if is_over or moment >= high or (rule.until is not None and moment > rule.until):
                return
            if moment >= low:
                yield moment
    except (_OutOfSteps, OverflowError, ValueError):
        # The latter two at the ends of the calendar, and where INTERVAL never meets BYHOUR.
        return


def effort(rule: Rule, start: datetime, low: datetime, high: datetime) -> int:
    """Return what expanding a rule costs at most, in units of about 3 microseconds."""
    first, periods = _periods(rule, start, low, high)
    days = max(0, (high - _period_start(rule, first)).days + 1)
    occurrences = min(days * rule.times_per_day, rule.count or days * rule.times_per_day)
    return periods * PERIOD_EFFORT[rule.frequency] + occurrences // OCCURRENCES_PER_EFFORT


class _OutOfSteps(Exception):
    """The periods that were to be looked at are used up."""


class _Steps(int):
    """An interval that can be added only so often.

    dateutil looks for the next match until the year 9999, which takes it seconds when there is none. It
    goes from period to period by adding the interval, which is where it is stopped.
    """

    left: int

    def __radd__(self, other: int) -> int:
        self._take()
        return other + int(self)

    def __mul__(self, other: int) -> int:
        self._take()
        return int(self) * other

    def _take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _OutOfSteps


def _library_rule(rule: Rule, start: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    first, periods = _periods(rule, start, low, high)
    steps = _Steps(rule.interval)
    # The first period needs none.
    steps.left = periods - 1
    explicit = _with_parts_of(start, rule)
    return iter(
        rrule(
            cast("Literal[0, 1, 2, 3, 4]", rule.frequency),
            dtstart=_period_start(rule, first),
            interval=steps,
            wkst=rule.week_start,
            bysetpos=rule.positions or None,
            bymonth=explicit.months or None,
            bymonthday=explicit.month_days or None,
            byyearday=rule.year_days or None,
            byweekno=rule.week_numbers or None,
            byweekday=[weekday(day, which or None) for day, which in explicit.weekdays] or None,
            byhour=explicit.hours or None,
            byminute=explicit.minutes,
            bysecond=explicit.seconds,
        )
    )


def _with_parts_of(start: datetime, rule: Rule) -> Rule:
    """Return the rule with what it leaves to its start said, so that it can be followed from anywhere."""
    months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
    if not (weekdays or month_days or rule.year_days):
        if rule.frequency is Frequency.WEEKLY or rule.week_numbers:
            weekdays = ((start.weekday(), 0),)
        elif rule.frequency is Frequency.MONTHLY:
            month_days = (start.day,)
        elif rule.frequency is Frequency.YEARLY:
            months, month_days = months or (start.month,), (start.day,)
    if any(which for _, which in weekdays):
        # dateutil takes `MO,1TU` for days that are both.
        weekdays = tuple(
            (day, number)
            for day, which in weekdays
            for number in ((which,) if which else range(1, 54))
            if which or rule.frequency is Frequency.YEARLY or number <= 5
        )
    hours = rule.hours or (() if rule.frequency is Frequency.HOURLY else (start.hour,))
    return replace(
        rule,
        months=months,
        month_days=month_days,
        weekdays=weekdays,
        hours=hours,
        minutes=rule.minutes or (start.minute,),
        seconds=rule.seconds or (start.second,),
    )


def _periods(rule: Rule, start: datetime, low: datetime, high: datetime) -> tuple[int, int]:
    """Return the first period to look at and how many from there, counted in intervals."""
    first = _period(rule, start)
    end = high if rule.until is None else min(high, rule.until)
    last = _period(rule, end)
    if rule.count is None and low > start:
        first += (_period(rule, low) - first) // rule.interval * rule.interval
    steps = max(0, (last - first) // rule.interval + 1)
    if rule.count is not None:
        steps = min(steps, MAX_COUNTED_PERIODS[rule.frequency])
    return first, steps


def _period(rule: Rule, moment: datetime) -> int:
    """Return the number of the year, month, week, day or hour that a moment is in."""
    match rule.frequency:
        case Frequency.YEARLY:
            return moment.year
        case Frequency.MONTHLY:
            return moment.year * 12 + moment.month - 1
        case Frequency.WEEKLY:
            return (moment.toordinal() - 1 - rule.week_start) // 7
        case Frequency.DAILY:
            return moment.toordinal()
        case Frequency.HOURLY:
            return moment.toordinal() * 24 + moment.hour


def _period_start(rule: Rule, number: int) -> datetime:
    match rule.frequency:
        case Frequency.YEARLY:
            return datetime(number, 1, 1)
        case Frequency.MONTHLY:
            return datetime(number // 12, number % 12 + 1, 1)
        case Frequency.WEEKLY:
            # The first week of the calendar may begin before it.
            return _midnight(max(1, number * 7 + 1 + rule.week_start))
        case Frequency.DAILY:
            return _midnight(number)
        case Frequency.HOURLY:
            return _midnight(number // 24) + timedelta(hours=number % 24)


def _midnight(ordinal: int) -> datetime:
    return datetime.combine(date.fromordinal(ordinal), time.min)
