"""The schedules that stand for Canvas assignments: found, inserted, updated and removed in bulk.

They are told by the form of their source id; what a person or another program made is never touched.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.schedules.models import Schedule
from shared.database import utc_now
from shared.queries import Query
from shared.upserts import Upsert

CANVAS = "CANVAS"
SOURCE_ID_PREFIX = "canvas-assignment-"
MAX_TITLE_LENGTH = 255
MAX_DESCRIPTION_BYTES = 65_535
"""What a TEXT column holds."""

_OF_STUDENT = and_(
    Schedule.cognito_sub == bindparam("cognito_sub"),
    Schedule.source == CANVAS,
    Schedule.source_id.like(f"{SOURCE_ID_PREFIX}%"),
)

_FOUND = Query(
    select(
        Schedule.schedule_id,
        Schedule.source_id,
        Schedule.title,
        Schedule.description,
        Schedule.start_time,
        Schedule.end_time,
        Schedule.is_all_day,
    )
    .where(_OF_STUDENT)
    .order_by(Schedule.schedule_id)
)

_IDS_IN_CATEGORY = Query(
    select(Schedule.schedule_id, Schedule.source_id)
    .where(_OF_STUDENT, Schedule.category_id == bindparam("category_id"))
    .order_by(Schedule.schedule_id)
)

_LOCKED = Query(
    select(Schedule.schedule_id, Schedule.category_id)
    .where(Schedule.schedule_id.in_(bindparam("schedule_ids", expanding=True)))
    .order_by(Schedule.schedule_id)
    .with_for_update()
)

_DEADLINES = Upsert(
    "schedules",
    columns=(
        "schedule_id",
        "category_id",
        "title",
        "description",
        "start_time",
        "end_time",
        "is_all_day",
        "created_at",
        "updated_at",
    ),
    changing=("title", "description", "start_time", "end_time", "is_all_day", "updated_at"),
    long_texts=["description"],
)


@dataclass(frozen=True)
class Deadline:
    """What a Canvas schedule shows of its assignment."""

    title: str
    description: str | None
    due_at: datetime


@dataclass(frozen=True)
class CanvasSchedule:
    """A Canvas schedule as it is stored; its deadline is None while it is no point in time."""

    schedule_id: int
    deadline: Deadline | None


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
    session: AsyncSession, *, cognito_sub: str
) -> dict[str, list[CanvasSchedule]]:
    """Return a student's Canvas schedules by source id, in the order of their ids.

    More than one under a source id means duplicates that another program made.
    """
    found: dict[str, list[CanvasSchedule]] = defaultdict(list)
    form = _form(cognito_sub)
    for row in await _FOUND.fetch(session, {"cognito_sub": cognito_sub}):
        if form.fullmatch(row["source_id"]):
            is_point = row["start_time"] == row["end_time"] and not row["is_all_day"]
            deadline = Deadline(row["title"], row["description"], row["start_time"])
            found[row["source_id"]].append(
                CanvasSchedule(row["schedule_id"], deadline if is_point else None)
            )
    return dict(found)


async def find_canvas_schedules_in_category(
    session: AsyncSession, *, cognito_sub: str, category_id: int
) -> list[int]:
    """Return the ids of a student's Canvas schedules in a category."""
    values = {"cognito_sub": cognito_sub, "category_id": category_id}
    form = _form(cognito_sub)
    return [
        row["schedule_id"]
        for row in await _IDS_IN_CATEGORY.fetch(session, values)
        if form.fullmatch(row["source_id"])
    ]


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
) -> None:
    """Bring schedules to their deadlines.

    Status, category, location and whatever else a person may have set stay.

    Args:
        session: The caller's transaction.
        deadlines: Deadline by schedule id; a schedule that is gone by now stays gone.
    """
    if not deadlines:
        return
    # Locked, so that the upsert meets every row and can never bring a deleted one back.
    locked = await _LOCKED.fetch(session, {"schedule_ids": sorted(deadlines)})
    now = utc_now()
    await _DEADLINES.write(
        session,
        [
            (
                row["schedule_id"],
                row["category_id"],
                deadline.title,
                deadline.description,
                deadline.due_at,
                deadline.due_at,
                False,
                now,
                now,
            )
            for row in locked
            for deadline in [deadlines[row["schedule_id"]]]
        ],
    )


async def delete_canvas_schedules(session: AsyncSession, *, schedule_ids: Collection[int]) -> None:
    """Delete schedules; the todos linked to them stay and lose the link."""
    if schedule_ids:
        await session.execute(
            delete(Schedule).where(Schedule.schedule_id.in_(sorted(schedule_ids))),
            execution_options={"synchronize_session": False},
        )


def _form(cognito_sub: str) -> re.Pattern[str]:
    return re.compile(rf"{SOURCE_ID_PREFIX}[0-9]+-{re.escape(cognito_sub)}")
