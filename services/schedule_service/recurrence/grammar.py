"""Reads a recurrence rule: one RRULE of RFC 5545 section 3.3.10, and nothing beside it."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from enum import IntEnum
from math import ceil

from services.schedule_service.recurrence.errors import InvalidRecurrence

PREFIX = "RRULE:"

MAX_LENGTH = 255
"""What the column holds."""

MAX_INTERVAL = 1_000
"""Days in nearly three years, years in a millennium: more says never."""

MAX_COUNT = 10_000
"""27 years of every day; all of them are walked through to find the last ones."""

MAX_TIMES_PER_DAY = 24
"""Every hour; whatever happens more often is not an entry of a planner."""

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_PART = re.compile(
    "(FREQ|UNTIL|COUNT|INTERVAL|WKST|BYDAY|BYMONTH|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYSETPOS"
    "|BYHOUR|BYMINUTE|BYSECOND)=(.+)"
)
_NUMBER = re.compile(r"[+-]?\d{1,3}", re.ASCII)
_COUNTER = re.compile(r"\d{1,6}", re.ASCII)
_WEEKDAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(WEEKDAYS)})", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(T\d{6}(Z)?)?", re.ASCII)


class Frequency(IntEnum):
    """How long a period of a rule is; the numbers are those of dateutil."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4


