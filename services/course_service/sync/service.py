"""What one synchronisation message changes, and who is told (events.md 3.2, additions.md D)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.listing import apply_listings
from services.course_service.assignments.schemas import CourseListing, ListingEffect
from services.course_service.assignments.service import viewers_of
from services.course_service.courses.service import find_or_create_courses, update_courses
from services.course_service.enrollments.observing import (
    ensure_enrollments,
    keep_observations,
    mark_listed,
    students_to_tell,
)
from services.course_service.enrollments.schemas import CourseView
from services.course_service.outbox import (
    send_after_commit,
    snapshot_wanted,
    submissions_changed,
)
from services.course_service.settings import QueueNames
from services.course_service.students.service import lock_student
from services.course_service.sync.schemas import Sync, SyncedCourse
from shared.events.course_service import ASSIGNMENT_CREATED, ASSIGNMENT_UPDATED
from shared.events.submissions import SUBMISSION_DETECTED, SUBMISSION_RECORDED
from shared.messaging.outbox import OutgoingEvent

ASSIGNMENTS_PER_ROW = 50
"""One outbox row orders the messages about so many assignments: few rows for a first synchronisation of
1,200, and at most 3 MB built at once."""


async def apply_sync(session: AsyncSession, sync: Sync, *, queue_names: QueueNames) -> None:
    """Apply what one student's synchronisation saw; applied again it changes nothing."""
    await lock_student(session, sync.cognito_sub)
    stored = await find_or_create_courses(session, [synced.course for synced in sync.courses])
    course_ids = {canvas_id: course.id for canvas_id, course in stored.items()}
    views = await ensure_enrollments(session, sync.cognito_sub, course_ids.values())
    shown = [(views[course_ids[s.course.canvas_course_id]], s) for s in sync.courses]
    await update_courses(
        session,
        stored,
        [s.course for view, s in shown if _is_current(sync, view.course_observed_at)],
    )
    listed = [
        (view, s)
        for view, s in shown
        if not sync.is_courses_only and _is_current(sync, view.listing_observed_at)
    ]
    await _keep_marks(session, sync, views, listed)
    if sync.is_courses_only:
        return
    effect = await apply_listings(
        session, sync.cognito_sub, [_listing(view.course_id, s) for view, s in listed]
    )
    await _tell(session, sync, effect, queue_names)


def _is_current(sync: Sync, last_observed_at: datetime | None) -> bool:
    """Tell whether a message applies: strictly older ones do not, equal or unmarked ones do."""
    return (
        sync.observed_at is None or last_observed_at is None or sync.observed_at >= last_observed_at
    )


def _listing(course_id: int, synced: SyncedCourse) -> CourseListing:
    return CourseListing(course_id, synced.assignments, synced.complete_ids)


async def _keep_marks(
    session: AsyncSession,
    sync: Sync,
    views: Mapping[int, CourseView],
    listed: Sequence[tuple[CourseView, SyncedCourse]],
) -> None:
    """Remember whose listing was seen, and of when."""
    listed_ids = {view.course_id for view, synced in listed if synced.is_listing}
    # Until the first complete listing a student keeps seeing the whole course: a part takes nothing away.
    completed_ids = {view.course_id for view, synced in listed if synced.complete_ids is not None}
    await mark_listed(
        session,
        sync.cognito_sub,
        [course_id for course_id in sorted(completed_ids) if not views[course_id].is_listed],
    )
    if sync.observed_at is None:
        return
    moved = []
    for view in views.values():
        later = view
        if _is_current(sync, view.course_observed_at):
            later = replace(later, course_observed_at=sync.observed_at)
        if view.course_id in listed_ids:
            later = replace(later, listing_observed_at=sync.observed_at)
        if later != view:
            moved.append(later)
    await keep_observations(session, sync.cognito_sub, moved)


async def _tell(
    session: AsyncSession, sync: Sync, effect: ListingEffect, queue_names: QueueNames
) -> None:
    """Order a snapshot for everyone whose view changed, and the analysis of what is new or changed."""
    viewers = await viewers_of(session, effect.reworded_ids)
    students = await students_to_tell(session, effect.course_ids, viewers)
    events = [
        snapshot_wanted(student, sync.synced_at, queue_names)
        for student in students | {sync.cognito_sub}
    ]
    for event_type, assignment_ids in (
        (ASSIGNMENT_CREATED, effect.created_ids),
        (ASSIGNMENT_UPDATED, effect.updated_ids),
    ):
        events += [
            OutgoingEvent(event_type, queue_names.llm_analysis, {"assignmentIds": part})
            for part in _parts(assignment_ids)
        ]
    for event_type, queue_name, assignment_ids in (
        (SUBMISSION_DETECTED, queue_names.submission_events, effect.handed_in_ids),
        (SUBMISSION_RECORDED, queue_names.task_creation, effect.submission_ids),
    ):
        events += [
            submissions_changed(event_type, sync.cognito_sub, part, queue_name)
            for part in _parts(assignment_ids)
        ]
    await send_after_commit(session, events)


def _parts(assignment_ids: Sequence[int]) -> list[Sequence[int]]:
    return [
        assignment_ids[start : start + ASSIGNMENTS_PER_ROW]
        for start in range(0, len(assignment_ids), ASSIGNMENTS_PER_ROW)
    ]
