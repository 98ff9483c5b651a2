"""What a student handed in: kept per student, told of when it changes (additions D)."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.course_service.tests.canvas import (
    JIWOO,
    MINJUN,
    Worker,
    assignment,
    complete,
    course,
    synced,
)
from services.course_service.tests.conftest import Rows
from shared.events.routes import SUBMISSION_EVENTS, TASK_CREATION
from shared.events.validation import problem_of

LAB = {"filename": "lab.zip", "size": 20480, "contentType": "application/zip"}


def handed_in(at: str = "2025-11-27T10:00:00", **fields: Any) -> dict[str, Any]:
    return {
        "submittedAt": at,
        "submissionType": "online_upload",
        "workflowState": "submitted",
        "files": [LAB],
        **fields,
    }


NOTHING = {
    "submittedAt": None,
    "submissionType": None,
    "workflowState": "unsubmitted",
    "files": [],
}


def sample(name: str) -> dict[str, Any]:
    return json.loads(Path(f"shared/events/samples/{name}.json").read_text(encoding="utf-8"))


def recorded(worker: Worker) -> list[dict[str, Any]]:
    return [e for e in worker.planner_events() if e["eventType"] == "SUBMISSION_RECORDED"]


async def test_a_submission_is_told_to_the_check_and_the_planner_as_the_samples_say(
    worker: Worker, rows: Rows
) -> None:
    rows("ALTER TABLE courses AUTO_INCREMENT = 3")
    rows("ALTER TABLE assignments AUTO_INCREMENT = 12")
    await worker.sync(sample("CANVAS_SYNC_COMPLETED"))

    (detected,), (told,) = worker.submission_events(), recorded(worker)

    expected = sample("SUBMISSION_DETECTED")
    expected["submissionMetadata"]["submittedAt"] = told["submittedAt"]
    assert detected == expected
    assert told == {**sample("SUBMISSION_RECORDED"), "submittedAt": "2025-11-27T10:00:00"}
    assert problem_of(SUBMISSION_EVENTS, json.dumps(detected)) is None
    assert problem_of(TASK_CREATION, json.dumps(told)) is None


async def test_a_repeated_synchronisation_tells_of_no_submission_again_and_changes_no_row(
    worker: Worker, rows: Rows
) -> None:
    """C-08, additions D: nothing changed"""
    message = synced(JIWOO, complete(1, assignment(10, submission=handed_in()), assignment(11)))
    await worker.sync(message)
    worker.submission_events(), worker.planner_events()
    before = rows("SELECT * FROM assignment_visibility")

    await worker.sync(message)

    assert worker.submission_events() == []
    assert recorded(worker) == []
    assert rows("SELECT * FROM assignment_visibility") == before


async def test_that_nothing_was_handed_in_yet_is_kept_and_told_nobody(
    worker: Worker, rows: Rows
) -> None:
    """external-apis 1.8: there is a submission for every student of an assignment."""
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=NOTHING))))

    assert worker.submission_events() == []
    assert recorded(worker) == []
    assert rows("SELECT submission_hash IS NULL FROM assignment_visibility") == [(0,)]


@pytest.mark.parametrize(
    "submission",
    [
        {**NOTHING, "workflowState": "graded"},
        {**NOTHING, "submittedAt": "2025-11-27T10:00:00"},
        {},
    ],
    ids=["graded on paper", "taken back", "empty"],
)
async def test_what_is_no_submission_is_not_told_as_one(
    worker: Worker, submission: dict[str, Any]
) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=submission))))

    assert (worker.submission_events(), recorded(worker)) == ([], [])


async def test_each_student_has_a_submission_of_their_own(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=handed_in()))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10, submission=NOTHING))))

    assert [event["cognitoSub"] for event in worker.submission_events()] == [JIWOO]
    assert [event["cognitoSub"] for event in recorded(worker)] == [JIWOO]


async def test_handing_in_again_and_a_grade_are_told_with_what_is_known_by_then(
    worker: Worker,
) -> None:
    """additions D: on change"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=NOTHING))))
    for submission in (
        handed_in(),
        handed_in("2025-11-27T12:00:00", files=[LAB, {"filename": "notes.pdf"}]),
        handed_in("2025-11-27T12:00:00", workflowState="graded"),
    ):
        await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=submission))))

    metadata = [event["submissionMetadata"] for event in worker.submission_events()]
    assert [m["submittedAt"] for m in metadata] == [
        "2025-11-27T10:00:00",
        "2025-11-27T12:00:00",
        "2025-11-27T12:00:00",
    ]
    assert [len(m["attachments"]) for m in metadata] == [1, 2, 1]
    assert [e["workflowState"] for e in recorded(worker)] == ["submitted", "submitted", "graded"]


