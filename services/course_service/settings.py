"""What course_service and its worker read from the environment."""

from dataclasses import dataclass

from pydantic import Field

from shared.events.routes import (
    ASSIGNMENT_EVENTS,
    CANVAS_SYNC,
    LLM_ANALYSIS,
    SUBMISSION_EVENTS,
    TASK_CREATION,
)
from shared.settings import DatabaseSettings, GatewayKeySettings, ServerSettings


@dataclass(frozen=True)
class QueueNames:
    """The names of the queues that outgoing events are sent to."""

    task_creation: str
    llm_analysis: str
    submission_events: str


class OutboxSettings(ServerSettings, DatabaseSettings):
    """What both processes read: whoever writes to the outbox names the queue."""

    task_creation_queue_name: str = Field(
        TASK_CREATION.name, description="queue of snapshots, disabled courses and submissions"
    )
    llm_analysis_queue_name: str = Field(
        LLM_ANALYSIS.name, description="queue of new and changed assignments"
    )
    submission_events_queue_name: str = Field(
        SUBMISSION_EVENTS.name, description="queue of submissions for the check"
    )

    def queue_names(self) -> QueueNames:
        """Return where outgoing events go."""
        return QueueNames(
            task_creation=self.task_creation_queue_name,
            llm_analysis=self.llm_analysis_queue_name,
            submission_events=self.submission_events_queue_name,
        )


class APISettings(OutboxSettings, GatewayKeySettings):
    """What the API process reads."""

    port: int = Field(8082, ge=1, le=65535, description="port of the API")
    management_port: int = Field(
        9082, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )


class WorkerSettings(OutboxSettings):
    """What the worker process reads."""

    management_port: int = Field(
        9092, ge=1, le=65535, description="port of health and metrics; never through the gateway"
    )
    assignment_events_queue_name: str = Field(
        ASSIGNMENT_EVENTS.name, description="queue of Canvas synchronisations"
    )
    canvas_sync_queue_name: str = Field(
        CANVAS_SYNC.name, description="queue of scheduled synchronisations, measured here"
    )
    visibility_seconds: int = Field(
        ASSIGNMENT_EVENTS.visibility_seconds,
        ge=1,
        description="the queue's visibility timeout, extended while a message is in work",
    )

    def measured_queue_names(self) -> list[str]:
        """Return the queues that this worker consumes or feeds, or that no process but a function knows.

        `task-creation-queue` is measured by its own consumer.
        """
        return [
            self.assignment_events_queue_name,
            self.llm_analysis_queue_name,
            self.submission_events_queue_name,
            self.canvas_sync_queue_name,
        ]
