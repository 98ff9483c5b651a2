"""The event table, the shapes and the samples agree."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.events.canvas_sync import SyncMessage
from shared.events.course_service import AnalysisRequest, CourseDisabled, UserAssignmentsCreated
from shared.events.event import Event
from shared.events.llm_analysis import TasksGenerated
from shared.events.routes import QUEUES, queue_of
from shared.events.submissions import SubmissionDetected, SubmissionRecorded

SAMPLES = Path("shared/events/samples")
SHAPES: dict[str, type[Event]] = {
    "CANVAS_COURSES_SYNCED": SyncMessage,
    "CANVAS_SYNC_COMPLETED": SyncMessage,
    "USER_ASSIGNMENTS_CREATED": UserAssignmentsCreated,
    "COURSE_DISABLED": CourseDisabled,
    "ASSIGNMENT_CREATED": AnalysisRequest,
    "ASSIGNMENT_UPDATED": AnalysisRequest,
    "TASKS_GENERATED": TasksGenerated,
    "SUBMISSION_DETECTED": SubmissionDetected,
    "SUBMISSION_RECORDED": SubmissionRecorded,
}


def sample(event_type: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{event_type}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("event_type", SHAPES)
def test_every_event_shape_has_a_sample_and_a_queue(event_type: str) -> None:
    assert sample(event_type)["eventType"] == event_type
    assert event_type in queue_of(event_type).events


@pytest.mark.parametrize("event_type", SHAPES)
def test_a_sample_survives_its_shape_unchanged(event_type: str) -> None:
    parsed = SHAPES[event_type].model_validate(sample(event_type))

    assert json.loads(parsed.to_body()) == sample(event_type)


def test_no_sample_is_without_a_shape() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(SHAPES)


def test_no_event_goes_to_two_queues() -> None:
    events = [event for queue in QUEUES for event in queue.events]

    assert len(events) == len(set(events))


def test_every_queue_has_a_dead_letter_queue_of_its_own() -> None:
    names = {queue.dead_letter_name for queue in QUEUES}

    assert len(names) == len(QUEUES)
    assert all(queue.dead_letter_name == f"{queue.name}-dlq" for queue in QUEUES)