async def test_a_submission_that_was_taken_back_is_told_to_the_planner_alone(
    worker: Worker,
) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=handed_in()))))
    worker.submission_events(), worker.planner_events()

    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=NOTHING))))

    assert worker.submission_events() == []
    assert [event["workflowState"] for event in recorded(worker)] == ["unsubmitted"]


@pytest.mark.parametrize("said", [{}, {"submission": None}, {"submission": {"files": [7]}}])
async def test_an_entry_that_does_not_say_leaves_what_is_known(
    worker: Worker, rows: Rows, said: dict[str, Any]
) -> None:
    """V-2"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=handed_in()))))
    worker.submission_events(), worker.planner_events()
    before = rows("SELECT submission, submission_hash FROM assignment_visibility")

    await worker.sync(synced(JIWOO, complete(1, assignment(10, title="New", **said))))

    assert rows("SELECT submission, submission_hash FROM assignment_visibility") == before
    assert (worker.submission_events(), recorded(worker)) == ([], [])


async def test_a_submission_changes_nothing_that_others_see(worker: Worker, rows: Rows) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=NOTHING))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10, title="Newer"))))
    worker.planner_events(), worker.analysis_events()

    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=handed_in()))))

    assert rows("SELECT title FROM assignments") == [("Newer",)]
    assert worker.analysis_events() == []
    assert {event["cognitoSub"] for event in worker.planner_events()} == {JIWOO}


async def test_an_older_listing_does_not_bring_back_an_older_submission(worker: Worker) -> None:
    """Q-03"""
    early, late = "2025-11-20T03:00:00.000001Z", "2025-11-20T04:00:00.000001Z"
    listing = complete(1, assignment(10, submission=handed_in()))
    await worker.sync(synced(JIWOO, listing, observedAt=late))
    worker.submission_events(), worker.planner_events()

    await worker.sync(
        synced(JIWOO, complete(1, assignment(10, submission=NOTHING)), observedAt=early)
    )

    assert (worker.submission_events(), recorded(worker)) == ([], [])


async def test_a_reused_row_id_does_not_carry_over_another_assignments_submission(
    worker: Worker, rows: Rows, empty_documented_tables: Any
) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, submission=handed_in()))))
    worker.submission_events(), worker.planner_events()
    empty_documented_tables()

    await worker.sync(synced(JIWOO, complete(1, assignment(77))))

    assert rows(
        "SELECT canvas_assignment_id, submission, submission_hash FROM assignment_visibility"
    ) == [(77, None, None)]


async def test_addresses_and_what_is_too_long_stay_out_of_messages(worker: Worker) -> None:
    """events.md 7: attachment URLs may carry access tokens."""
    files = [
        {"filename": f"{'f' * 300}{n}", "url": "https://canvas.example.edu/files/1?token=t"}
        for n in range(100)
    ]
    await worker.sync(
        synced(JIWOO, course(1, assignment(10, submission=handed_in(files=files, url="https://x"))))
    )

    (detected,) = worker.submission_events()
    assert "http" not in json.dumps(detected["submissionMetadata"])
    assert len(detected["submissionMetadata"]["attachments"]) == 20


async def test_submissions_of_a_deleted_student_are_told_nobody(
    worker: Worker, client: Any
) -> None:
    """S-08"""
    await worker.apply(synced(JIWOO, complete(1, assignment(10, submission=handed_in()))))

    await client.delete(f"/internal/v1/users/{JIWOO}/data")
    await worker.relay()

    assert (worker.submission_events(), worker.planner_events()) == ([], [])
