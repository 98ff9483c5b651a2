"""What llm_analysis says on `task-creation-queue` (events.md 4.3, additions.md E)."""

from typing import Literal

from pydantic import Field

from shared.events.event import Event, Identifier, IdentifierOrDigits

TASKS_GENERATED = "TASKS_GENERATED"

Priority = Literal["HIGH", "MEDIUM", "LOW"]


class GeneratedSubtask(Event):
    """One part of a step; `quote` is a literal piece of the description, `due_date` is `YYYY-MM-DD`."""

    title: str
    description: str = ""
    priority: Priority = "MEDIUM"
    quote: str | None = None
    due_date: str | None = None


class GeneratedTask(GeneratedSubtask):
    """One step towards handing an assignment in."""

    subtasks: list[GeneratedSubtask] = Field(default_factory=list)


class TasksGenerated(Event):
    """The steps of one assignment, for every student who has it.

    `content_hash` names the analysed text: assignments of the same text have the same steps. `due_at` is the
    deadline of the request, as it was written there; no `due_date` is later than its day. `changed_at` is the
    request's: of two plans for one assignment the one with the later mark counts.
    """

    event_type: Literal["TASKS_GENERATED"]
    course_id: Identifier
    canvas_assignment_id: IdentifierOrDigits
    content_hash: str | None = None
    due_at: str | None = None
    changed_at: str | None = None
    tasks: list[GeneratedTask]
