"""Renders a snapshot as message bodies: whole if it fits, else shortened, else in parts (events.md 9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from services.course_service.assignments.descriptions import shorten_description
from services.course_service.assignments.schemas import VisibleAssignment
from shared.events.course_service import USER_ASSIGNMENTS_CREATED
from shared.events.times import write_event_time, write_order_mark

SHORT_DESCRIPTION_CHARACTERS = 1_000
"""Enough to recognise an assignment by; the whole text is one click away in Canvas."""


@dataclass(frozen=True)
class Snapshot:
    """Everything one student sees in enabled courses."""

    cognito_sub: str
    synced_at: str | None
    snapshot_at: datetime
    courses: Mapping[int, Mapping[str, Any]]
    assignments: Sequence[VisibleAssignment]
    has_cut_descriptions: bool
    """Descriptions were read only a little further than `SHORT_DESCRIPTION_CHARACTERS`."""


def snapshot_bodies(snapshot: Snapshot, max_bytes: int) -> list[bytes]:
    """Return one whole body if it fits with long or shortened descriptions, else several parts.

    All but the last part only add and change; the last one carries the ids of everything that is to stay.
    """
    for shorten in (False, True):
        if snapshot.has_cut_descriptions and not shorten:
            continue
        entries = [_entry(snapshot, assignment, shorten) for assignment in snapshot.assignments]
        whole = _body(snapshot, entries)
        if len(whole) <= max_bytes:
            return [whole]
    return _parts(snapshot, entries, max_bytes)


def _parts(snapshot: Snapshot, entries: Sequence[bytes], max_bytes: int) -> list[bytes]:
    keep = [assignment.canvas_assignment_id for assignment in snapshot.assignments]
    room = max_bytes - len(_body(snapshot, [], complete=False))
    parts: list[list[bytes]] = [[]]
    used = 0
    for entry in entries:
        if parts[-1] and used + len(entry) + 1 > room:
            parts.append([])
            used = 0
        parts[-1].append(entry)
        used += len(entry) + 1
    bodies = [_body(snapshot, part, complete=False) for part in parts[:-1]]
    last = _body(snapshot, parts[-1], complete=False, keepCanvasAssignmentIds=keep)
    if len(last) > max_bytes:
        bodies.append(_body(snapshot, parts[-1], complete=False))
        last = _body(snapshot, [], complete=False, keepCanvasAssignmentIds=keep)
    return [*bodies, last]


def _body(snapshot: Snapshot, entries: Sequence[bytes], **extra: Any) -> bytes:
    return orjson.dumps(
        {
            "eventType": USER_ASSIGNMENTS_CREATED,
            "cognitoSub": snapshot.cognito_sub,
            "syncedAt": snapshot.synced_at,
            "snapshotAt": write_order_mark(snapshot.snapshot_at),
            "assignments": [orjson.Fragment(entry) for entry in entries],
            **extra,
        }
    )


def _entry(snapshot: Snapshot, assignment: VisibleAssignment, shorten: bool) -> bytes:
    course = snapshot.courses[assignment.course_id]
    description = assignment.description
    if shorten:
        description = shorten_description(description, SHORT_DESCRIPTION_CHARACTERS)
    points = assignment.points_possible
    return orjson.dumps(
        {
            "assignmentId": assignment.assignment_id,
            "canvasAssignmentId": assignment.canvas_assignment_id,
            "canvasCourseId": course["canvasCourseId"],
            "courseId": assignment.course_id,
            "courseName": course["name"],
            "title": assignment.title,
            "description": description,
            "dueAt": write_event_time(assignment.due_at),
            "pointsPossible": None if points is None else float(points),
        }
    )
