"""Serialises what happens to one student's view, puts snapshots in order, and knows who is deleted."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.students.errors import StudentDeleted
from services.course_service.students.models import DeletedUser, Student
from shared.database import utc_now
from shared.queries import Query, Statement

TICK = timedelta(microseconds=1)
"""Resolution of the column and of `snapshotAt` on the wire."""

_LOCKED = Query(
    select(Student.snapshot_at)
    .where(Student.cognito_sub == bindparam("cognito_sub"))
    .with_for_update()
)

_SNAPSHOT_AT = Statement(
    update(Student)
    .where(Student.cognito_sub == bindparam("student"))
    .values(snapshot_at=bindparam("now"))
)


async def lock_student(session: AsyncSession, cognito_sub: str) -> datetime | None:
    """Hold the student's lock until the transaction ends; taken before any other lock.

    Returns:
        The last `snapshotAt` given to this student, None when there was none yet.

    Raises:
        StudentDeleted: The student's account is deleted.
    """
    found = await _LOCKED.fetch(session, {"cognito_sub": cognito_sub})
    if not found:
        await _make(session, cognito_sub)
        found = await _LOCKED.fetch(session, {"cognito_sub": cognito_sub})
        # A deletion takes the row away, so only who has to make it anew can be too late.
        if await session.get(DeletedUser, cognito_sub) is not None:
            raise StudentDeleted
    last: datetime | None = found[0]["snapshot_at"]
    return last


async def next_snapshot_at(session: AsyncSession, cognito_sub: str) -> datetime:
    """Take the student's lock and return a time later than any returned for this student before.

    Raises:
        StudentDeleted: The student's account is deleted.
    """
    last = await lock_student(session, cognito_sub)
    snapshot_at = utc_now() if last is None else max(utc_now(), last + TICK)
    await _SNAPSHOT_AT.run(session, {"student": cognito_sub, "now": snapshot_at})
    return snapshot_at


async def end_student(session: AsyncSession, cognito_sub: str) -> None:
    """Hold the student's lock until the transaction ends, and give it to nobody after that.

    A student who is deleted already stays so.
    """
    await _make(session, cognito_sub)
    await session.execute(
        insert(DeletedUser)
        .values(cognito_sub=cognito_sub, deleted_at=utc_now())
        .on_duplicate_key_update(deleted_at=DeletedUser.deleted_at)
    )
    await session.execute(delete(Student).where(Student.cognito_sub == cognito_sub))


async def _make(session: AsyncSession, cognito_sub: str) -> None:
    # Locks a row that is there, too. INSERT IGNORE would share its lock, and two sharers deadlock.
    await session.execute(
        insert(Student)
        .values(cognito_sub=cognito_sub)
        .on_duplicate_key_update(snapshot_at=Student.snapshot_at)
    )
