"""Q-10: every body fits its queue and meets its published schema, however much a student has."""

from datetime import datetime
from typing import Any

import orjson
import pytest

from services.course_service.assignments.schemas import VisibleAssignment
from services.course_service.snapshots.bodies import Snapshot, snapshot_bodies
from services.course_service.tests.canvas import JIWOO, Worker, assignment, complete, synced
from shared.events.routes import LLM_ANALYSIS, MAX_MESSAGE_BYTES, SUBMISSION_EVENTS, TASK_CREATION
from shared.events.validation import problem_of
from shared.messaging.publisher import MAX_BODY_BYTES

ASSIGNMENTS = 5_000
HANDED_IN = {
    "submittedAt": "2025-11-27T10:00:00",
    "workflowState": "submitted",
    "files": [{"filename": "과제" * 120, "size": 2**40, "contentType": "application/zip"}] * 30,
}


def test_a_snapshot_of_five_thousand_assignments_with_64_kb_descriptions_fits_and_is_valid() -> (
    None
):
    """Q-10: the longest titles and names, and ids of 19 digits"""
    first_id = 2**63 - 1 - ASSIGNMENTS
    snapshot = Snapshot(
        cognito_sub="s" * 255,
        synced_at="2025-11-20T03:04:05.678901",
        snapshot_at=datetime(2025, 11, 20),
        courses={3: {"canvasCourseId": 2**63 - 1, "name": "뷁" * 255}},
        assignments=[
            VisibleAssignment(
                first_id + n, first_id + n, 3, "💩" * 255, f"<p>{'가' * 21_000}</p>", None, 20
            )
            for n in range(ASSIGNMENTS)
        ],
        has_cut_descriptions=False,
    )

    bodies = snapshot_bodies(snapshot, MAX_BODY_BYTES)

    largest = max(len(body) for body in bodies)
    entries = sum(len(orjson.loads(body)["assignments"]) for body in bodies)
    print(f"\nQ-10: {entries} assignments in {len(bodies)} bodies, largest {largest} bytes")  # noqa: T201
    assert entries == ASSIGNMENTS
    assert largest <= MAX_BODY_BYTES < MAX_MESSAGE_BYTES
    assert [problem_of(TASK_CREATION, body) for body in bodies] == [None] * len(bodies)


@pytest.mark.parametrize("filler", ['"', "\n", "\\", "가", "💩", "&amp; ", "<b>x</b>"])
async def test_requests_and_submissions_with_64_kb_descriptions_fit_and_are_valid(
    worker: Worker, filler: str
) -> None:
    """Q-10: one body for each assignment, so their number does not count"""
    long = f"<p>{filler * (70_000 // len(filler.encode()))}</p>"
    entry = assignment(10, title='"' * 300, description=long, submission=HANDED_IN)

    await worker.sync(synced(JIWOO, complete(1, entry)))

    sent: list[tuple[Any, dict[str, Any]]] = [
        *((LLM_ANALYSIS, event) for event in worker.analysis_events()),
        *((SUBMISSION_EVENTS, event) for event in worker.submission_events()),
        *((TASK_CREATION, event) for event in worker.planner_events()),
    ]
    sizes = {event["eventType"]: len(orjson.dumps(event)) for _, event in sent}
    print(f"\nQ-10: {sizes}")  # noqa: T201
    assert len(sent) == 4
    assert max(sizes.values()) <= MAX_BODY_BYTES
    assert [problem_of(queue, orjson.dumps(event)) for queue, event in sent] == [None] * 4
