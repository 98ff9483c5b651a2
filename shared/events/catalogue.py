"""Every event type and its shape; `routes.py` says which queue carries it."""

from shared.events.canvas_sync import (
    CANVAS_COURSES_SYNCED,
    CANVAS_SYNC_COMPLETED,
    SyncMessage,
    SyncOrder,
)
from shared.events.course_service import (
    ASSIGNMENT_CREATED,
    ASSIGNMENT_UPDATED,
    COURSE_DISABLED,
    USER_ASSIGNMENTS_CREATED,
    AnalysisRequest,
    CourseDisabled,
    UserAssignmentsCreated,
)
from shared.events.event import Event
from shared.events.llm_analysis import TASKS_GENERATED, TasksGenerated
from shared.events.routes import CANVAS_SYNC, Queue
from shared.events.submissions import (
    SUBMISSION_DETECTED,
    SUBMISSION_RECORDED,
    SubmissionDetected,
    SubmissionRecorded,
)

SHAPES: dict[str, type[Event]] = {
    CANVAS_COURSES_SYNCED: SyncMessage,
    CANVAS_SYNC_COMPLETED: SyncMessage,
    USER_ASSIGNMENTS_CREATED: UserAssignmentsCreated,
    COURSE_DISABLED: CourseDisabled,
    SUBMISSION_RECORDED: SubmissionRecorded,
    TASKS_GENERATED: TasksGenerated,
    ASSIGNMENT_CREATED: AnalysisRequest,
    ASSIGNMENT_UPDATED: AnalysisRequest,
    SUBMISSION_DETECTED: SubmissionDetected,
}
"""The shape of each event type. An incompatible change is a new type here, which old consumers leave for
their dead-letter queue."""

SYNC_ORDER = "SYNC_ORDER"
"""The name under which the message without `eventType` is published; it stands on no wire."""

UNTYPED: dict[str, type[Event]] = {SYNC_ORDER: SyncOrder}
"""Shapes of messages that carry no `eventType`, by the name under which they are published."""


def messages_of(queue: Queue) -> tuple[str, ...]:
    """Return the names of what a queue carries: its event types, or the message without one."""
    return (SYNC_ORDER,) if queue == CANVAS_SYNC else queue.events
