"""What course_service says of a student's submission, to the check and to the planner (additions.md D)."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from shared.events.event import Event, Identifier, Sub, none_as_empty

SUBMISSION_DETECTED = "SUBMISSION_DETECTED"
SUBMISSION_RECORDED = "SUBMISSION_RECORDED"


class SubmittedFile(Event):
    """One file by name, size in bytes and type; its address may carry a key and is on no queue."""

    filename: str
    size: int | None = None
    content_type: str | None = None


SubmittedFiles = Annotated[list[SubmittedFile], BeforeValidator(none_as_empty)]
"""What was handed in; null counts as nothing."""


class SubmissionMetadata(Event):
    """What Canvas says about a submission, without its content."""

    submitted_at: str | None = None
    submission_type: str | None = None
    workflow_state: str | None = None
    attachments: SubmittedFiles = Field(default_factory=list)


HANDED_IN = frozenset({"submitted", "pending_review"})
"""A grade alone, for nothing handed in, is none of them."""


def is_handed_in(submitted_at: str | None, workflow_state: str | None) -> bool:
    """Tell what Canvas means: a submission exists for every student of an assignment, handed in or not."""
    if workflow_state == "unsubmitted":
        return False
    return bool(submitted_at) or workflow_state in HANDED_IN


class SubmissionDetected(Event):
    """A student handed something in, for the check.

    `user_id` is null: nobody on the way knows it. `title`, `description` and `due_at` are the assignment's, as far
    as the sender has them; without them the check says less.
    """

    event_type: Literal["SUBMISSION_DETECTED"]
    user_id: Identifier | None = None
    cognito_sub: Sub | None = None
    course_id: Identifier
    assignment_id: Identifier
    canvas_assignment_id: Identifier | None = None
    title: str | None = None
    description: str | None = None
    due_at: str | None = None
    submission_metadata: SubmissionMetadata


class SubmissionRecorded(Event):
    """What a student's submission is now, for the planner: handed in means done."""

    event_type: Literal["SUBMISSION_RECORDED"]
    cognito_sub: Sub
    canvas_assignment_id: Identifier
    submitted_at: str | None = None
    workflow_state: str | None = None