@dataclass(frozen=True)
class Rule:
    """A recurrence rule; an empty tuple is a part that is not there."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    is_until_utc: bool = False
    week_start: int = 0
    weekdays: tuple[tuple[int, int], ...] = ()
    """Number of the day, Monday is 0, and which one in the month or year, 0 for each."""
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()

    @property
    def times_per_day(self) -> int:
        """How often it occurs on one day at most."""
        times = max(1, len(self.minutes)) * max(1, len(self.seconds))
        if self.frequency is Frequency.HOURLY:
            return times * (len(self.hours) or ceil(24 / self.interval))
        return times * max(1, len(self.hours))


def read_rule(text: str) -> Rule:
    """Return the rule that a text says, with or without `RRULE:`; names and values are read in any case.

    Raises:
        InvalidRecurrence: It says none, or one that occurs more than 24 times a day.
    """
    parts = _split(text)
    frequency = _read_frequency(parts.get("FREQ"))
    until, is_until_utc = _read_until(parts.get("UNTIL"))
    rule = Rule(
        frequency=frequency,
        interval=_read_counter(parts, "INTERVAL", MAX_INTERVAL) or 1,
        count=_read_counter(parts, "COUNT", MAX_COUNT),
        until=until,
        is_until_utc=is_until_utc,
        week_start=_read_week_start(parts.get("WKST", "MO")),
        weekdays=_read_weekdays(parts.get("BYDAY")),
        months=_read_numbers(parts, "BYMONTH", 1, 12),
        month_days=_read_numbers(parts, "BYMONTHDAY", 1, 31, from_end=True),
        year_days=_read_numbers(parts, "BYYEARDAY", 1, 366, from_end=True),
        week_numbers=_read_numbers(parts, "BYWEEKNO", 1, 53, from_end=True),
        positions=_read_numbers(parts, "BYSETPOS", 1, 366, from_end=True),
        hours=_read_numbers(parts, "BYHOUR", 0, 23),
        minutes=_read_numbers(parts, "BYMINUTE", 0, 59),
        seconds=_read_numbers(parts, "BYSECOND", 0, 59),
    )
    _check_combination(rule, parts)
    return rule


def _split(text: str) -> dict[str, str]:
    # Other alphabets have letters that become ours in capitals.
    if len(text) > MAX_LENGTH or not text.isascii():
        raise InvalidRecurrence(
            f"The recurrence rule is not a line of {MAX_LENGTH} ASCII characters."
        )
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix(PREFIX).split(";"):
        match = _PART.fullmatch(part)
        if match is None:
            raise InvalidRecurrence("The recurrence rule has a part that RFC 5545 does not know.")
        if match[1] in parts:
            raise InvalidRecurrence(f"The recurrence rule has {match[1]} twice.")
        parts[match[1]] = match[2]
    return parts


def _read_frequency(value: str | None) -> Frequency:
    if value is None:
        raise InvalidRecurrence("The recurrence rule has no FREQ.")
    try:
        return Frequency[value]
    except KeyError:
        raise InvalidRecurrence(
            f"FREQ of the recurrence rule is none of {', '.join(Frequency.__members__)}."
        ) from None


def _read_until(value: str | None) -> tuple[datetime | None, bool]:
    """Return the last moment and whether it is UTC; a date means its whole day."""
    if value is None:
        return None, False
    match = _UNTIL.fullmatch(value)
    try:
        if match is None:
            raise ValueError(value)
        if match[2] is None:
            return datetime.combine(datetime.strptime(value, "%Y%m%d"), time.max), False
        return datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S"), match[3] is not None
    except ValueError:
        raise InvalidRecurrence(
            "UNTIL of the recurrence rule is no date or time such as 20260304 or 20260304T093000Z."
        ) from None


def _read_counter(parts: dict[str, str], name: str, largest: int) -> int | None:
    if name not in parts:
        return None
    if not _COUNTER.fullmatch(parts[name]) or not 1 <= int(parts[name]) <= largest:
        raise InvalidRecurrence(f"{name} of the recurrence rule is not between 1 and {largest}.")
    return int(parts[name])


def _read_week_start(value: str) -> int:
    if value not in WEEKDAYS:
        raise InvalidRecurrence("WKST of the recurrence rule is no day of the week.")
    return WEEKDAYS.index(value)


def _read_weekdays(value: str | None) -> tuple[tuple[int, int], ...]:
    days = []
    for item in [] if value is None else value.split(","):
        match = _WEEKDAY.fullmatch(item)
        which = int(match[1] or 0) if match else 0
        if match is None or (match[1] and not 1 <= abs(which) <= 53):
            raise InvalidRecurrence("BYDAY of the recurrence rule has something else than a day.")
        days.append((WEEKDAYS.index(match[2]), which))
    return tuple(days)


def _read_numbers(
    parts: dict[str, str], name: str, lowest: int, highest: int, *, from_end: bool = False
) -> tuple[int, ...]:
    if name not in parts:
        return ()
    numbers = []
    for item in parts[name].split(","):
        number = int(item) if _NUMBER.fullmatch(item) else None
        if number is None or not lowest <= (abs(number) if from_end else number) <= highest:
            raise InvalidRecurrence(
                f"{name} of the recurrence rule is not between {lowest} and {highest}."
            )
        numbers.append(number)
    return tuple(sorted(set(numbers)))


def _check_combination(rule: Rule, parts: dict[str, str]) -> None:
    """Refuse what RFC 5545 forbids together."""
    frequency = rule.frequency
    forbidden = {
        "BYWEEKNO": frequency is not Frequency.YEARLY,
        "BYYEARDAY": frequency in (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.DAILY),
        "BYMONTHDAY": frequency is Frequency.WEEKLY,
        "BYSETPOS": not any(name.startswith("BY") and name != "BYSETPOS" for name in parts),
        "COUNT": "UNTIL" in parts,
    }
    for name, is_forbidden in forbidden.items():
        if is_forbidden and name in parts:
            raise InvalidRecurrence(f"{name} cannot be used with this recurrence rule.")
    highest = _highest_weekday(rule)
    if any(abs(which) > highest for _, which in rule.weekdays):
        raise InvalidRecurrence("BYDAY of the recurrence rule counts days that there are not.")
    if rule.times_per_day > MAX_TIMES_PER_DAY:
        raise InvalidRecurrence(
            f"The recurrence rule occurs more than {MAX_TIMES_PER_DAY} times a day."
        )


def _highest_weekday(rule: Rule) -> int:
    """Return how many of one weekday a period has, 0 where they are not counted."""
    if rule.frequency is Frequency.MONTHLY or (rule.frequency is Frequency.YEARLY and rule.months):
        return 0 if rule.week_numbers else 5
    return 53 if rule.frequency is Frequency.YEARLY and not rule.week_numbers else 0
