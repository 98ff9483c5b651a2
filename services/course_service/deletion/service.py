"""Deletes what is known about a student (S-08)."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.listing import forget_listings
from services.course_service.deletion.schemas import DeletedRows
from services.course_service.enrollments.observing import remove_enrollments, students_to_tell
from services.course_service.outbox import drop_events_of, send_after_commit, snapshot_wanted
from services.course_service.settings import QueueNames
from services.course_service.students.service import end_student
from shared.database import utc_now


async def delete_student(
    session: AsyncSession, *, cognito_sub: str, queue_names: QueueNames
) -> DeletedRows:
    """Delete everything about a student but the id, by which late messages are recognised; may be repeated.

    Assignments that nobody else's listing shows go, too, and who saw them for want of a listing is told.
    """
    await end_student(session, cognito_sub)
    enrollment_count = await remove_enrollments(session, cognito_sub)
    assignments = await forget_listings(session, cognito_sub)
    await drop_events_of(session, cognito_sub)
    students = await students_to_tell(session, set(assignments.values()), viewers=())
    synced_at = utc_now().isoformat(timespec="microseconds")
    await send_after_commit(
        session, [snapshot_wanted(student, synced_at, queue_names) for student in students]
    )
    return DeletedRows(deleted_enrollments=enrollment_count, deleted_assignments=len(assignments))
