"""The event door: what arrives on `task-creation-queue` (events.md 4)."""

from collections.abc import Awaitable, Callable

from services.schedule_service.sync import service
from services.schedule_service.sync.schemas import (
    UnreadableMessage,
    read_disabled_course,
    read_snapshot,
)
from shared.database import Database
from shared.events.course_service import COURSE_DISABLED, USER_ASSIGNMENTS_CREATED
from shared.messaging.consumer import Event, Handler, MalformedMessage


def task_creation_handler(database: Database) -> Handler:
    """Return the handler of the queue: one message is one transaction, committed when it returns.

    The handler raises `MalformedMessage` for what it cannot understand, so that the message ends in the
    dead-letter queue.
    """

    async def on_user_assignments_created(event: Event) -> None:
        snapshot = read_snapshot(event)
        await database.transaction(lambda session: service.apply_snapshot(session, snapshot))

    async def on_course_disabled(event: Event) -> None:
        disabled = read_disabled_course(event)
        await database.transaction(
            lambda session: service.remove_disabled_course(session, disabled)
        )

    doors: dict[object, Callable[[Event], Awaitable[None]]] = {
        USER_ASSIGNMENTS_CREATED: on_user_assignments_created,
        COURSE_DISABLED: on_course_disabled,
    }

    async def handle(event: Event) -> None:
        event_type = event.get("eventType")
        door = doors.get(event_type) if isinstance(event_type, str) else None
        if door is None:
            raise MalformedMessage("unknown eventType")
        try:
            await door(event)
        except UnreadableMessage as problem:
            raise MalformedMessage(str(problem)) from None

    return handle
