"""How schedules are made, changed and deleted."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.visibility import require_visible_category
from services.schedule_service.groups.permissions import Permissions, permitted_transaction
from services.schedule_service.groups.service import GroupDirectory
from services.schedule_service.recurrence.rules import check_rule
from services.schedule_service.schedules.errors import InvalidSchedule, ScheduleNotFound
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.schedules.schemas import (
    ScheduleSource,
    ScheduleStatus,
    ScheduleWrite,
)
from services.schedule_service.schedules.service import find_schedule
from shared.database import Database, utc_now
from shared.web.time_zone import current_zone, is_utc, to_utc


class _Times(NamedTuple):
    """When a schedule is, as it is stored."""

    start: datetime
    end: datetime
    is_all_day: bool
    rule: str | None


async def create_schedule(
    database: Database, groups: GroupDirectory, *, caller: str, given: ScheduleWrite
) -> RowMapping:
    """Make a schedule of the caller's own, or of a group, and return it.

    Raises:
        AccessDenied: The caller may not write to the group.
        InvalidSchedule: It claims to come from Canvas, or its times or its rule make no sense.
        CategoryNotFound: The caller may not see the category, or there is none.
        Unavailable: user_service cannot be asked.
    """

    async def create(session: AsyncSession, permissions: Permissions) -> RowMapping:
        if given.source is ScheduleSource.CANVAS:
            raise InvalidSchedule("Only a synchronisation makes Canvas schedules.")
        times = _read_times(given)
        await require_visible_category(session, permissions, category_id=given.category_id)
        now = utc_now()
        schedule = Schedule(
            cognito_sub=caller,
            group_id=given.group_id,
            category_id=given.category_id,
            title=given.title,
            description=given.description,
            location=given.location,
            start_time=times.start,
            end_time=times.end,
            is_all_day=times.is_all_day,
            status=ScheduleStatus.TODO.value,
            recurrence_rule=times.rule,
            source=(given.source or ScheduleSource.USER).value,
            source_id=given.source_id,
            time_zone=None if times.rule is None else current_zone().key,
            created_at=now,
            updated_at=now,
        )
        session.add(schedule)
        return await _written(session, schedule)

    return await permitted_transaction(
        database, groups, caller=caller, work=create, group_id=given.group_id
    )


async def update_schedule(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    schedule_id: int,
    given: ScheduleWrite,
) -> RowMapping:
    """Replace a schedule but for source, status and creator, and return it.

    Raises:
        ScheduleNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it or to the group it shall be in.
        InvalidSchedule: Its times or its rule make no sense.
        CategoryNotFound: The new category is none that the caller may see.
        Unavailable: user_service cannot be asked.
    """

    async def replace(session: AsyncSession, permissions: Permissions) -> RowMapping:
        schedule = await _lock(session, schedule_id=schedule_id)
        permissions.require_move(
            cognito_sub=schedule.cognito_sub,
            group_id=schedule.group_id,
            new_group_id=given.group_id,
        )
        times = _read_times(given)
        if given.category_id != schedule.category_id:
            await require_visible_category(session, permissions, category_id=given.category_id)
        stored = _Times(
            schedule.start_time, schedule.end_time, schedule.is_all_day, schedule.recurrence_rule
        )
        if times.rule is None:
            schedule.time_zone = None
        elif times != stored:
            schedule.time_zone = current_zone().key
        schedule.title = given.title
        schedule.description = given.description
        schedule.location = given.location
        schedule.start_time, schedule.end_time = times.start, times.end
        schedule.is_all_day = times.is_all_day
        schedule.recurrence_rule = times.rule
        schedule.category_id = given.category_id
        schedule.group_id = given.group_id
        schedule.updated_at = utc_now()
        return await _written(session, schedule)

    return await permitted_transaction(database, groups, caller=caller, work=replace)


async def set_status(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    schedule_id: int,
    status: ScheduleStatus,
) -> RowMapping:
    """Set how far a schedule is, whatever it was before, and return it; todos stay as they are.

    Raises:
        ScheduleNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it.
        Unavailable: user_service cannot be asked.
    """

    async def change(session: AsyncSession, permissions: Permissions) -> RowMapping:
        schedule = await _lock_writable(session, permissions, schedule_id=schedule_id)
        schedule.status = status.value
        schedule.updated_at = utc_now()
        return await _written(session, schedule)

    return await permitted_transaction(database, groups, caller=caller, work=change)


async def delete_schedule(
    database: Database, groups: GroupDirectory, *, caller: str, schedule_id: int
) -> None:
    """Delete a schedule; the todos linked to it stay and lose the link (R-18).

    Raises:
        ScheduleNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it.
        Unavailable: user_service cannot be asked.
    """

    async def remove(session: AsyncSession, permissions: Permissions) -> None:
        await session.delete(await _lock_writable(session, permissions, schedule_id=schedule_id))

    await permitted_transaction(database, groups, caller=caller, work=remove)


def _read_times(given: ScheduleWrite) -> _Times:
    """Return the times to store: an all-day schedule's as they stand, others converted to UTC."""
    if given.is_all_day:
        start, end = given.start_time, given.end_time
    else:
        start, end = to_utc(given.start_time), to_utc(given.end_time)
    if end < start:
        raise InvalidSchedule
    rule = given.recurrence_rule if (given.recurrence_rule or "").strip() else None
    if rule is not None:
        has_zone = not (given.is_all_day or is_utc())
        check_rule(rule, start=given.start_time, zone=current_zone() if has_zone else None)
    return _Times(start, end, bool(given.is_all_day), rule)


async def _lock(session: AsyncSession, *, schedule_id: int) -> Schedule:
    schedule = await session.get(Schedule, schedule_id, with_for_update=True)
    if schedule is None:
        raise ScheduleNotFound
    return schedule


async def _lock_writable(
    session: AsyncSession, permissions: Permissions, *, schedule_id: int
) -> Schedule:
    schedule = await _lock(session, schedule_id=schedule_id)
    permissions.require_writer(cognito_sub=schedule.cognito_sub, group_id=schedule.group_id)
    return schedule


async def _written(session: AsyncSession, schedule: Schedule) -> RowMapping:
    await session.flush()
    return await find_schedule(session, schedule_id=schedule.schedule_id)
