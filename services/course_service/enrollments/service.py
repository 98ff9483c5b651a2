"""The rules of enrollments as the API shows and changes them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.courses.models import Course
from services.course_service.courses.service import CourseObject, course_objects, read_courses
from services.course_service.enrollments.errors import EnrollmentNotFound
from services.course_service.enrollments.models import Enrollment
from services.course_service.outbox import course_disabled, send_after_commit, snapshot_wanted
from services.course_service.settings import QueueNames
from services.course_service.students.errors import StudentDeleted
from services.course_service.students.service import lock_student, next_snapshot_at
from shared.database import utc_now
from shared.events.course_service import COURSE_DISABLED, CourseDisabled
from shared.events.times import write_order_mark
from shared.queries import Query

EnrollmentObject = dict[str, Any]
"""An enrollment with the names of the wire (rest.md 3.3)."""

_ENABLED = Query(
    select(
        Course.id,
        Course.canvas_course_id.label("canvasCourseId"),
        Course.name,
        Enrollment.is_listed.label("isListed"),
    )
    .join(Enrollment, Enrollment.course_id == Course.id)
    .where(Enrollment.cognito_sub == bindparam("cognito_sub"), Enrollment.is_sync_enabled)
)


async def read_course(session: AsyncSession, *, caller: str, course_id: int) -> CourseObject | None:
    """Return a course the caller is enrolled in; None for any other (R-12)."""
    if await is_listed(session, caller, course_id) is None:
        return None
    return (await read_courses(session, [course_id])).get(course_id)


async def list_enrollments(
    session: AsyncSession, *, caller: str, after: int | None = None, limit: int | None = None
) -> list[EnrollmentObject]:
    """Return the caller's enrollments with their courses, by id.

    Args:
        after: Id of the enrollment after which the list begins.
        limit: How many enrollments are read at most.
    """
    conditions = [Enrollment.cognito_sub == caller]
    if after is not None:
        conditions.append(Enrollment.id > after)
    return await _enrollment_objects(session, *conditions, limit=limit)


async def list_enabled_courses(session: AsyncSession, *, caller: str) -> list[dict[str, Any]]:
    """Return id, Canvas id and name of the courses the caller wants synchronised, by enrollment id."""
    enabled = await _enrollment_objects(
        session, Enrollment.cognito_sub == caller, Enrollment.is_sync_enabled.is_(True)
    )
    return [
        {
            "courseId": entry["course"]["id"],
            "canvasCourseId": entry["course"]["canvasCourseId"],
            "courseName": entry["course"]["name"],
        }
        for entry in enabled
    ]


async def switch_sync(
    session: AsyncSession,
    *,
    caller: str,
    enrollment_id: int,
    is_sync_enabled: bool,
    queue_names: QueueNames,
) -> EnrollmentObject:
    """Take a course into the caller's planner or out of it, and return the enrollment.

    Switching off tells the planner by COURSE_DISABLED. Switching on says nothing: the schedules come back
    with the next synchronisation.

    Raises:
        EnrollmentNotFound: There is no such enrollment, or it is someone else's.
    """
    try:
        last_snapshot_at = await lock_student(session, caller)
    except StudentDeleted:
        raise EnrollmentNotFound from None
    found = await _enrollment_objects(
        session, Enrollment.cognito_sub == caller, Enrollment.id == enrollment_id
    )
    if not found:
        raise EnrollmentNotFound
    (enrollment,) = found
    if enrollment["isSyncEnabled"] != is_sync_enabled:
        await session.execute(
            update(Enrollment)
            .where(Enrollment.id == enrollment_id)
            .values(is_sync_enabled=is_sync_enabled)
        )
        enrollment["isSyncEnabled"] = is_sync_enabled
        if not is_sync_enabled:
            await _tell_course_disabled(session, caller, enrollment["course"], queue_names)
            if last_snapshot_at is not None:
                # COURSE_DISABLED may overtake a snapshot, which is then skipped with all it had to say.
                synced_at = utc_now().isoformat(timespec="microseconds")
                await send_after_commit(session, [snapshot_wanted(caller, synced_at, queue_names)])
    return enrollment


async def is_listed(session: AsyncSession, cognito_sub: str, course_id: int) -> bool | None:
    """Tell whether the student has had an assignment listing of the course; None when not enrolled."""
    return await session.scalar(
        select(Enrollment.is_listed).where(
            Enrollment.cognito_sub == cognito_sub, Enrollment.course_id == course_id
        )
    )


async def enabled_courses(session: AsyncSession, cognito_sub: str) -> dict[int, Mapping[str, Any]]:
    """Return the courses the student wants synchronised by id, and whether the student has had a listing of each."""
    rows = await _ENABLED.fetch(session, {"cognito_sub": cognito_sub})
    return {row["id"]: row for row in rows}


async def _tell_course_disabled(
    session: AsyncSession, cognito_sub: str, course: CourseObject, queue_names: QueueNames
) -> None:
    event = CourseDisabled(
        event_type=COURSE_DISABLED,
        cognito_sub=cognito_sub,
        course_id=course["id"],
        canvas_course_id=course["canvasCourseId"],
        course_name=course["name"],
        snapshot_at=write_order_mark(await next_snapshot_at(session, cognito_sub)),
    )
    await send_after_commit(session, [course_disabled(event, queue_names)])


async def _enrollment_objects(
    session: AsyncSession, *conditions: ColumnElement[bool], limit: int | None = None
) -> list[EnrollmentObject]:
    courses = course_objects().subquery()
    rows = await session.execute(
        select(
            Enrollment.id,
            Enrollment.cognito_sub,
            Enrollment.is_sync_leader,
            Enrollment.is_sync_enabled,
            Enrollment.enrolled_at,
            *courses.c,
        )
        .join(courses, courses.c.id == Enrollment.course_id)
        .where(*conditions)
        .order_by(Enrollment.id)
        .limit(limit)
    )
    names = courses.c.keys()
    return [
        {
            "id": enrollment_id,
            "cognitoSub": cognito_sub,
            "course": dict(zip(names, course, strict=True)),
            "isSyncLeader": is_sync_leader,
            "isSyncEnabled": is_sync_enabled,
            "enrolledAt": enrolled_at,
        }
        for enrollment_id, cognito_sub, is_sync_leader, is_sync_enabled, enrolled_at, *course in rows
    ]
