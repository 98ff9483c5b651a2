"""The rules of enrollments as the API shows and changes them."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.courses.service import CourseObject, read_courses
from services.course_service.enrollments.errors import EnrollmentNotFound
from services.course_service.enrollments.models import Enrollment
from services.course_service.outbox import send_after_commit
from services.course_service.settings import QueueNames
from services.course_service.students.service import lock_student, next_snapshot_at
from shared.events.course_service import COURSE_DISABLED, CourseDisabled
from shared.events.times import write_order_mark
from shared.messaging.outbox import OutgoingEvent

EnrollmentObject = dict[str, Any]
"""An enrollment with the names of the wire (rest.md 3.3)."""


async def list_courses(session: AsyncSession, *, caller: str) -> list[CourseObject]:
    """Return the courses of all the caller's enrollments, by enrollment id."""
    return [entry["course"] for entry in await list_enrollments(session, caller=caller)]


async def read_course(session: AsyncSession, *, caller: str, course_id: int) -> CourseObject | None:
    """Return a course the caller is enrolled in; None for any other (R-12)."""
    if await is_listed(session, caller, course_id) is None:
        return None
    return (await read_courses(session, [course_id])).get(course_id)


async def list_enrollments(session: AsyncSession, *, caller: str) -> list[EnrollmentObject]:
    """Return the caller's enrollments with their courses, by id."""
    rows = (await session.scalars(_enrollments_of(caller))).all()
    courses = await read_courses(session, [row.course_id for row in rows])
    return [
        _enrollment_object(row, courses[row.course_id]) for row in rows if row.course_id in courses
    ]


async def list_enabled_courses(session: AsyncSession, *, caller: str) -> list[dict[str, Any]]:
    """Return id, Canvas id and name of the courses the caller wants synchronised, by enrollment id."""
    return [
        {
            "courseId": entry["course"]["id"],
            "canvasCourseId": entry["course"]["canvasCourseId"],
            "courseName": entry["course"]["name"],
        }
        for entry in await list_enrollments(session, caller=caller)
        if entry["isSyncEnabled"]
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
    await lock_student(session, caller)
    enrollment = await session.scalar(
        _enrollments_of(caller).where(Enrollment.id == enrollment_id).with_for_update()
    )
    if enrollment is None:
        raise EnrollmentNotFound
    course = (await read_courses(session, [enrollment.course_id]))[enrollment.course_id]
    if enrollment.is_sync_enabled != is_sync_enabled:
        enrollment.is_sync_enabled = is_sync_enabled
        await session.flush()
        if not is_sync_enabled:
            await _tell_course_disabled(session, caller, course, queue_names)
    return _enrollment_object(enrollment, course)


async def is_listed(session: AsyncSession, cognito_sub: str, course_id: int) -> bool | None:
    """Tell whether the student has had an assignment listing of the course; None when not enrolled."""
    return await session.scalar(
        select(Enrollment.is_listed).where(
            Enrollment.cognito_sub == cognito_sub, Enrollment.course_id == course_id
        )
    )


async def enabled_courses(session: AsyncSession, cognito_sub: str) -> dict[int, bool]:
    """Return for each course the student wants synchronised whether the student has had a listing of it."""
    rows = await session.execute(
        select(Enrollment.course_id, Enrollment.is_listed).where(
            Enrollment.cognito_sub == cognito_sub, Enrollment.is_sync_enabled
        )
    )
    return {row.course_id: row.is_listed for row in rows}


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
    body = event.model_dump(mode="json", by_alias=True)
    await send_after_commit(
        session, [OutgoingEvent(COURSE_DISABLED, queue_names.task_creation, body)]
    )


def _enrollments_of(cognito_sub: str) -> Select[Enrollment]:
    return select(Enrollment).where(Enrollment.cognito_sub == cognito_sub).order_by(Enrollment.id)


def _enrollment_object(enrollment: Enrollment, course: CourseObject) -> EnrollmentObject:
    return {
        "id": enrollment.id,
        "cognitoSub": enrollment.cognito_sub,
        "course": course,
        "isSyncLeader": enrollment.is_sync_leader,
        "isSyncEnabled": enrollment.is_sync_enabled,
        "enrolledAt": enrollment.enrolled_at,
    }
