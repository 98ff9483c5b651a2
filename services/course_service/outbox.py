"""course_db's outbox: its table and where its events go."""

from collections.abc import Collection, Sequence
from uuid import uuid4

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.database import Base
from services.course_service.settings import QueueNames
from shared.events.course_service import COURSE_DISABLED, USER_ASSIGNMENTS_CREATED, CourseDisabled
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
        unique_key=_snapshot_key(cognito_sub),
    )


def course_disabled(event: CourseDisabled, queue_names: QueueNames) -> OutgoingEvent:
    """Return the news that a student switched a course off; of the same course only the last waits."""
    return OutgoingEvent(
        event_type=COURSE_DISABLED,
        queue_name=queue_names.task_creation,
        body=event.model_dump(mode="json", by_alias=True),
        unique_key=f"{_disabled_prefix(event.cognito_sub)}{event.course_id}",
    )


def submissions_changed(
    event_type: str, cognito_sub: str, assignment_ids: Collection[int], queue_name: str
) -> OutgoingEvent:
    """Return the order to tell of a student's submissions; the messages are built when they are sent."""
    return OutgoingEvent(
        event_type=event_type,
        queue_name=queue_name,
        body={"cognitoSub": cognito_sub, "assignmentIds": list(assignment_ids)},
        # Apart from all others that wait: each is about assignments of its own.
        unique_key=f"{_submissions_prefix(cognito_sub)}{uuid4().hex}",
    )


async def drop_events_of(session: AsyncSession, cognito_sub: str) -> None:
    """Send nothing more of what waits about this student."""
    await session.execute(
        delete(OutboxRow).where(
            or_(
                OutboxRow.unique_key == _snapshot_key(cognito_sub),
                OutboxRow.unique_key.startswith(_disabled_prefix(cognito_sub), autoescape=True),
                OutboxRow.unique_key.startswith(_submissions_prefix(cognito_sub), autoescape=True),
            )
        )
    )


def _snapshot_key(cognito_sub: str) -> str:
    return f"snapshot:{cognito_sub}"


def _disabled_prefix(cognito_sub: str) -> str:
    return f"disabled:{cognito_sub}:"


def _submissions_prefix(cognito_sub: str) -> str:
    return f"submissions:{cognito_sub}:"
