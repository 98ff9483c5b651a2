"""Reads lists of schedules (rest.md E38): each shape of a list is one statement, built once.

Building a statement and its cache key took longer than reading 50 rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)

from services.schedule_service.groups.service import ReadingScope
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.schedules.schemas import Period, ScheduleStatus
from shared.database import Database
from shared.queries import Query
from shared.web.pages import Position

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


@dataclass(frozen=True)
class _Shape:
    """What a list's statement consists of; the values are its parameters."""

    is_personal: bool
    groups: int
    has_period: bool
    has_all_day_period: bool
    has_status: bool
    is_by_start: bool
    is_continued: bool
    is_limited: bool


async def read_listed(
    database: Database,
    *,
    scope: ReadingScope,
    period: Period | None,
    status: ScheduleStatus | None,
    order: tuple[str, ...],
    after: tuple[Any, ...] | None,
    limit: int | None,
) -> list[dict[str, Any]]:
    """Return the schedules of a scope in an order, from a place in it.

    Args:
        database: The planner.
        scope: Whose schedules.
        period: Only those that overlap it.
        status: Only those in it.
        order: `BY_ID` or `BY_START`.
        after: The place behind which the list begins, in that order.
        limit: At most so many.
    """
    shape = _Shape(
        is_personal=scope.cognito_sub is not None,
        groups=len(scope.group_ids),
        has_period=period is not None,
        has_all_day_period=period is not None
        and (period.start, period.end) != (period.all_day_start, period.all_day_end),
        has_status=status is not None,
        is_by_start=order == BY_START,
        is_continued=after is not None,
        is_limited=limit is not None,
    )
    values: dict[str, Any] = {
        "cognito_sub": scope.cognito_sub,
        "status": status and status.value,
        "limit": limit,
    }
    values |= {f"group_{number}": group_id for number, group_id in enumerate(scope.group_ids)}
    if period is not None:
        values |= vars(period)
        values["earliest"] = min(period.start, period.all_day_start)
        values["latest"] = max(period.end, period.all_day_end)
    if after is not None:
        values |= {f"after_{number}": value for number, value in enumerate(after)}
    return await database.rows(_query(shape), values)


@lru_cache(maxsize=128)
def _query(shape: _Shape) -> Query:
    order: list[Any] = [literal_column(name) for name in (BY_START if shape.is_by_start else BY_ID)]
    branches: list[ColumnElement[bool]] = []
    # Two branches of a UNION: an OR between them would keep the database from using an index for each.
    if shape.is_personal:
        personal = COLUMNS.cognito_sub == _value("cognito_sub", COLUMNS.cognito_sub)
        branches.append(and_(personal, COLUMNS.group_id.is_(None)))
    if shape.groups:
        group_ids = [_value(f"group_{number}", COLUMNS.group_id) for number in range(shape.groups)]
        branches.append(COLUMNS.group_id.in_(group_ids))
    conditions = _conditions(shape)
    parts = [select(*SCHEDULE_FIELDS).where(branch, *conditions) for branch in branches]
    limit = bindparam("limit", type_=COLUMNS.schedule_id.type)
    if shape.is_limited and len(parts) > 1:
        parts = [part.order_by(*order).limit(limit) for part in parts]
    selected: Any = (parts[0] if len(parts) == 1 else union_all(*parts)).order_by(*order)
    if shape.is_limited:
        selected = selected.limit(limit)
    return Query(selected)


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if shape.has_period:
        conditions += _overlaps(shape.has_all_day_period)
    if shape.has_status:
        conditions.append(COLUMNS.status == _value("status", COLUMNS.status))
    if shape.is_continued and shape.is_by_start:
        columns: Mapping[str, Any] = {
            "after_0": COLUMNS.start_time,
            "after_1": COLUMNS.group_id.is_not(None),
            "after_2": COLUMNS.schedule_id,
        }
        place = tuple_(*columns.values())
        position = tuple_(*(_value(name, column) for name, column in columns.items()))
        # The first is what an index can find; the second settles the ties.
        conditions += [COLUMNS.start_time >= _value("after_0", COLUMNS.start_time)]
        conditions += [place > position]
    elif shape.is_continued:
        conditions.append(COLUMNS.schedule_id > _value("after_0", COLUMNS.schedule_id))
    return conditions


def _overlaps(has_all_day_period: bool) -> list[ColumnElement[bool]]:
    zoned = _between("start", "end")
    if not has_all_day_period:
        return [zoned]
    return [
        # What an index can find; then each by its own clock.
        _between("earliest", "latest"),
        or_(
            and_(COLUMNS.is_all_day, _between("all_day_start", "all_day_end")),
            and_(not_(COLUMNS.is_all_day), zoned),
        ),
    ]


def _between(start: str, end: str) -> ColumnElement[bool]:
    return and_(
        COLUMNS.start_time < _value(end, COLUMNS.start_time),
        COLUMNS.end_time > _value(start, COLUMNS.end_time),
    )


def _value(name: str, column: ColumnElement[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)
