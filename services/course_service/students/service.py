"""Serialises what happens to one student's view, puts snapshots in order, and knows who is deleted."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.students.errors import StudentDeleted
from services.course_service.students.models import DeletedUser, Student
from shared.database import utc_now

TICK = timedelta(microseconds=1)
"""Resolution of the column and of `snapshotAt` on the wire."""

_LOCKED = (
    select(Student.snapshot_at)
    .where(Student.cognito_sub == bindparam("cognito_sub"))
    .with_for_update()
)


async def lock_student(session: AsyncSession, cognito_sub: str) -> datetime | None:
    """Hold the student's lock until the transaction ends; taken before any other lock.

    Returns:
        The last `snapshotAt` given to this student, None when there was none yet.

    Raises:
        StudentDeleted: The student's account is deleted.
    """
    row = await _locked_row(session, cognito_sub)
    if row is None:
        row = await _created_row(session, cognito_sub)
        # A deletion takes the row away, so only who has to make it anew can be too late.
        if await session.get(DeletedUser, cognito_sub) is not None:
            raise StudentDeleted
    last: datetime | None = row.snapshot_at
    return last


async def next_snapshot_at(session: AsyncSession, cognito_sub: str) -> datetime:
    """Take the student's lock and return a time later than any returned for this student before.

    Raises:
        StudentDeleted: The student's account is deleted.
    """
    last = await lock_student(session, cognito_sub)
    snapshot_at = utc_now() if last is None else max(utc_now(), last + TICK)
    await session.execute(
        update(Student).where(Student.cognito_sub == cognito_sub).values(snapshot_at=snapshot_at)
    )
    return snapshot_at


async def end_student(session: AsyncSession, cognito_sub: str) -> None:
    """Hold the student's lock until the transaction ends, and give it to nobody after that.

    A student who is deleted already stays so.
    """
    if await _locked_row(session, cognito_sub) is None:
        await _created_row(session, cognito_sub)
    await session.execute(
        insert(DeletedUser)
        .values(cognito_sub=cognito_sub, deleted_at=utc_now())
        .on_duplicate_key_update(deleted_at=DeletedUser.deleted_at)
    )
    await session.execute(delete(Student).where(Student.cognito_sub == cognito_sub))


async def _locked_row(session: AsyncSession, cognito_sub: str) -> Row[Any] | None:
    rows = await session.execute(_LOCKED, {"cognito_sub": cognito_sub})
    return rows.one_or_none()


async def _created_row(session: AsyncSession, cognito_sub: str) -> Row[Any]:
    # INSERT IGNORE would share the lock of a row that appeared meanwhile, and two sharers deadlock.
    await session.execute(
        insert(Student)
        .values(cognito_sub=cognito_sub)
        .on_duplicate_key_update(snapshot_at=Student.snapshot_at)
    )
    row = await _locked_row(session, cognito_sub)
    assert row is not None  # noqa: S101
    return row
