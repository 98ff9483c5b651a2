"""What a listing that went wrong, or one like the last, must not do (C-05, C-08)."""

import random
from typing import Any

from services.course_service.tests.canvas import (
    JIWOO,
    MINJUN,
    Event,
    Worker,
    assignment,
    complete,
    course,
    synced,
)
from services.course_service.tests.conftest import Rows

TABLES = ("courses", "enrollments", "assignments", "assignment_visibility")
IDS = range(10, 22)
INCOMPLETE_LISTINGS = 100
REPEATS = 10


def content(rows: Rows) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}


def cut_short(chance: random.Random) -> Event:
    """Return a listing that lost something on its way: pages, its end, or what it says of being whole."""
    seen = chance.sample(IDS, chance.randrange(len(IDS)))
    said = chance.choice(
        [
            {},
            {"complete": True},
            {"complete": False, "canvasAssignmentIds": seen},
            {"complete": None, "canvasAssignmentIds": []},
            {"canvasAssignmentIds": []},
            {"complete": True, "canvasAssignmentIds": None},
            {"complete": True, "canvasAssignmentIds": "10,11"},
            {"complete": True, "canvasAssignmentIds": [*seen, "x"]},
            {"complete": "perhaps", "canvasAssignmentIds": seen},
        ]
    )
    return course(1, *(assignment(number) for number in seen), **said)


async def test_no_incomplete_listing_removes_a_row(worker: Worker, rows: Rows) -> None:
    """C-05: removal only after a complete listing of that course"""
    for student in (JIWOO, MINJUN):
        await worker.sync(synced(student, complete(1, *map(assignment, IDS))))
    before = content(rows)
    chance = random.Random(5)

    for _ in range(INCOMPLETE_LISTINGS):
        await worker.apply(synced(JIWOO, cut_short(chance), complete(2)))

    after = content(rows)
    removed = sum(len(set(before[table]) - set(after[table])) for table in TABLES)
    print(f"\nC-05: {INCOMPLETE_LISTINGS} incomplete listings, {removed} rows removed or changed")  # noqa: T201
    assert removed == 0
    assert after["assignment_visibility"] == before["assignment_visibility"]


async def test_a_complete_listing_of_one_course_removes_nothing_of_another(
    worker: Worker, rows: Rows
) -> None:
    """C-05"""
    await worker.sync(synced(JIWOO, complete(1, assignment(10)), complete(2, assignment(20))))

    await worker.sync(synced(JIWOO, complete(1), course(2)))

    assert rows("SELECT canvas_assignment_id FROM assignments") == [(20,)]


async def test_repeats_write_no_row_and_publish_no_change(worker: Worker, rows: Rows) -> None:
    """C-08, additions D: one snapshot for that student, and nothing for anybody else"""
    handed_in = {"submittedAt": "2025-11-27T10:00:00", "workflowState": "submitted", "files": []}
    listing = complete(1, *(assignment(number, submission=handed_in) for number in IDS))
    for student in (JIWOO, MINJUN):
        await worker.sync(synced(student, listing))
    worker.planner_events(), worker.analysis_events(), worker.submission_events()
    before = content(rows)

    for hour in range(REPEATS):
        observed_at = f"2025-11-21T{hour:02}:00:00.000001Z"
        await worker.sync(synced(JIWOO, listing, observedAt=observed_at))

    planner = worker.planner_events()
    changes = [*worker.analysis_events(), *worker.submission_events()]
    written = sum(len(set(content(rows)[table]) ^ set(before[table])) for table in TABLES)
    print(f"\nC-08: {REPEATS} repeats, {written} rows written, {len(changes)} changes published")  # noqa: T201
    assert (written, changes) == (0, [])
    assert [(e["eventType"], e["cognitoSub"]) for e in planner] == [
        ("USER_ASSIGNMENTS_CREATED", JIWOO)
    ] * REPEATS
