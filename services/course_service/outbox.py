"""course_db's outbox: its table and where its events go."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.database import Base
from services.course_service.settings import QueueNames
from shared.events.course_service import USER_ASSIGNMENTS_CREATED
from shared.messaging.outbox import OutboxColumns, OutgoingEvent, enqueue


class OutboxRow(OutboxColumns, Base):
    """An event that is committed and not sent yet."""

    __tablename__ = "outbox"


async def send_after_commit(session: AsyncSession, events: Sequence[OutgoingEvent]) -> None:
    """Write events to the outbox, so that they are sent once the caller's transaction is committed."""
    await enqueue(session, OutboxRow, events)


def snapshot_wanted(
    cognito_sub: str, synced_at: str | None, queue_names: QueueNames
) -> OutgoingEvent:
    """Return the order for a student's snapshot; at most one waits, and it is built when it is sent."""
    return OutgoingEvent(
        event_type=USER_ASSIGNMENTS_CREATED,
        queue_name=queue_names.task_creation,
        body={"cognitoSub": cognito_sub, "syncedAt": synced_at},
        unique_key=f"snapshot:{cognito_sub}",
    )
