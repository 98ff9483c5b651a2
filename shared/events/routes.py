"""The only list of which queue exists and which event goes to which queue."""

from dataclasses import dataclass

MAX_MESSAGE_BYTES = 262_144
"""Size limit of one message, set on every queue; queues made elsewhere may still default to it."""

MAX_RECEIVE_COUNT = 3
"""Receives without a delete before SQS moves a message to its dead-letter queue."""

RETENTION_SECONDS = 4 * 24 * 3600
DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 3600
"""Longer than the source's: a moved message keeps its first enqueue time."""

DEAD_LETTER_SUFFIX = "-dlq"


@dataclass(frozen=True)
class Queue:
    """One SQS queue: its default name, who sends what to it, and who reads it."""

    name: str
    sent_by: tuple[tuple[str, tuple[str, ...]], ...]
    """Each producer with the event types it sends; none for messages without a type."""
    consumer: str
    visibility_seconds: int

    @property
    def producers(self) -> tuple[str, ...]:
        """Return who sends to this queue."""
        return tuple(producer for producer, _ in self.sent_by)

    @property
    def events(self) -> tuple[str, ...]:
        """Return the event types that this queue carries."""
        return tuple(event for _, events in self.sent_by for event in events)

    @property
    def name_setting(self) -> str:
        """Return the environment variable that may rename this queue."""
        return self.name.upper().replace("-", "_") + "_NAME"

    @property
    def dead_letter_name(self) -> str:
        """Return the default name of this queue's own dead-letter queue."""
        return self.name + DEAD_LETTER_SUFFIX


ASSIGNMENT_EVENTS = Queue(
    name="assignment-events-queue",
    sent_by=(("canvas_sync", ("CANVAS_COURSES_SYNCED", "CANVAS_SYNC_COMPLETED")),),
    consumer="course_service",
    visibility_seconds=30,
)
TASK_CREATION = Queue(
    name="task-creation-queue",
    sent_by=(
        ("course_service", ("USER_ASSIGNMENTS_CREATED", "COURSE_DISABLED", "SUBMISSION_RECORDED")),
        ("llm_analysis", ("TASKS_GENERATED",)),
    ),
    consumer="schedule_service",
    visibility_seconds=30,
)
LLM_ANALYSIS = Queue(
    name="llm-analysis-queue",
    sent_by=(("course_service", ("ASSIGNMENT_CREATED", "ASSIGNMENT_UPDATED")),),
    consumer="llm_analysis",
    visibility_seconds=1_080,
)
SUBMISSION_EVENTS = Queue(
    name="submission-events-queue",
    sent_by=(("course_service", ("SUBMISSION_DETECTED",)),),
    consumer="llm_analysis",
    visibility_seconds=1_080,
)
CANVAS_SYNC = Queue(
    name="canvas-sync-queue",
    sent_by=(("canvas_sync", ()),),
    consumer="canvas_sync",
    visibility_seconds=1_800,
)

QUEUES: tuple[Queue, ...] = (
    ASSIGNMENT_EVENTS,
    TASK_CREATION,
    LLM_ANALYSIS,
    SUBMISSION_EVENTS,
    CANVAS_SYNC,
)


def queue_of(event_type: str) -> Queue:
    """Return the queue that carries an event type.

    Raises:
        KeyError: no queue carries it.
    """
    for queue in QUEUES:
        if event_type in queue.events:
            return queue
    raise KeyError(event_type)
