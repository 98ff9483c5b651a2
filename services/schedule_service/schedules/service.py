"""How schedules are read."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    RowMapping,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.groups.service import (
    GroupDirectory,
    reading_scope,
    require_reader,
)
from services.schedule_service.schedules.errors import InvalidSchedule, ScheduleNotFound
from services.schedule_service.schedules.listing import (
    BY_ID,
    BY_START,
    SCHEDULE_FIELDS,
    position_by_id,
    position_by_start,
    read_listed,
)
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.schedules.schemas import (
    ScheduleStatus,
    on_wire,
    period_on_wire,
)
from services.schedule_service.todos.service import group_ids_of, read_linked_todos, write_trees
from shared.database import Database
from shared.web.pages import Page, Position, read_position


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
    page: Page,
) -> tuple[list[dict[str, Any]], Callable[[Mapping[str, Any]], Position]]:
    """Return the schedules of one group, of all the caller's groups and the caller, or of the caller.

    Args:
        database: The planner.
        groups: Asked whose schedules the caller may read.
        caller: Who asks.
        group_id: Only this group's; wins over `include_groups`.
        include_groups: Also those of all the caller's groups.
        start: With `end`, only schedules that overlap the time between; alone it says nothing. In the
            request's zone.
        end: See `start`.
        status: Only schedules in this status.
        page: Which part of the list.

    Returns:
        The schedules, and what tells a schedule's place in this list.

    Raises:
        AccessDenied: The caller is not a member of the named group; said before the times are looked at.
        InvalidSchedule: The end is before the start.
        BadRequest: The cursor is of another list, or a time is out of range.
        Unavailable: user_service cannot be asked.
    """
    scope = await reading_scope(
        groups, caller=caller, group_id=group_id, include_groups=include_groups
    )
    period = None if start is None or end is None else period_on_wire(start, end)
    if period is not None and period.end < period.start:
        raise InvalidSchedule
    if period is not None or (include_groups and group_id is None):
        order, position = BY_START, position_by_start
        after = read_position(page, datetime, int, int)
    else:
        order, position = BY_ID, position_by_id
        after = read_position(page, int)
    listed = await read_listed(
        database,
        scope=scope,
        period=period,
        status=status,
        order=order,
        after=after,
        limit=page.fetch,
    )
    return listed, position


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
    return {**on_wire(schedule), "todos": write_trees(todos, caller=caller, group_ids=readable)}


async def find_schedule(session: AsyncSession, *, schedule_id: int) -> RowMapping:
    """Return a schedule, whoever may read it.

    Raises:
        ScheduleNotFound: There is none of that id.
    """
    rows = await session.execute(
        select(*SCHEDULE_FIELDS).where(Schedule.schedule_id == schedule_id)
    )
    schedule = rows.mappings().one_or_none()
    if schedule is None:
        raise ScheduleNotFound
    return schedule


async def _read_with_todos(
    session: AsyncSession, *, schedule_id: int
) -> tuple[RowMapping, list[RowMapping]]:
    schedule = await find_schedule(session, schedule_id=schedule_id)
    return schedule, await read_linked_todos(session, schedule_id=schedule_id)
