"""How occurrences are listed."""

import asyncio
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from services.schedule_service.groups.service import GroupDirectory, reading_scope
from services.schedule_service.recurrence.errors import TooManyOccurrences
from services.schedule_service.recurrence.occurrences import Interval, Timing, Window
from services.schedule_service.schedules.errors import InvalidSchedule
from services.schedule_service.schedules.listing import position_by_start
from services.schedule_service.schedules.overlapping import read_schedules
from shared.database import Database
from shared.web.pages import Page, Position, read_position
from shared.web.time_zone import current_zone, to_utc

MAX_PERIOD = timedelta(days=366)

MAX_ANSWER_CHARACTERS = 20_000_000
"""Of an answer that is held in memory whole; a client that wants more asks for pages."""

CHARACTERS_PER_OCCURRENCE = 1_000
"""Of one without its description, names of its fields included."""


async def list_occurrences(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    group_id: int | None,
    include_groups: bool,
    start: datetime,
    end: datetime,
    page: Page,
) -> list[dict[str, Any]]:
    """Return schedules with the times of each of their occurrences in a period, by start.

    Args:
        database: The planner.
        groups: Asked whose schedules the caller may read.
        caller: Who asks.
        group_id: Only this group's; wins over `include_groups`.
        include_groups: Also those of all the caller's groups.
        start: In the request's zone; what ends by then is outside.
        end: In the request's zone; what starts then is outside.
        page: Which part of the list.

    Raises:
        AccessDenied: The caller is not a member of the named group; said before the times are looked at.
        InvalidSchedule: The end is before the start, or more than 366 days later.
        TooManyOccurrences: The answer would be too long or take too long.
        BadRequest: The cursor is of another list, or a time is out of range.
        Unavailable: user_service cannot be asked.
    """
    scope = await reading_scope(
        groups, caller=caller, group_id=group_id, include_groups=include_groups
    )
    if end < start:
        raise InvalidSchedule
    if end - start > MAX_PERIOD:
        raise InvalidSchedule(f"The period is longer than {MAX_PERIOD.days} days.")
    window = Window(to_utc(start), to_utc(end), current_zone())
    after = read_position(page, datetime, int, int)
    rows = await database.read(
        lambda connection: read_schedules(
            connection, scope=scope, start=window.stored_start, end=window.stored_end
        )
    )
    return await asyncio.to_thread(_list, rows, window, after, page.fetch)


def _list(
    schedules: list[dict[str, Any]],
    window: Window,
    after: tuple[Any, ...] | None,
    limit: int | None,
) -> list[dict[str, Any]]:
    found: list[tuple[Position, dict[str, Any], Interval]] = []
    for schedule in schedules:
        timing = _timing(schedule, schedule.pop("timeZone"))
        _, is_in_group, schedule_id = position_by_start(schedule)
        for interval in window.occurrences(timing):
            place = [interval[0], is_in_group, schedule_id]
            if after is None or place > list(after):
                found.append((place, schedule, interval))
    found.sort(key=itemgetter(0))
    answer = []
    characters = 0
    for _, schedule, (starts_at, ends_at) in found[:limit]:
        characters += CHARACTERS_PER_OCCURRENCE + len(schedule["description"] or "")
        if limit is None and characters > MAX_ANSWER_CHARACTERS:
            raise TooManyOccurrences
        answer.append({**schedule, "startTime": starts_at, "endTime": ends_at})
    return answer


def _timing(schedule: dict[str, Any], time_zone: str | None) -> Timing:
    return Timing(
        schedule["startTime"],
        schedule["endTime"],
        bool(schedule["isAllDay"]),
        schedule["recurrenceRule"],
        time_zone,
    )
