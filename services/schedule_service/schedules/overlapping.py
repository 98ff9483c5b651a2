"""Reads the schedules that may take place in a stretch of time: those in it, and recurring ones begun before."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from services.schedule_service.groups.service import ReadingScope
from services.schedule_service.schedules.listing import SCHEDULE_FIELDS
from services.schedule_service.schedules.models import Schedule

BUSY_FIELDS = (
    Schedule.start_time,
    Schedule.end_time,
    Schedule.is_all_day,
    Schedule.recurrence_rule,
    Schedule.time_zone,
)
"""When somebody is busy, and no more."""

CONFLICT_FIELDS = (
    *BUSY_FIELDS,
    Schedule.schedule_id,
    Schedule.cognito_sub,
    Schedule.group_id,
    Schedule.title,
)


async def read_schedules(
    connection: AsyncConnection, *, scope: ReadingScope, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """Return the schedules of a scope with all fields of the wire, and `timeZone`."""
    parts = [
        select(*SCHEDULE_FIELDS, Schedule.time_zone.label("timeZone")).where(
            branch, *_may_take_place(start, end)
        )
        for branch in scope.branches(Schedule.cognito_sub, Schedule.group_id)
    ]
    rows = await connection.execute(union_all(*parts))
    return [row._asdict() for row in rows]


async def read_busy(
    connection: AsyncConnection,
    *,
    fields: Sequence[InstrumentedAttribute[Any]],
    cognito_subs: Collection[str],
    group_id: int,
    start: datetime,
    end: datetime,
) -> Sequence[Row[Any]]:
    """Return fields of the schedules that some people created or that belong to a group, each once."""
    is_theirs = Schedule.cognito_sub.in_(cognito_subs)
    is_the_groups = (
        Schedule.group_id == group_id,
        or_(Schedule.cognito_sub.is_(None), Schedule.cognito_sub.not_in(cognito_subs)),
    )
    within = _may_take_place(start, end)
    rows = await connection.execute(
        union_all(
            select(*fields).where(is_theirs, *within),
            select(*fields).where(*is_the_groups, *within),
        )
    )
    return rows.all()


def _may_take_place(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Schedule.start_time < end,
        or_(Schedule.end_time > start, Schedule.recurrence_rule.is_not(None)),
    )
