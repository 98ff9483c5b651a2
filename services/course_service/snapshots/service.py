"""Builds a student's snapshot from committed rows, at the moment it is sent."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.service import description_bytes, visible_assignments
from services.course_service.enrollments.service import enabled_courses
from services.course_service.snapshots.bodies import (
    SHORT_DESCRIPTION_CHARACTERS,
    Snapshot,
    snapshot_bodies,
)
from services.course_service.students.errors import StudentDeleted
from services.course_service.students.service import next_snapshot_at
from shared.database import Database
from shared.messaging.publisher import MAX_BODY_BYTES


async def build_snapshot(
    database: Database, *, cognito_sub: str, synced_at: str | None
) -> list[bytes]:
    """Return the message bodies of a student's snapshot, each within the size limit; none when deleted."""
    try:
        snapshot = await database.transaction(
            lambda session: read_snapshot(session, cognito_sub=cognito_sub, synced_at=synced_at)
        )
    except StudentDeleted:
        return []
    if not snapshot.has_cut_descriptions:
        return snapshot_bodies(snapshot, MAX_BODY_BYTES)
    # Shortening thousands of descriptions would hold up the consumer's heartbeat.
    return await asyncio.to_thread(snapshot_bodies, snapshot, MAX_BODY_BYTES)


async def read_snapshot(
    session: AsyncSession, *, cognito_sub: str, synced_at: str | None
) -> Snapshot:
    """Read what the student sees in enabled courses, and give it its place in the order."""
    snapshot_at = await next_snapshot_at(session, cognito_sub)
    courses = await enabled_courses(session, cognito_sub)
    views = {course_id: course["isListed"] for course_id, course in courses.items()}
    # Descriptions that cannot all fit are read no further than they will be sent.
    is_large = await description_bytes(session, cognito_sub, views) > MAX_BODY_BYTES
    assignments = await visible_assignments(
        session,
        cognito_sub,
        views,
        description_characters=SHORT_DESCRIPTION_CHARACTERS + 1 if is_large else None,
    )
    return Snapshot(
        cognito_sub=cognito_sub,
        synced_at=synced_at,
        snapshot_at=snapshot_at,
        courses=courses,
        assignments=assignments,
        has_cut_descriptions=is_large,
    )
