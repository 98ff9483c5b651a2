"""What course_service says on `task-creation-queue` and `llm-analysis-queue` (events.md 4 and 5)."""

from typing import Annotated, Literal

from pydantic import Field

from shared.events.event import EntriesOf, EntryList, Event, Identifier, IdentifierOrDigits, Sub

USER_ASSIGNMENTS_CREATED = "USER_ASSIGNMENTS_CREATED"
COURSE_DISABLED = "COURSE_DISABLED"
ASSIGNMENT_CREATED = "ASSIGNMENT_CREATED"
ASSIGNMENT_UPDATED = "ASSIGNMENT_UPDATED"


class SnapshotEntry(Event):
    """One assignment of a snapshot, with that student's own due date."""

    assignment_id: Identifier | None = None
    canvas_assignment_id: Identifier
    canvas_course_id: Identifier | None = None
    course_id: Identifier
    course_name: str
    title: str
    description: str | None = None
    due_at: str | None = None
    points_possible: float | None = None


class UserAssignmentsCreated(Event):
    """A student's assignments in all enabled courses: whatever is not in it does not exist any more.

    `complete` false marks a part that only adds and changes (absent means true); the last part carries
    `keep_canvas_assignment_ids`, the full list of what survives.
    """

    event_type: Literal["USER_ASSIGNMENTS_CREATED"]
    cognito_sub: Sub
    synced_at: str | None = None
    snapshot_at: str | None = None
    assignments: Annotated[EntryList, EntriesOf(SnapshotEntry)] = Field(default_factory=list)
    complete: bool | None = None
    keep_canvas_assignment_ids: list[int] | None = None


class CourseDisabled(Event):
    """A student switched a course off: its Canvas schedules go, and only those."""

    event_type: Literal["COURSE_DISABLED"]
    cognito_sub: Sub
    course_id: Identifier
    canvas_course_id: Identifier | None = None
    course_name: str | None = None
    snapshot_at: str | None = None


class AnalysisRequest(Event):
    """An assignment that is new or changed, for the analysis to break into steps.

    `changed_at` is an order mark (see `shared.events.times`) that increases with each change of the assignment.
    """

    event_type: Literal["ASSIGNMENT_CREATED", "ASSIGNMENT_UPDATED"]
    course_id: Identifier
    canvas_assignment_id: IdentifierOrDigits
    title: str
    description: str | None
    due_at: str | None
    changed_at: str | None = None
