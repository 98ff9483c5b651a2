"""What synchronisation messages do to courses, enrollments and assignments."""

import json
from collections.abc import Callable
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
    courses_synced,
    synced,
)
from services.course_service.tests.conftest import Rows
from shared.messaging.consumer import MalformedMessage

SAMPLES = Path("shared/events/samples")
CONTENT = ("courses", "enrollments", "assignments", "assignment_visibility")


def sample(event_type: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{event_type}.json").read_text(encoding="utf-8"))


def content(rows: Rows) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(f"SELECT * FROM {table}") for table in CONTENT}


def titles(rows: Rows) -> dict[int, str]:
    return dict(rows("SELECT canvas_assignment_id, title FROM assignments"))


async def test_a_synchronisation_is_stored_as_the_contract_says(worker: Worker, rows: Rows) -> None:
    await worker.sync(sample("CANVAS_SYNC_COMPLETED"))

    assert rows(
        "SELECT canvas_course_id, name, course_code, CAST(start_at AS CHAR), end_at FROM courses"
    ) == [(4711, "Operating Systems", "OS-1", "2025-09-01 00:00:00.000000", None)]
    assert rows("SELECT cognito_sub, is_sync_leader, is_sync_enabled FROM enrollments") == [
        (JIWOO, 1, 1)
    ]
    assert rows(
        "SELECT canvas_assignment_id, title, description, CAST(due_at AS CHAR), points_possible,"
        " submission_types FROM assignments"
    ) == [
        (
            90210,
            "Scheduler lab",
            "<p>Part A and B</p>",
            "2025-11-28 14:59:00.000000",
            20,
            "online_upload,online_url",
        )
    ]


async def test_a_snapshot_and_an_analysis_request_equal_their_samples(
    worker: Worker, rows: Rows
) -> None:
    rows("ALTER TABLE courses AUTO_INCREMENT = 3")
    rows("ALTER TABLE assignments AUTO_INCREMENT = 12")

    await worker.sync(sample("CANVAS_SYNC_COMPLETED"))

    expected = sample("USER_ASSIGNMENTS_CREATED")
    snapshot = next(e for e in worker.planner_events() if e["eventType"] == expected["eventType"])
    assert snapshot | {"snapshotAt": expected["snapshotAt"]} == expected
    expected = sample("ASSIGNMENT_CREATED")
    (request,) = worker.analysis_events()
    assert request | {"changedAt": expected["changedAt"]} == expected


async def test_a_repeated_synchronisation_changes_no_row_and_sends_one_snapshot(
    worker: Worker, rows: Rows
) -> None:
    """C-08, additions D: nothing changed"""
    message = synced(
        JIWOO, complete(1, assignment(10), assignment(11)), observedAt="2025-11-20T03:00:00.1Z"
    )
    await worker.sync(message)
    worker.planner_events(), worker.analysis_events()
    before = content(rows)

    await worker.sync({**message, "observedAt": "2025-11-20T04:00:00.1Z"})

    assert content(rows) == before
    assert worker.analysis_events() == []
    assert [event["cognitoSub"] for event in worker.planner_events()] == [JIWOO]


async def test_changes_in_canvas_reach_the_same_rows(worker: Worker, rows: Rows) -> None:
    """V-6"""
    await worker.sync(synced(JIWOO, course(1, assignment(10))))
    before = rows("SELECT id FROM courses UNION ALL SELECT id FROM assignments")

    await worker.sync(
        synced(
            JIWOO,
            course(1, assignment(10, title="Moved", dueAt="2025-12-01T00:00:00"), courseName="New"),
        )
    )

    assert rows("SELECT id FROM courses UNION ALL SELECT id FROM assignments") == before
    assert rows("SELECT name FROM courses") == [("New",)]
    assert rows("SELECT title, CAST(due_at AS CHAR) FROM assignments") == [
        ("Moved", "2025-12-01 00:00:00.000000")
    ]
    assert [event["eventType"] for event in worker.analysis_events()] == [
        "ASSIGNMENT_CREATED",
        "ASSIGNMENT_UPDATED",
    ]


