"""Creates, updates, locks and reads courses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.courses.models import Course
from services.course_service.courses.schemas import SeenCourse
from shared.database import utc_now
from shared.queries import Query

CourseObject = dict[str, Any]
"""A course with the names of the wire (rest.md 3.1)."""

_BY_CANVAS_ID = Query(
    select(
        Course.id,
        Course.canvas_course_id,
        Course.name,
        Course.course_code,
        Course.start_at,
        Course.end_at,
    ).where(Course.canvas_course_id.in_(bindparam("canvas_course_ids", expanding=True)))
)

_LOCKED = Query(
    select(Course.id)
    .where(Course.id.in_(bindparam("course_ids", expanding=True)))
    .order_by(Course.id)
    .with_for_update()
)


@dataclass(frozen=True)
class StoredCourse:
    """What is stored of a course that Canvas may show otherwise."""

    id: int
    canvas_course_id: int
    name: str
    course_code: str | None
    start_at: datetime | None
    end_at: datetime | None


async def find_or_create_courses(
    session: AsyncSession, seen: Sequence[SeenCourse]
) -> dict[int, StoredCourse]:
    """Return the courses by Canvas id; those met for the first time are created."""
    wanted = {course.canvas_course_id: course for course in seen}
    found = await _by_canvas_id(session, wanted)
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        now = utc_now()
        # Another student's message may create the same course: then its row stays as it is.
        await session.execute(
            insert(Course).on_duplicate_key_update(id=Course.id),
            [
                {
                    "canvas_course_id": canvas_course_id,
                    "name": wanted[canvas_course_id].name,
                    "course_code": wanted[canvas_course_id].course_code,
                    "start_at": wanted[canvas_course_id].start_at,
                    "end_at": wanted[canvas_course_id].end_at,
                    "created_at": now,
                    "updated_at": now,
                }
                for canvas_course_id in missing
            ],
        )
        found |= await _by_canvas_id(session, missing)
    return found


async def update_courses(
    session: AsyncSession, stored: Mapping[int, StoredCourse], seen: Sequence[SeenCourse]
) -> None:
    """Write name, code, start and end of the courses in which Canvas shows something else.

    Args:
        stored: The courses as read before, by Canvas id.
        seen: What Canvas shows; the last entry of a course counts.
    """
    latest = {course.canvas_course_id: course for course in seen}
    for canvas_course_id in sorted(latest):
        course, row = latest[canvas_course_id], stored[canvas_course_id]
        shown = (course.name, course.course_code, course.start_at, course.end_at)
        if shown != (row.name, row.course_code, row.start_at, row.end_at):
            await session.execute(
                update(Course)
                .where(Course.id == row.id)
                .values(
                    name=course.name,
                    course_code=course.course_code,
                    start_at=course.start_at,
                    end_at=course.end_at,
                    updated_at=utc_now(),
                )
                .execution_options(synchronize_session=False)
            )


async def lock_courses(session: AsyncSession, course_ids: Collection[int]) -> None:
    """Hold the courses until the transaction ends, so that rules over all their rows can be kept."""
    await _LOCKED.fetch(session, {"course_ids": sorted(course_ids)})


async def read_courses(
    session: AsyncSession, course_ids: Collection[int]
) -> dict[int, CourseObject]:
    """Return course objects by id; ids without a course are left out."""
    if not course_ids:
        return {}
    rows = await session.execute(course_objects().where(Course.id.in_(course_ids)))
    return {row["id"]: dict(row) for row in rows.mappings()}


def course_objects() -> Select[*tuple[Any, ...]]:
    """Return the query of all course objects, for others to join by `id`."""
    return select(
        Course.id,
        Course.canvas_course_id.label("canvasCourseId"),
        Course.name,
        Course.course_code.label("courseCode"),
        Course.description,
        Course.start_at.label("startAt"),
        Course.end_at.label("endAt"),
        Course.created_at.label("createdAt"),
        Course.updated_at.label("updatedAt"),
    )


async def _by_canvas_id(
    session: AsyncSession, canvas_course_ids: Collection[int]
) -> dict[int, StoredCourse]:
    rows = await _BY_CANVAS_ID.fetch(session, {"canvas_course_ids": sorted(canvas_course_ids)})
    return {row["canvas_course_id"]: StoredCourse(**row) for row in rows}
