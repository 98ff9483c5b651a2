"""Each student sees what their own listing showed (additions.md D)."""

from collections.abc import Callable

import httpx

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

EARLY, LATE = "2025-11-28T14:59:00", "2025-12-05T14:59:00"


async def test_two_students_keep_their_own_due_dates(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=EARLY))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10, dueAt=LATE))))
    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=EARLY))))

    snapshots = worker.snapshots()

    assert snapshots[JIWOO][10]["dueAt"] == EARLY
    assert snapshots[MINJUN][10]["dueAt"] == LATE


async def test_students_with_different_due_dates_do_not_take_turns_changing_the_shared_row(
    worker: Worker, rows: Rows
) -> None:
    for_jiwoo = synced(JIWOO, complete(1, assignment(10, dueAt=EARLY)))
    for_minjun = synced(MINJUN, complete(1, assignment(10, dueAt=LATE)))
    await worker.sync(for_jiwoo, for_minjun)
    before = rows("SELECT * FROM assignments")
    worker.analysis_events()

    await worker.sync(for_jiwoo, for_minjun)

    assert rows("SELECT * FROM assignments") == before
    assert worker.analysis_events() == []


async def test_an_assignment_of_another_section_never_reaches_a_student(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10))))

    assert worker.snapshots()[MINJUN].keys() == {10}


async def test_a_student_without_a_listing_yet_gets_all_of_the_course(worker: Worker) -> None:
    await worker.sync(courses_synced(MINJUN, course(1)))

    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11))))

    assert worker.snapshots()[MINJUN].keys() == {10, 11}


async def test_a_due_date_of_ones_own_may_be_none(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=EARLY))))

    await worker.sync(synced(MINJUN, complete(1, assignment(10, dueAt=None))))

    assert worker.snapshots()[MINJUN][10]["dueAt"] is None


async def test_only_students_whose_assignments_changed_get_a_snapshot(worker: Worker) -> None:
    """V-7"""
    await worker.sync(
        synced(JIWOO, complete(1, assignment(10), assignment(11))),
        synced(MINJUN, complete(1, assignment(10), assignment(11))),
        synced("other-section", complete(1, assignment(11))),
        synced("elsewhere", complete(2, assignment(20))),
    )
    worker.planner_events()

    await worker.sync(synced(JIWOO, complete(1, assignment(10, title="New"), assignment(11))))

    assert worker.snapshots().keys() == {JIWOO, MINJUN}


async def test_a_due_date_of_one_student_is_no_news_for_another(worker: Worker) -> None:
    """V-7"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=EARLY))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10, dueAt=EARLY))))
    worker.planner_events()

    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=LATE))))

    assert worker.snapshots().keys() == {JIWOO}


async def test_a_student_who_switched_the_course_off_is_not_told_of_changes(
    worker: Worker, rows: Rows
) -> None:
    """V-7"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10))))
    worker.planner_events()
    rows("UPDATE enrollments SET is_sync_enabled = 0 WHERE cognito_sub = %s", MINJUN)

    await worker.sync(synced(JIWOO, complete(1, assignment(10, title="New"))))

    assert worker.snapshots().keys() == {JIWOO}


async def test_absence_from_a_complete_listing_removes_it_for_that_student_alone(
    worker: Worker, rows: Rows
) -> None:
    """V-6"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10), assignment(11))))

    await worker.sync(synced(JIWOO, complete(1, assignment(10))))

    assert worker.snapshots()[JIWOO].keys() == {10}
    assert len(rows("SELECT * FROM assignments")) == 2
    await worker.sync(synced(MINJUN, complete(1, assignment(10), assignment(11))))
    assert worker.snapshots()[MINJUN].keys() == {10, 11}


async def test_the_shared_assignment_goes_with_its_last_viewer(worker: Worker, rows: Rows) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10), assignment(11))))

    await worker.sync(synced(JIWOO, complete(1, assignment(10))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10))))

    assert rows("SELECT canvas_assignment_id FROM assignments") == [(10,)]
    assert len(rows("SELECT * FROM assignment_visibility")) == 2


async def test_a_listing_that_was_cut_short_removes_nothing(worker: Worker, rows: Rows) -> None:
    """C-05"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11))))

    await worker.sync(
        synced(JIWOO, course(1, assignment(10))),
        synced(JIWOO, course(1, complete=True)),
        synced(JIWOO, course(1, canvasAssignmentIds=[])),
        synced(JIWOO, course(1, complete=True, canvasAssignmentIds="broken")),
    )

    assert worker.snapshots()[JIWOO].keys() == {10, 11}


async def test_a_bad_entry_of_a_complete_listing_is_not_removed(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11))))

    await worker.sync(synced(JIWOO, complete(1, assignment(10), assignment(11, title=None))))

    assert worker.snapshots()[JIWOO].keys() == {10, 11}


async def test_a_course_emptied_in_canvas_is_emptied_here(worker: Worker, rows: Rows) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10))))

    await worker.sync(synced(JIWOO, complete(1)))

    assert rows("SELECT * FROM assignments") == []
    assert worker.snapshots()[JIWOO] == {}


async def test_the_last_part_of_a_listing_may_come_first_and_twice(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(9))))
    first = synced(JIWOO, course(1, assignment(10)))
    last = synced(JIWOO, course(1, assignment(11), complete=True, canvasAssignmentIds=[10, 11]))

    await worker.sync(last, first, last)

    assert worker.snapshots()[JIWOO].keys() == {10, 11}


async def test_what_the_api_shows_is_what_the_snapshot_holds(
    worker: Worker, client: httpx.AsyncClient
) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=EARLY), assignment(11))))
    await worker.sync(synced(MINJUN, complete(1, assignment(10, dueAt=LATE))))
    as_minjun = {"X-Cognito-Sub": MINJUN}

    listed = (await client.get("/v1/courses/1/assignments", headers=as_minjun)).json()
    single = await client.get("/v1/assignments/canvas/10", headers=as_minjun)
    foreign = await client.get("/v1/assignments/canvas/11", headers=as_minjun)

    assert [(entry["canvasAssignmentId"], entry["dueAt"]) for entry in listed] == [(10, LATE)]
    assert single.json() == listed[0]
    assert foreign.status_code == 404


async def test_rows_that_outlive_an_emptied_table_hide_nothing(
    worker: Worker,
    client: httpx.AsyncClient,
    rows: Rows,
    empty_documented_tables: Callable[[], None],
) -> None:
    """data.md 1: rows that other programs insert are visible at once."""
    await worker.sync(synced(JIWOO, complete(1, assignment(10, dueAt=LATE))))
    empty_documented_tables()
    rows(
        "INSERT INTO courses (canvas_course_id, name, created_at, updated_at)"
        " VALUES (1, 'Course 1', '2025-01-01', '2025-01-01')"
    )
    rows(
        "INSERT INTO enrollments (cognito_sub, course_id, is_sync_leader, is_sync_enabled,"
        " enrolled_at) VALUES (%s, 1, 1, 1, '2025-01-01')",
        JIWOO,
    )
    rows(
        "INSERT INTO assignments (canvas_assignment_id, course_id, title, due_at, created_at,"
        f" updated_at) VALUES (77, 1, 'Theirs', '{EARLY}', '2025-01-01', '2025-01-01')"
    )

    listed = await client.get("/v1/courses/1/assignments", headers={"X-Cognito-Sub": JIWOO})

    assert [(entry["canvasAssignmentId"], entry["dueAt"]) for entry in listed.json()] == [
        (77, EARLY)
    ]
