"""Which schedules stand in the way of a time at which a group wants to meet."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from services.schedule_service.free_slots.schemas import ConflictCheck
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.groups.service import GroupDirectory
from services.schedule_service.recurrence.errors import TooManyOccurrences
from services.schedule_service.recurrence.occurrences import Interval, Timing, Window
from services.schedule_service.schedules.errors import InvalidSchedule
from services.schedule_service.schedules.overlapping import BUSY_FIELDS, CONFLICT_FIELDS, read_busy
from services.schedule_service.schedules.schemas import on_wire
from shared.database import Database
from shared.web.time_zone import current_zone, to_utc

MAX_PERIOD = timedelta(days=366)

MAX_CONFLICTS = 20_000
"""What an answer may hold: a quarter of a megabyte for each thousand."""


async def check_conflicts(
    database: Database, groups: GroupDirectory, *, caller: str, wanted: ConflictCheck
) -> dict[str, Any]:
    """Return which schedules of a group and of its members overlap a time, each occurrence on its own.

    Raises:
        AccessDenied: The caller is not a member of the group.
        InvalidSchedule: The end is not after the start, or more than 366 days later.
        TooManyOccurrences: There are more than an answer may hold.
        BadRequest: A time is out of range.
        Unavailable: user_service cannot be asked.
    """
    members = await groups.member_subs_of(wanted.group_id)
    if caller not in members:
        raise AccessDenied
    if wanted.end_time <= wanted.start_time:
        raise InvalidSchedule("The end is not after the start.")
    if wanted.end_time - wanted.start_time > MAX_PERIOD:
        raise InvalidSchedule(f"The period is longer than {MAX_PERIOD.days} days.")
    window = Window(to_utc(wanted.start_time), to_utc(wanted.end_time), current_zone())
    rows = await database.read(
        lambda connection: read_busy(
            connection,
            fields=CONFLICT_FIELDS,
            cognito_subs=sorted(set(members)),
            group_id=wanted.group_id,
            start=window.stored_start,
            end=window.stored_end,
        )
    )
    found = await asyncio.to_thread(_overlapping, rows, window)
    readable = {wanted.group_id}
    if {row.group_id for row, _, _ in found} - {wanted.group_id, None}:
        readable |= set(await groups.group_ids_of(caller))
    conflicts = [_conflict(row, digits, caller, readable) for row, digits, _ in found]
    return {
        "groupId": wanted.group_id,
        "hasConflicts": bool(conflicts),
        "conflicts": conflicts,
    }


Found = tuple[Row[Any], Interval, Interval]
"""A schedule with an occurrence's time as stored and in UTC."""


def _overlapping(rows: Sequence[Row[Any]], window: Window) -> list[Found]:
    found = []
    for row in rows:
        timing = Timing(*row[: len(BUSY_FIELDS)])
        for digits in window.occurrences(timing):
            found.append((row, digits, window.instants(timing, digits)))
        if len(found) > MAX_CONFLICTS:
            raise TooManyOccurrences
    return sorted(found, key=lambda item: (item[2], item[0].schedule_id))


def _conflict(
    row: Row[Any], digits: Interval, caller: str, readable: Collection[int]
) -> dict[str, Any]:
    """Return what the caller may know: of a schedule they may not read, whose it is and when."""
    is_personal = row.group_id is None
    may_read = row.cognito_sub == caller if is_personal else row.group_id in readable
    times = on_wire({"startTime": digits[0], "endTime": digits[1], "isAllDay": row.is_all_day})
    return {
        "cognitoSub": row.cognito_sub,
        "startTime": times["startTime"],
        "endTime": times["endTime"],
        "scheduleId": row.schedule_id if may_read else None,
        "title": row.title if may_read else None,
    }
