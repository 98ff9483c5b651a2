"""Reads the messages of `task-creation-queue` (events.md 4.1, 4.2); entries one by one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.schedule_service.plans.service import Plan
from services.schedule_service.schedules.canvas_schedules import Deadline, cut_deadline
from shared.events.course_service import CourseDisabled, SnapshotEntry, UserAssignmentsCreated
from shared.events.entries import read_entry, wrong_fields
from shared.events.event import Event, Identifier
from shared.events.llm_analysis import TasksGenerated
from shared.events.submissions import SubmissionRecorded, is_handed_in
from shared.events.times import read_event_time, read_order_mark
from shared.logging import get_logger

log = get_logger(__name__)

NEEDED = frozenset({"canvasAssignmentId", "courseId", "courseName", "title", "dueAt"})
"""What an entry must have right; a wrong due date taken for none would delete a schedule."""

EventT = TypeVar("EventT", bound=Event)

_IDENTIFIER: TypeAdapter[int] = TypeAdapter(Identifier)


@dataclass(frozen=True)
class Course:
    """The course of an assignment, as the message names it."""

    course_id: int
    name: str


@dataclass(frozen=True)
class DueAssignment:
    """An assignment with a due date."""

    course: Course
    deadline: Deadline


@dataclass(frozen=True)
class Snapshot:
    """A student's assignments, or a part of them.

    Args:
        cognito_sub: The student.
        snapshot_at: Its place in the order; None claims none.
        due: Assignments that belong into the planner, by Canvas id.
        undated: Canvas ids of assignments that have no due date.
        unreadable: Canvas ids of entries that could not be read: what is known of them stays.
        survivors: Canvas ids of everything that exists; None when this part does not say.
    """

    cognito_sub: str
    snapshot_at: datetime | None
    due: dict[int, DueAssignment]
    undated: frozenset[int]
    unreadable: frozenset[int]
    survivors: frozenset[int] | None


@dataclass(frozen=True)
class DisabledCourse:
    """A course that a student switched off."""

    cognito_sub: str
    snapshot_at: datetime | None
    course_id: int


@dataclass(frozen=True)
class Submission:
    """An assignment that a student handed in."""

    cognito_sub: str
    canvas_assignment_id: int


class UnreadableMessage(ValueError):
    """A message lacks a field that it cannot be understood without; says which."""


def read_snapshot(body: dict[str, Any]) -> Snapshot:
    """Read a `USER_ASSIGNMENTS_CREATED`; a bad entry is logged by its id and left out.

    Raises:
        UnreadableMessage: The message as a whole cannot be understood.
    """
    message = _read(UserAssignmentsCreated, body)
    entries: dict[int, DueAssignment | None] = {}
    unreadable: set[int] = set()
    for raw in message.assignments:
        canvas_assignment_id = _canvas_assignment_id(raw)
        entry, wrong = read_entry(SnapshotEntry, raw, needed=NEEDED)
        try:
            due_at = read_event_time(entry.due_at) if entry is not None else None
        except (ValueError, OverflowError):
            entry, wrong = None, ["dueAt", *wrong]
        if wrong or entry is None:
            log.warning(
                "entry_skipped" if entry is None else "entry_fields_skipped",
                canvasAssignmentId=canvas_assignment_id,
                fields=wrong,
            )
        if entry is None:
            if canvas_assignment_id is not None:
                unreadable.add(canvas_assignment_id)
            continue
        # The same assignment twice in a message: what it says last is meant.
        entries[entry.canvas_assignment_id] = None if due_at is None else _due(entry, due_at)
    if message.keep_canvas_assignment_ids is not None:
        survivors: Iterable[int] | None = {*message.keep_canvas_assignment_ids, *entries}
    else:
        survivors = None if message.complete is False else entries.keys()
    return Snapshot(
        cognito_sub=message.cognito_sub,
        snapshot_at=_order_mark(message.snapshot_at),
        due={key: due for key, due in entries.items() if due is not None},
        undated=frozenset(key for key, due in entries.items() if due is None),
        unreadable=frozenset(unreadable - entries.keys()),
        survivors=None if survivors is None else frozenset(survivors),
    )


def read_disabled_course(body: dict[str, Any]) -> DisabledCourse:
    """Read a `COURSE_DISABLED`.

    Raises:
        UnreadableMessage: The message cannot be understood.
    """
    message = _read(CourseDisabled, body)
    return DisabledCourse(
        message.cognito_sub, _order_mark(message.snapshot_at), course_id=message.course_id
    )


def read_plan(body: dict[str, Any]) -> Plan:
    """Read a `TASKS_GENERATED`.

    Raises:
        UnreadableMessage: The message cannot be understood.
    """
    message = _read(TasksGenerated, body)
    try:
        due_at = read_event_time(message.due_at)
    except (ValueError, OverflowError):
        raise UnreadableMessage("unusable fields: dueAt") from None
    changed_at = _order_mark(message.changed_at, "changedAt")
    is_hash = re.fullmatch(r"[0-9a-f]{64}", message.content_hash or "") is not None
    return Plan(
        canvas_assignment_id=message.canvas_assignment_id,
        course_id=message.course_id,
        content_hash=message.content_hash if is_hash else None,
        due_at=due_at,
        changed_at=changed_at,
        tasks=[task.model_dump(by_alias=True) for task in message.tasks if task.title.strip()],
    )


def read_submission(body: dict[str, Any]) -> Submission | None:
    """Read a `SUBMISSION_RECORDED`; nothing when it says that nothing was handed in.

    Raises:
        UnreadableMessage: The message cannot be understood.
    """
    message = _read(SubmissionRecorded, body)
    if not is_handed_in(message.submitted_at, message.workflow_state):
        return None
    return Submission(message.cognito_sub, message.canvas_assignment_id)


def _read(shape: type[EventT], body: dict[str, Any]) -> EventT:
    # A field that is null counts as absent, whether or not its default is null.
    given = {name: value for name, value in body.items() if value is not None}
    try:
        return shape.model_validate(given)
    except ValidationError as problem:
        raise UnreadableMessage(f"unusable fields: {', '.join(wrong_fields(problem))}") from None


def _order_mark(value: str | None, name: str = "snapshotAt") -> datetime | None:
    try:
        return read_order_mark(value)
    except (ValueError, OverflowError):
        raise UnreadableMessage(f"unusable fields: {name}") from None


def _canvas_assignment_id(entry: Any) -> int | None:
    try:
        return _IDENTIFIER.validate_python(entry["canvasAssignmentId"])
    except (ValidationError, LookupError, TypeError):
        return None


def _due(entry: SnapshotEntry, due_at: datetime) -> DueAssignment:
    return DueAssignment(
        Course(entry.course_id, entry.course_name),
        cut_deadline(entry.title, entry.description, due_at),
    )
