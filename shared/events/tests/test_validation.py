"""What is said of a body that does not belong on its queue (Q-10)."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.events.catalogue import messages_of
from shared.events.routes import (
    ASSIGNMENT_EVENTS,
    CANVAS_SYNC,
    LLM_ANALYSIS,
    QUEUES,
    SUBMISSION_EVENTS,
    TASK_CREATION,
    Queue,
)
from shared.events.validation import problem_of

SAMPLES = Path("shared/events/samples")
CARRIED = [(queue, name) for queue in QUEUES for name in messages_of(queue)]


def sample(name: str, **changes: Any) -> dict[str, Any]:
    body = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8")) | changes
    return {field: value for field, value in body.items() if value is not ...}


def problem(queue: Queue, event: object) -> str | None:
    return problem_of(queue, json.dumps(event))


@pytest.mark.parametrize(("queue", "name"), CARRIED, ids=[name for _, name in CARRIED])
def test_a_sample_belongs_on_its_queue_also_with_fields_nobody_knows(
    queue: Queue, name: str
) -> None:
    """Q-10: unknown fields are ignored."""
    assert problem(queue, sample(name)) is None
    assert problem(queue, sample(name, later={"a": [1]})) is None


@pytest.mark.parametrize(
    ("queue", "event", "expected"),
    [
        (TASK_CREATION, {}, "eventType is missing"),
        (TASK_CREATION, [], "the body is not an object"),
        (
            LLM_ANALYSIS,
            sample("ASSIGNMENT_CREATED", eventType="ASSIGNMENT_CREATED_V2"),
            "eventType is none of ASSIGNMENT_CREATED, ASSIGNMENT_UPDATED",
        ),
        (
            SUBMISSION_EVENTS,
            sample("SUBMISSION_DETECTED", courseId=...),
            "missing: courseId",
        ),
        (TASK_CREATION, sample("COURSE_DISABLED", courseId=0), "courseId is not above 0"),
        (TASK_CREATION, sample("TASKS_GENERATED", tasks=[{}]), "tasks[0]: missing: title"),
        (
            TASK_CREATION,
            sample("TASKS_GENERATED", tasks=[{"title": "a", "subtasks": [{"title": []}]}]),
            'tasks[0].subtasks[0].title is of another type than "string"',
        ),
        (ASSIGNMENT_EVENTS, sample("CANVAS_SYNC_COMPLETED", courses=...), "missing: courses"),
        (CANVAS_SYNC, {"syncMode": "courses"}, "missing: cognitoSub"),
        (
            CANVAS_SYNC,
            sample("SYNC_ORDER", syncMode="all"),
            'syncMode is none of ["courses","assignments"]',
        ),
    ],
)
def test_the_reason_names_the_field_and_what_was_expected(
    queue: Queue, event: object, expected: str
) -> None:
    assert problem(queue, event) == expected


def test_on_the_queue_of_synchronisations_the_shape_counts_and_not_the_type() -> None:
    """events.md 3.3"""
    assert problem(ASSIGNMENT_EVENTS, sample("CANVAS_SYNC_COMPLETED", eventType="LATER")) is None
    assert problem(ASSIGNMENT_EVENTS, sample("CANVAS_SYNC_COMPLETED", eventType=...)) is None


def test_an_id_may_be_a_string_where_the_contract_says_so() -> None:
    """events.md 4.3 and 5.1"""
    assert problem(TASK_CREATION, sample("TASKS_GENERATED", canvasAssignmentId="90210")) is None
    assert problem(LLM_ANALYSIS, sample("ASSIGNMENT_CREATED", canvasAssignmentId="x")) is not None


@pytest.mark.parametrize("body", ["", "{", b"\xff", '{"a": NaN}', "[" * 5_000])
def test_what_is_no_json_is_said_to_be_none(body: str | bytes) -> None:
    assert problem_of(TASK_CREATION, body) == "the body is not JSON in UTF-8"


def test_a_body_above_the_limit_is_said_to_be_too_large() -> None:
    body = json.dumps(sample("COURSE_DISABLED", courseName="x" * 262_144))

    assert problem_of(TASK_CREATION, body) == f"{len(body)} bytes are more than 262144"


def test_no_reason_shows_what_the_body_says() -> None:
    """S-07"""
    secret = "4f1d-secret"
    bodies = [
        (queue, {**sample(name), field: value})
        for queue, name in CARRIED
        for field in sample(name)
        for value in (secret, [secret], {secret: secret})
    ]
    reasons = [problem(queue, event) for queue, event in bodies]

    print(f"{sum(reason is not None for reason in reasons)} of {len(reasons)} bodies refused")  # noqa: T201
    assert any(reasons)
    assert not any(secret in reason for reason in reasons if reason)
