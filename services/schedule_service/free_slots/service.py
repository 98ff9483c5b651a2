"""When the members of a group are free, and what stands in the way of a time."""

import asyncio
from collections.abc import Sequence
from typing import Any

from services.schedule_service.free_slots.schemas import FreeSlotSearch
from services.schedule_service.free_slots.slots import Search, day_of_week, find_slots
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.groups.service import GroupDirectory
from services.schedule_service.recurrence.occurrences import Interval, Timing, Window
from services.schedule_service.schedules.errors import InvalidSchedule
from services.schedule_service.schedules.overlapping import BUSY_FIELDS, read_busy
from shared.database import Database
from shared.web.time_zone import current_zone

MAX_DAYS = 3_660
"""Ten years. The contract has no limit; without one a search by day could answer with three million slots."""


async def find_free_slots(
    database: Database, groups: GroupDirectory, *, caller: str, wanted: FreeSlotSearch
) -> dict[str, Any]:
    """Return when some members of a group, or all, are free.

    They are busy with every schedule that one of them created or that belongs to the group, at each of its
    occurrences, whatever its status.

    Raises:
        AccessDenied: The caller, or somebody asked about, is not a member (R-23).
        InvalidSchedule: The period is longer than ten years.
        TooManyOccurrences: Their schedules recur too often in a period that long.
        BadRequest: A day is out of range in the request's zone.
        Unavailable: user_service cannot be asked.
    """
    members = await groups.member_subs_of(wanted.group_id)
    considered = wanted.user_ids or members
    if not {caller, *considered} <= set(members):
        raise AccessDenied
    first_day, last_day = wanted.days
    if (last_day - first_day).days > MAX_DAYS:
        raise InvalidSchedule(f"The period is longer than {MAX_DAYS} days.")
    search = Search(
        first_day=first_day,
        last_day=last_day,
        minimum_minutes=wanted.min_duration_minutes,
        working_hours=wanted.working_hours,
        days=frozenset(wanted.days_of_week or ()),
        zone=current_zone(),
    )
    slots = []
    if first_day <= last_day:
        window = Window(*search.period, search.zone)
        rows = await database.read(
            lambda connection: read_busy(
                connection,
                fields=BUSY_FIELDS,
                cognito_subs=sorted(set(considered)),
                group_id=wanted.group_id,
                start=window.stored_start,
                end=window.stored_end,
            )
        )
        slots = await asyncio.to_thread(lambda: find_slots(busy_intervals(rows, window), search))
    return {
        "groupId": wanted.group_id,
        "groupName": None,
        "memberCount": len(considered),
        "searchPeriod": {"startDate": wanted.start_date, "endDate": wanted.end_date},
        "freeSlots": [
            {
                "startTime": slot.start,
                "endTime": slot.end,
                "durationMinutes": slot.minutes,
                "dayOfWeek": day_of_week(slot, search.zone),
            }
            for slot in slots
        ],
        "totalFreeSlotsFound": len(slots),
    }


def busy_intervals(rows: Sequence[Sequence[Any]], window: Window) -> list[Interval]:
    """Return when the schedules of rows with `BUSY_FIELDS` take place in a window, in UTC.

    Raises:
        TooManyOccurrences: They recur too often in it.
    """
    busy = []
    for start, end, is_all_day, rule, time_zone in rows:
        if rule is None and not is_all_day:
            # Most schedules by far; the window's edges do not matter to them.
            busy.append((start, end))
            continue
        timing = Timing(start, end, bool(is_all_day), rule, time_zone)
        busy += [window.instants(timing, digits) for digits in window.occurrences(timing)]
    return busy
