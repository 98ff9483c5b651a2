"""The schedules that stand for Canvas assignments: found, inserted, updated and removed in bulk.

They are told by the form of their source id; what a person or another program made is never touched.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.schedules.models import Schedule
from shared.database import utc_now

CANVAS = "CANVAS"
SOURCE_ID_PREFIX = "canvas-assignment-"
MAX_TITLE_LENGTH = 255
MAX_DESCRIPTION_BYTES = 65_535
"""What a TEXT column holds."""

ROWS_PER_UPDATE = 200
"""Building one statement costs more than sending it from here on."""


@dataclass(frozen=True)
class Deadline:
    """What a Canvas schedule shows of its assignment."""

    title: str
    description: str | None
    due_at: datetime


@dataclass(frozen=True)
class NewCanvasSchedule:
    """A Canvas schedule that does not exist yet."""

    source_id: str
    category_id: int
    deadline: Deadline


def canvas_source_id(canvas_assignment_id: int, *, cognito_sub: str) -> str:
    """Return the source id of a student's schedule for an assignment."""
    return f"{SOURCE_ID_PREFIX}{canvas_assignment_id}-{cognito_sub}"


def cut_deadline(title: str, description: str | None, due_at: datetime) -> Deadline:
    """Return a deadline whose texts fit their columns, cut at a character boundary."""
    if description is not None:
        fitting = description.encode("utf-8")[:MAX_DESCRIPTION_BYTES]
        description = fitting.decode("utf-8", "ignore")
    return Deadline(title[:MAX_TITLE_LENGTH], description, due_at)


async def find_canvas_schedules(
    session: AsyncSession, *, cognito_sub: str, category_id: int | None = None
) -> dict[str, list[int]]:
    """Return the ids of a student's Canvas schedules by source id, ascending.

    More than one id under a source id means duplicates that another program made.

    Args:
        session: The caller's transaction.
        cognito_sub: The student.
        category_id: Only schedules of this category.
    """
    statement = (
        select(Schedule.source_id, Schedule.schedule_id)
        .where(
            Schedule.cognito_sub == cognito_sub,
            Schedule.source == CANVAS,
            Schedule.source_id.like(f"{SOURCE_ID_PREFIX}%"),
        )
        .order_by(Schedule.schedule_id)
    )
    if category_id is not None:
        statement = statement.where(Schedule.category_id == category_id)
    form = re.compile(rf"{SOURCE_ID_PREFIX}[0-9]+-{re.escape(cognito_sub)}")
    found: dict[str, list[int]] = defaultdict(list)
    for source_id, schedule_id in await session.execute(statement):
        if source_id and form.fullmatch(source_id):
            found[source_id].append(schedule_id)
    return dict(found)


async def insert_canvas_schedules(
    session: AsyncSession, *, cognito_sub: str, schedules: Sequence[NewCanvasSchedule]
) -> None:
    """Insert Canvas schedules: points in time, still to do."""
    if not schedules:
        return
    now = utc_now()
    await session.execute(
        insert(Schedule),
        [
            {
                "cognito_sub": cognito_sub,
                "category_id": schedule.category_id,
                "title": schedule.deadline.title,
                "description": schedule.deadline.description,
                "start_time": schedule.deadline.due_at,
                "end_time": schedule.deadline.due_at,
                "is_all_day": False,
                "status": "TODO",
                "source": CANVAS,
                "source_id": schedule.source_id,
                "created_at": now,
                "updated_at": now,
            }
            for schedule in schedules
        ],
    )


async def update_canvas_schedules(
    session: AsyncSession, *, deadlines: Mapping[int, Deadline]
) -> set[int]:
    """Bring schedules to their deadlines where they differ, and return the ids of those that did.

    Status, category, location and whatever else a person may have set stay.

    Args:
        session: The caller's transaction.
        deadlines: Deadline by schedule id; a schedule that is gone by now stays gone.
    """
    if not deadlines:
        return set()
    # Locked, so that the upsert below meets every row and can never bring a deleted one back.
    rows = await session.execute(
        select(
            Schedule.schedule_id,
            Schedule.category_id,
            Schedule.title,
            Schedule.description,
            Schedule.start_time,
            Schedule.end_time,
            Schedule.is_all_day,
        )
        .where(Schedule.schedule_id.in_(sorted(deadlines)))
        .order_by(Schedule.schedule_id)
        .with_for_update()
    )
    now = utc_now()
    changed: list[dict[str, Any]] = [
        {
            "schedule_id": row["schedule_id"],
            "category_id": row["category_id"],
            "title": deadline.title,
            "description": deadline.description,
            "start_time": deadline.due_at,
            "end_time": deadline.due_at,
            "is_all_day": False,
            "created_at": now,
            "updated_at": now,
        }
        for row in rows.mappings()
        if _differs(row, deadline := deadlines[row["schedule_id"]])
    ]
    for chunk in _chunks(changed):
        statement = mysql_insert(Schedule).values(chunk)
        written = ("title", "description", "start_time", "end_time", "is_all_day", "updated_at")
        await session.execute(
            statement.on_duplicate_key_update({name: statement.inserted[name] for name in written})
        )
    return {row["schedule_id"] for row in changed}


async def delete_canvas_schedules(session: AsyncSession, *, schedule_ids: Collection[int]) -> None:
    """Delete schedules; the todos linked to them stay and lose the link."""
    if schedule_ids:
        await session.execute(
            delete(Schedule).where(Schedule.schedule_id.in_(sorted(schedule_ids))),
            execution_options={"synchronize_session": False},
        )


def _differs(row: RowMapping, deadline: Deadline) -> bool:
    return bool(
        row["is_all_day"]
        or row["title"] != deadline.title
        or row["description"] != deadline.description
        or row["start_time"] != deadline.due_at
        or row["end_time"] != deadline.due_at
    )


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), ROWS_PER_UPDATE):
        yield rows[start : start + ROWS_PER_UPDATE]
