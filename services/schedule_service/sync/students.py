"""Each student's turn: one message at a time, none older than the last, none after the account's end."""

from datetime import datetime

from sqlalchemy import bindparam, delete, exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.sync.models import CanvasSnapshot, DeletedUser
from shared.database import utc_now
from shared.logging import get_logger
from shared.queries import Query, Statement

log = get_logger(__name__)

IN_SQL = {"synchronize_session": False}

_TURN = Query(
    select(
        CanvasSnapshot.snapshot_at,
        exists().where(DeletedUser.cognito_sub == bindparam("cognito_sub")).label("is_deleted"),
    )
    .where(CanvasSnapshot.cognito_sub == bindparam("cognito_sub"))
    .with_for_update()
)

_MARK = Statement(
    update(CanvasSnapshot)
    .where(CanvasSnapshot.cognito_sub == bindparam("student"))
    .values(snapshot_at=bindparam("mark"))
)


async def take_turn(
    session: AsyncSession, *, cognito_sub: str, snapshot_at: datetime | None
) -> bool:
    """Lock the student until the transaction ends, and tell whether a message is to be applied.

    One that is strictly older than the last is not, nor any for a deleted account. A message without a mark
    applies and leaves the stored one.
    """
    found = await _TURN.fetch(session, {"cognito_sub": cognito_sub})
    if not found:
        # New here, or deleted while the message waited: a deletion takes the row away.
        await _lock(session, cognito_sub)
        found = await _TURN.fetch(session, {"cognito_sub": cognito_sub})
    applied_at = found[0]["snapshot_at"]
    if found[0]["is_deleted"]:
        log.info("deleted_student_skipped")
        await _forget(session, cognito_sub)
        return False
    if snapshot_at is None or snapshot_at == applied_at:
        return True
    if applied_at is not None and snapshot_at < applied_at:
        log.info("older_message_skipped", snapshotAt=snapshot_at, appliedAt=applied_at)
        return False
    await _MARK.run(session, {"student": cognito_sub, "mark": snapshot_at})
    return True


async def end_student(session: AsyncSession, *, cognito_sub: str) -> None:
    """Wait for the student's messages in work, and have all later ones skipped for ever."""
    await _lock(session, cognito_sub)
    await session.execute(
        text(
            "INSERT INTO deleted_users (cognito_sub, deleted_at) VALUES (:cognito_sub, :now)"
            " ON DUPLICATE KEY UPDATE cognito_sub = cognito_sub"
        ),
        {"cognito_sub": cognito_sub, "now": utc_now()},
    )
    await _forget(session, cognito_sub)


async def _lock(session: AsyncSession, cognito_sub: str) -> None:
    # Takes the exclusive lock at once. INSERT IGNORE would let two first messages share a lock, and then
    # deadlock over it.
    await session.execute(
        text(
            "INSERT INTO canvas_snapshots (cognito_sub) VALUES (:cognito_sub)"
            " ON DUPLICATE KEY UPDATE cognito_sub = cognito_sub"
        ),
        {"cognito_sub": cognito_sub},
    )


async def _forget(session: AsyncSession, cognito_sub: str) -> None:
    await session.execute(
        delete(CanvasSnapshot).where(CanvasSnapshot.cognito_sub == cognito_sub),
        execution_options=IN_SQL,
    )
