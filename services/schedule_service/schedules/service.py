"""How schedules are read."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    and_,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.schedule_service.groups.service import (
    GroupDirectory,
    ReadingScope,
    reading_scope,
    require_reader,
)
from services.schedule_service.schedules.errors import InvalidSchedule, ScheduleNotFound
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.schedules.schemas import (
    Period,
    ScheduleStatus,
    on_wire,
    period_on_wire,
)
from services.schedule_service.todos.service import group_ids_of, read_linked_todos, write_trees
from shared.database import Database, as_dicts
from shared.web.pages import Page, Position, read_position

COLUMNS = Schedule.__table__.c
"""Columns of the table itself: building a list's statement from mapped attributes takes twice as long."""

SCHEDULE_FIELDS = (
    COLUMNS.schedule_id.label("scheduleId"),
    COLUMNS.cognito_sub.label("cognitoSub"),
    COLUMNS.group_id.label("groupId"),
    COLUMNS.category_id.label("categoryId"),
    COLUMNS.title.label("title"),
    COLUMNS.description.label("description"),
    COLUMNS.location.label("location"),
    COLUMNS.start_time.label("startTime"),
    COLUMNS.end_time.label("endTime"),
    COLUMNS.is_all_day.label("isAllDay"),
    COLUMNS.status.label("status"),
    COLUMNS.recurrence_rule.label("recurrenceRule"),
    COLUMNS.source.label("source"),
    COLUMNS.source_id.label("sourceId"),
    COLUMNS.created_at.label("createdAt"),
    COLUMNS.updated_at.label("updatedAt"),
)
"""A schedule's fields as the wire names them."""

BY_ID: tuple[str, ...] = ("scheduleId",)
BY_START: tuple[str, ...] = ("startTime", "groupId IS NOT NULL", "scheduleId")
"""At equal times the personal ones come first."""


def position_by_id(schedule: Mapping[str, Any]) -> Position:
    """Return a schedule's place in a list by id."""
    return [schedule["scheduleId"]]


def position_by_start(schedule: Mapping[str, Any]) -> Position:
    """Return a schedule's place in a list by start."""
    return [schedule["startTime"], int(schedule["groupId"] is not None), schedule["scheduleId"]]


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
    listed = await database.read(
        lambda connection: _read_schedules(
            connection,
            scope=scope,
            period=period,
            status=status,
            order=order,
            after=after,
            limit=page.fetch,
        )
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


async def _read_schedules(
    connection: AsyncConnection,
    *,
    scope: ReadingScope,
    period: Period | None,
    status: ScheduleStatus | None,
    order: tuple[str, ...],
    after: tuple[Any, ...] | None,
    limit: int | None,
) -> list[dict[str, Any]]:
    branches = scope.branches(COLUMNS.cognito_sub, COLUMNS.group_id)
    parts = []
    for branch in branches:
        part = select(*SCHEDULE_FIELDS).where(branch)
        if period is not None:
            part = part.where(*_overlaps(period))
        if status is not None:
            part = part.where(COLUMNS.status == status.value)
        if after is not None:
            part = part.where(*_comes_after(after))
        if limit is not None and len(branches) > 1:
            part = part.order_by(*map(literal_column, order)).limit(limit)
        parts.append(part)
    selected: Any = parts[0] if len(parts) == 1 else union_all(*parts)
    rows = await connection.execute(selected.order_by(*map(literal_column, order)).limit(limit))
    return as_dicts(rows)


def _overlaps(period: Period) -> list[ColumnElement[bool]]:
    zoned = and_(COLUMNS.start_time < period.end, COLUMNS.end_time > period.start)
    if period.all_day_start == period.start and period.all_day_end == period.end:
        return [zoned]
    all_day = and_(COLUMNS.start_time < period.all_day_end, COLUMNS.end_time > period.all_day_start)
    return [
        # What an index can find; then each by its own clock.
        COLUMNS.start_time < max(period.end, period.all_day_end),
        COLUMNS.end_time > min(period.start, period.all_day_start),
        or_(and_(COLUMNS.is_all_day, all_day), and_(not_(COLUMNS.is_all_day), zoned)),
    ]


def _comes_after(position: tuple[Any, ...]) -> list[ColumnElement[bool]]:
    """Return the condition for the rows behind a place in the list; its length says by which order."""
    if len(position) == 1:
        return [COLUMNS.schedule_id > position[0]]
    place = tuple_(COLUMNS.start_time, COLUMNS.group_id.is_not(None), COLUMNS.schedule_id)
    # The first is what an index can find; the second settles the ties.
    return [COLUMNS.start_time >= position[0], place > tuple_(*position)]


async def _read_with_todos(
    session: AsyncSession, *, schedule_id: int
) -> tuple[RowMapping, list[RowMapping]]:
    schedule = await find_schedule(session, schedule_id=schedule_id)
    return schedule, await read_linked_todos(session, schedule_id=schedule_id)
