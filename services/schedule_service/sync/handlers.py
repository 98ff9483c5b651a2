"""The event door: what arrives on `task-creation-queue` (events.md 4)."""

from collections.abc import Awaitable, Callable

from services.schedule_service.sync import service
from services.schedule_service.sync.schemas import (
    UnreadableMessage,
    read_disabled_course,
    read_plan,
    read_snapshot,
    read_submission,
)
from shared.database import Database
from shared.events.course_service import COURSE_DISABLED, USER_ASSIGNMENTS_CREATED
from shared.events.llm_analysis import TASKS_GENERATED
from shared.events.submissions import SUBMISSION_RECORDED
from shared.messaging.consumer import Event, Handler, MalformedMessage


def task_creation_handler(database: Database) -> Handler:
    """Return the handler of the queue: all it does is committed when it returns.

    A message is one transaction, but for a plan, which takes one for each student who has the assignment.

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

    async def on_tasks_generated(event: Event) -> None:
        await service.apply_plan(database, read_plan(event))

    async def on_submission_recorded(event: Event) -> None:
        submission = read_submission(event)
        if submission is not None:
            await database.transaction(
                lambda session: service.apply_submission(session, submission)
            )

    doors: dict[object, Callable[[Event], Awaitable[None]]] = {
        USER_ASSIGNMENTS_CREATED: on_user_assignments_created,
        COURSE_DISABLED: on_course_disabled,
        TASKS_GENERATED: on_tasks_generated,
        SUBMISSION_RECORDED: on_submission_recorded,
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