async def test_changed_points_are_stored_without_a_new_analysis(worker: Worker, rows: Rows) -> None:
    await worker.sync(synced(JIWOO, course(1, assignment(10))))
    worker.analysis_events()

    await worker.sync(synced(JIWOO, course(1, assignment(10, pointsPossible=5))))

    assert rows("SELECT points_possible FROM assignments") == [(5,)]
    assert worker.analysis_events() == []


@pytest.mark.parametrize(
    "kind",
    [
        {"eventType": "CANVAS_COURSES_SYNCED", "syncMode": "assignments"},
        {"eventType": "CANVAS_SYNC_COMPLETED", "syncMode": "courses"},
    ],
)
async def test_courses_mode_enrols_and_stops_there(
    worker: Worker, rows: Rows, kind: dict[str, str]
) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10)), **kind))

    assert rows("SELECT cognito_sub, is_sync_enabled FROM enrollments") == [(JIWOO, 1)]
    assert rows("SELECT * FROM assignments") == []
    assert worker.planner_events() == []


async def test_only_the_first_student_of_a_course_leads_it(worker: Worker, rows: Rows) -> None:
    """R-13"""
    await worker.sync(courses_synced(JIWOO, course(1)))
    await worker.sync(courses_synced(MINJUN, course(1), course(2)))

    assert rows(
        "SELECT e.cognito_sub, c.canvas_course_id, e.is_sync_leader FROM enrollments e"
        " JOIN courses c ON c.id = e.course_id ORDER BY e.id"
    ) == [(JIWOO, 1, 1), (MINJUN, 1, 0), (MINJUN, 2, 1)]


async def test_a_disabled_enrollment_stays_disabled_and_its_course_out_of_the_snapshot(
    worker: Worker, rows: Rows
) -> None:
    await worker.sync(courses_synced(JIWOO, course(1), course(2)))
    rows("UPDATE enrollments SET is_sync_enabled = 0 WHERE course_id = 1")

    await worker.sync(synced(JIWOO, course(1, assignment(10)), course(2, assignment(20))))

    assert rows("SELECT is_sync_enabled FROM enrollments ORDER BY id") == [(0,), (1,)]
    assert titles(rows).keys() == {10, 20}
    assert worker.snapshots()[JIWOO].keys() == {20}


@pytest.mark.parametrize("missing", ["cognitoSub", "courses"])
async def test_a_message_without_its_envelope_is_left_for_the_dead_letter_queue(
    worker: Worker, rows: Rows, missing: str
) -> None:
    message = synced(JIWOO, course(1, assignment(10)))
    del message[missing]

    with pytest.raises(MalformedMessage, match=missing):
        await worker.apply(message)

    assert rows("SELECT * FROM courses") == []


async def test_the_next_major_version_is_left_for_the_dead_letter_queue(
    worker: Worker, rows: Rows
) -> None:
    """Q-10: what it calls `courses` differs, or it would not be one."""
    message = synced(JIWOO, course(1, assignment(10)), eventType="CANVAS_SYNC_COMPLETED_V2")
    message["listings"] = message.pop("courses")

    with pytest.raises(MalformedMessage, match="courses"):
        await worker.apply(message)

    assert rows("SELECT * FROM courses") == []


async def test_a_message_without_event_type_and_mode_takes_the_assignment_path(
    worker: Worker, rows: Rows
) -> None:
    """events.md 3.3"""
    message = synced(JIWOO, course(1, assignment(10)))
    del message["eventType"], message["syncMode"]

    await worker.sync(message)

    assert titles(rows) == {10: "Assignment 10"}


@pytest.mark.parametrize(
    "bad",
    [
        {"title": "no id"},
        assignment(66, title=None),
        assignment(66, dueAt="tomorrow"),
        assignment(66, dueAt=["2025-11-28T14:59:00"]),
        assignment(2**63),
        "not an object",
        None,
    ],
)
async def test_a_bad_assignment_does_not_fail_its_neighbours(
    worker: Worker, rows: Rows, bad: Any
) -> None:
    """V-2"""
    await worker.sync(synced(JIWOO, course(1, assignment(10), bad, assignment(11))))

    assert titles(rows).keys() == {10, 11}


