"""How schedules are read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.groups.service import (
    GroupDirectory,
    ReadingScope,
    reading_scope,
    require_reader,
)
from services.schedule_service.schedules.errors import InvalidSchedule, ScheduleNotFound
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.schedules.schemas import Period, ScheduleStatus
from services.schedule_service.todos.service import group_ids_of, read_linked_todos, write_trees
from shared.database import Database

SCHEDULE_FIELDS = (
    Schedule.schedule_id.label("scheduleId"),
    Schedule.cognito_sub.label("cognitoSub"),
    Schedule.group_id.label("groupId"),
    Schedule.category_id.label("categoryId"),
    Schedule.title.label("title"),
    Schedule.description.label("description"),
    Schedule.location.label("location"),
    Schedule.start_time.label("startTime"),
    Schedule.end_time.label("endTime"),
    Schedule.is_all_day.label("isAllDay"),
    Schedule.status.label("status"),
    Schedule.recurrence_rule.label("recurrenceRule"),
    Schedule.source.label("source"),
    Schedule.source_id.label("sourceId"),
    Schedule.created_at.label("createdAt"),
    Schedule.updated_at.label("updatedAt"),
)
"""A schedule's fields as the wire names them."""

BY_ID = ("scheduleId",)
BY_START = ("startTime", "groupId IS NOT NULL", "scheduleId")
"""At equal times the personal ones come first."""


async def list_schedules(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    group_id: int | None,
    include_groups: bool,
    start: datetime | None,
    end: datetime | None,
    status: ScheduleStatus | None,
) -> Sequence[RowMapping]:
    """Return the schedules of one group, of all the caller's groups and the caller, or of the caller.

    Args:
        database: The planner.
        groups: Asked whose schedules the caller may read.
        caller: Who asks.
        group_id: Only this group's; wins over `include_groups`.
        include_groups: Also those of all the caller's groups.
        start: With `end`, only schedules that overlap the time between; alone it says nothing.
        end: See `start`.
        status: Only schedules in this status.

    Raises:
        AccessDenied: The caller is not a member of the named group; said before the times are looked at.
        InvalidSchedule: The end is before the start.
        Unavailable: user_service cannot be asked.
    """
    scope = await reading_scope(
        groups, caller=caller, group_id=group_id, include_groups=include_groups
    )
    period = None if start is None or end is None else Period(start, end)
    if period is not None and period.end < period.start:
        raise InvalidSchedule
    is_by_start = period is not None or (include_groups and group_id is None)
    return await database.transaction(
        lambda session: _read_schedules(
            session,
            scope=scope,
            period=period,
            status=status,
            order=BY_START if is_by_start else BY_ID,
        )
    )


async def read_schedule(
    database: Database, groups: GroupDirectory, *, caller: str, schedule_id: int
) -> dict[str, Any]:
    """Return one schedule with the trees of its todos that the caller may read.

    Raises:
        ScheduleNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: It is someone else's, or of a group that the caller is not in.
        Unavailable: user_service cannot be asked.
    """
    schedule, todos = await database.transaction(
        lambda session: _read_with_todos(session, schedule_id=schedule_id)
    )
    await require_reader(
        groups, caller=caller, cognito_sub=schedule["cognitoSub"], group_id=schedule["groupId"]
    )
    readable = {schedule["groupId"]} - {None}
    if group_ids_of(todos) - readable:
        readable |= set(await groups.group_ids_of(caller))
    return {**schedule, "todos": write_trees(todos, caller=caller, group_ids=readable)}


async def _read_schedules(
    session: AsyncSession,
    *,
    scope: ReadingScope,
    period: Period | None,
    status: ScheduleStatus | None,
    order: tuple[str, ...],
) -> Sequence[RowMapping]:
    parts = []
    for branch in scope.branches(Schedule.cognito_sub, Schedule.group_id):
        part = select(*SCHEDULE_FIELDS).where(branch)
        if period is not None:
            part = part.where(Schedule.start_time < period.end, Schedule.end_time > period.start)
        if status is not None:
            part = part.where(Schedule.status == status.value)
        parts.append(part)
    rows = await session.execute(union_all(*parts).order_by(*map(literal_column, order)))
    return rows.mappings().all()


async def _read_with_todos(
    session: AsyncSession, *, schedule_id: int
) -> tuple[RowMapping, list[RowMapping]]:
    rows = await session.execute(
        select(*SCHEDULE_FIELDS).where(Schedule.schedule_id == schedule_id)
    )
    schedule = rows.mappings().one_or_none()
    if schedule is None:
        raise ScheduleNotFound
    return schedule, await read_linked_todos(session, schedule_id=schedule_id)
