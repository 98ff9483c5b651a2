"""Reads a synchronisation message: the envelope strictly, its entries one by one (V-2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from services.course_service.assignments.schemas import (
    MAX_TEXT_LENGTH,
    ListedAssignment,
    StudentSubmission,
)
from services.course_service.courses.schemas import SeenCourse
from shared.events.canvas_sync import (
    CANVAS_COURSES_SYNCED,
    AssignmentEntry,
    CourseEntry,
    SyncMessage,
)
from shared.events.entries import EntryT, read_entry, wrong_fields
from shared.events.times import read_event_time, read_order_mark
from shared.logging import get_logger

log = get_logger(__name__)

MAX_INT = 2**31 - 1
"""Largest value of `points_possible`."""

MAX_STAMP_LENGTH = 64
"""`syncedAt` is only passed on; what is longer is no time."""


class UnreadableSync(ValueError):
    """The envelope of a message is not that of a synchronisation."""


@dataclass(frozen=True)
class SyncedCourse:
    """One course entry; `is_listing` when it says which assignments the student sees."""

    course: SeenCourse
    assignments: tuple[ListedAssignment, ...]
    is_listing: bool
    complete_ids: frozenset[int] | None


@dataclass(frozen=True)
class Sync:
    """What one message says about one student."""

    cognito_sub: str
    synced_at: str | None
    observed_at: datetime | None
    is_courses_only: bool
    courses: tuple[SyncedCourse, ...]


def read_sync(event: Mapping[str, Any]) -> Sync:
    """Read a message; entries that cannot be used are logged by their id and left out.

    Raises:
        UnreadableSync: The envelope lacks what it must have.
    """
    try:
        message = SyncMessage.model_validate(event)
    except ValidationError as problem:
        raise UnreadableSync(f"unusable {', '.join(wrong_fields(problem))}") from None
    try:
        observed_at = read_order_mark(message.observed_at or None)
    except (ValueError, OverflowError):
        raise UnreadableSync("unusable observedAt") from None
    is_courses_only = message.event_type == CANVAS_COURSES_SYNCED or message.sync_mode == "courses"
    synced_at = message.synced_at
    return Sync(
        cognito_sub=message.cognito_sub,
        synced_at=synced_at if synced_at and len(synced_at) <= MAX_STAMP_LENGTH else None,
        observed_at=observed_at,
        is_courses_only=is_courses_only,
        courses=tuple(_courses(message.courses, is_courses_only)),
    )


def _courses(entries: list[Any], is_courses_only: bool) -> Iterator[SyncedCourse]:
    for raw in entries:
        entry = _read_entry(CourseEntry, raw, {"canvasCourseId", "courseName"})
        if entry is None:
            continue
        listed = [] if is_courses_only else entry.assignments
        is_complete = entry.complete is True and entry.canvas_assignment_ids is not None
        yield SyncedCourse(
            course=SeenCourse(
                canvas_course_id=entry.canvas_course_id,
                name=_cut(entry.course_name),
                course_code=_cut(entry.course_code),
                start_at=_course_time(entry.canvas_course_id, entry.start_at),
                end_at=_course_time(entry.canvas_course_id, entry.end_at),
            ),
            assignments=tuple(_assignments(listed)),
            # An empty part of a listing that goes on elsewhere says nothing about what is seen.
            is_listing=bool(listed) or is_complete,
            complete_ids=frozenset(entry.canvas_assignment_ids or ()) if is_complete else None,
        )


def _assignments(entries: list[Any]) -> Iterator[ListedAssignment]:
    for raw in entries:
        entry = _read_entry(AssignmentEntry, raw, {"canvasAssignmentId", "title", "dueAt"})
        if entry is None:
            continue
        try:
            due_at = read_event_time(entry.due_at)
        except (ValueError, OverflowError):
            # Taken for "no due date" it would delete a schedule.
            log.warning(
                "entry_skipped", canvasAssignmentId=entry.canvas_assignment_id, fields=["dueAt"]
            )
            continue
        yield ListedAssignment(
            canvas_assignment_id=entry.canvas_assignment_id,
            title=_cut(entry.title),
            description=entry.description,
            due_at=due_at,
            points_possible=_whole_points(entry.points_possible),
            submission_types=_cut(entry.submission_types),
            submission=None if entry.submission is None else StudentSubmission.of(entry.submission),
        )


def _read_entry(shape: type[EntryT], raw: Any, needed: set[str]) -> EntryT | None:
    entry, wrong = read_entry(shape, raw, needed=needed)
    if not wrong and entry is not None:
        return entry
    ids = {
        name: raw[name]
        for name in ("canvasCourseId", "canvasAssignmentId")
        if isinstance(raw, dict) and isinstance(raw.get(name), int)
    }
    log.warning("entry_skipped" if entry is None else "entry_fields_skipped", fields=wrong, **ids)
    return entry


def _course_time(canvas_course_id: int, value: str | None) -> datetime | None:
    try:
        return read_event_time(value)
    except (ValueError, OverflowError):
        log.warning("course_time_skipped", canvasCourseId=canvas_course_id)
        return None


def _whole_points(points: float | None) -> int | None:
    if points is None or not abs(points) <= MAX_INT:
        return None
    return int(points)


def _cut(text: str | None) -> Any:
    return None if text is None else text[:MAX_TEXT_LENGTH]
