"""The event door of `assignment-events-queue`."""

from typing import Any

from services.course_service.settings import QueueNames
from services.course_service.students.errors import StudentDeleted
from services.course_service.sync import service
from services.course_service.sync.schemas import UnreadableSync, read_sync
from shared.database import Database
from shared.logging import get_logger
from shared.messaging.consumer import Handler, MalformedMessage

log = get_logger(__name__)


def sync_handler(database: Database, queue_names: QueueNames) -> Handler:
    """Return the handler that applies one synchronisation message in one transaction."""

    async def on_canvas_synced(event: dict[str, Any]) -> None:
        try:
            sync = read_sync(event)
        except UnreadableSync as problem:
            raise MalformedMessage(str(problem)) from None
        try:
            await database.transaction(
                lambda session: service.apply_sync(session, sync, queue_names=queue_names)
            )
        except StudentDeleted:
            log.info("message_of_deleted_student_skipped", eventType=event.get("eventType"))

    return on_canvas_synced
