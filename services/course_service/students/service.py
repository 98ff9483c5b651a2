"""Serialises what happens to one student's view and puts snapshots in order."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.students.models import Student
from shared.database import utc_now

TICK = timedelta(microseconds=1)
"""Resolution of the column and of `snapshotAt` on the wire."""


async def lock_student(session: AsyncSession, cognito_sub: str) -> None:
    """Hold the student's lock until the transaction ends; taken before any other lock."""
    await _locked_snapshot_at(session, cognito_sub)


async def next_snapshot_at(session: AsyncSession, cognito_sub: str) -> datetime:
    """Take the student's lock and return a time later than any returned for this student before."""
    last = await _locked_snapshot_at(session, cognito_sub)
    snapshot_at = utc_now() if last is None else max(utc_now(), last + TICK)
    await session.execute(
        update(Student).where(Student.cognito_sub == cognito_sub).values(snapshot_at=snapshot_at)
    )
    return snapshot_at


async def _locked_snapshot_at(session: AsyncSession, cognito_sub: str) -> datetime | None:
    locking = (
        select(Student.snapshot_at).where(Student.cognito_sub == cognito_sub).with_for_update()
    )
    row = (await session.execute(locking)).one_or_none()
    if row is None:
        creating = insert(Student).values(cognito_sub=cognito_sub)
        # INSERT IGNORE would share the lock of a row that appeared meanwhile, and two sharers deadlock.
        await session.execute(
            creating.on_duplicate_key_update(snapshot_at=Student.snapshot_at),
        )
        row = (await session.execute(locking)).one()
    snapshot_at: datetime | None = row.snapshot_at
    return snapshot_at