async def test_a_bad_course_does_not_fail_its_neighbours(worker: Worker, rows: Rows) -> None:
    """V-2"""
    nameless = course(2, assignment(20), courseName=None)

    await worker.sync(synced(JIWOO, nameless, 7, course(1, assignment(10), startAt="?")))

    assert rows("SELECT canvas_course_id, start_at FROM courses") == [(1, None)]
    assert titles(rows).keys() == {10}


async def test_fields_an_entry_can_do_without_do_not_cost_the_entry(
    worker: Worker, rows: Rows
) -> None:
    """V-2"""
    odd = assignment(
        10, pointsPossible="many", description={}, submissionTypes=[], unknown=1, htmlUrl=5
    )

    await worker.sync(
        synced(JIWOO, course(1, odd, assignment(11, pointsPossible=1e12), assignments_extra=1))
    )

    assert rows("SELECT points_possible, description FROM assignments ORDER BY id") == [
        (None, None),
        (None, "<p>Do it</p>"),
    ]


async def test_an_unreadable_due_date_keeps_the_one_that_is_known(
    worker: Worker, rows: Rows
) -> None:
    """V-2: taken for `no due date` it would delete a schedule."""
    await worker.sync(synced(JIWOO, complete(1, assignment(10))))

    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt="soon"))))

    assert worker.snapshots()[JIWOO][10]["dueAt"] == "2025-11-28T14:59:00"


async def test_texts_too_long_for_their_columns_are_cut(worker: Worker, rows: Rows) -> None:
    """V-2, D-4"""
    await worker.sync(
        synced(
            JIWOO,
            course(
                1,
                assignment(10, title="제" * 300, description="<p>" + "과제" * 30_000 + "</p>"),
                courseName="목" * 300,
            ),
        )
    )

    assert rows("SELECT CHAR_LENGTH(title) FROM assignments") == [(255,)]
    assert rows("SELECT CHAR_LENGTH(name) FROM courses") == [(255,)]
    ((description,),) = rows("SELECT description FROM assignments")
    assert 65_000 < len(description.encode()) <= 65_535
    assert description.endswith("</p>")


async def test_entries_without_assignments_or_due_date_are_welcome(
    worker: Worker, rows: Rows
) -> None:
    await worker.sync(
        synced(
            JIWOO,
            course(1, assignments=None),
            course(2, {"canvasAssignmentId": "20", "title": "Bare"}),
        )
    )

    assert rows("SELECT canvas_assignment_id, due_at FROM assignments") == [(20, None)]


async def test_of_an_assignment_listed_twice_the_last_entry_counts(
    worker: Worker, rows: Rows
) -> None:
    await worker.sync(
        synced(JIWOO, course(1, assignment(10, title="first"), assignment(10, title="last")))
    )

    assert titles(rows) == {10: "last"}


async def test_an_assignment_that_moved_to_another_course_moves(worker: Worker, rows: Rows) -> None:
    await worker.sync(synced(JIWOO, course(1, assignment(10)), course(2)))

    await worker.sync(synced(JIWOO, course(1), course(2, assignment(10))))

    assert rows(
        "SELECT c.canvas_course_id FROM assignments a JOIN courses c ON c.id = a.course_id"
    ) == [(2,)]


async def test_emptied_tables_are_filled_again_by_the_same_message(
    worker: Worker, rows: Rows, empty_documented_tables: Callable[[], None]
) -> None:
    """data.md 1: no memory of messages or listings makes a service skip what an operator emptied."""
    message = synced(
        JIWOO,
        complete(1, assignment(10), assignment(11)),
        observedAt="2025-11-20T03:00:00.000000Z",
    )
    await worker.sync(courses_synced(MINJUN, course(9)))
    await worker.sync(message)
    empty_documented_tables()

    await worker.sync({**message, "observedAt": "2025-11-19T03:00:00.000000Z"})

    assert titles(rows).keys() == {10, 11}
    assert worker.snapshots()[JIWOO].keys() == {10, 11}
