"""What canvas_sync says on `assignment-events-queue` and to itself (events.md 3, additions.md D)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.events.event import EntriesOf, EntryList, Event, Identifier, Sub
from shared.events.submissions import SubmittedFiles

CANVAS_COURSES_SYNCED = "CANVAS_COURSES_SYNCED"
CANVAS_SYNC_COMPLETED = "CANVAS_SYNC_COMPLETED"


class SubmissionEntry(Event):
    """What Canvas says of the student's own submission; it has a row for everybody, handed in or not.

    `submitted_at` is written like `dueAt`. What was handed in is not here, nor any address of it.
    """

    submitted_at: str | None = None
    submission_type: str | None = None
    workflow_state: str | None = None
    files: SubmittedFiles = Field(default_factory=list)


class AssignmentEntry(Event):
    """One assignment as one student's listing showed it; `due_at` and `submission` are that student's own.

    Without `submission` nothing is known of it.
    """

    canvas_assignment_id: Identifier
    title: str
    description: str | None = None
    due_at: str | None = None
    points_possible: float | None = None
    submission_types: str | None = None
    html_url: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    submission: SubmissionEntry | None = None


class CourseEntry(Event):
    """One course, with all or a part of its assignments.

    `complete` with `canvas_assignment_ids` says that this part ends a full listing and which ids it held;
    without them nothing may be removed.
    """

    canvas_course_id: Identifier
    course_name: str = Field(min_length=1)
    course_code: str | None = None
    workflow_state: str | None = None
    start_at: str | None = None
    end_at: str | None = None
    assignments: Annotated[EntryList, EntriesOf(AssignmentEntry)] = Field(default_factory=list)
    complete: bool | None = None
    canvas_assignment_ids: list[int] | None = None


class SyncMessage(Event):
    """What one student's synchronisation saw: `CANVAS_COURSES_SYNCED` or `CANVAS_SYNC_COMPLETED`."""

    event_type: str | None = None
    cognito_sub: Sub
    synced_at: str | None = None
    sync_mode: str | None = None
    observed_at: str | None = None
    courses: Annotated[list[Any], EntriesOf(CourseEntry, is_nullable=False)]


class SyncOrder(Event):
    """One student's turn in a scheduled synchronisation, on `canvas-sync-queue`; it carries no `eventType`."""

    cognito_sub: Sub
    sync_mode: Literal["courses", "assignments"] = "assignments"
