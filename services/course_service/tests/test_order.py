"""Order and duplicates of synchronisation messages do not matter (additions.md D)."""

import asyncio
import random
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


def at(second: int) -> str:
    return f"2025-11-20T03:00:{second:02}.000000Z"


async def test_a_strictly_older_listing_is_skipped(worker: Worker) -> None:
    """Q-03"""
    await worker.sync(
        synced(JIWOO, complete(1, assignment(10, title="new")), observedAt=at(2)),
        synced(JIWOO, complete(1, assignment(11)), observedAt=at(1)),
    )

    snapshot = worker.snapshots()[JIWOO]
    assert {key: entry["title"] for key, entry in snapshot.items()} == {10: "new"}


@pytest.mark.parametrize("mark", [at(2), None, "2025-11-20T12:00:02+09:00"])
async def test_an_equally_old_or_unmarked_listing_is_applied(
    worker: Worker, mark: str | None
) -> None:
    await worker.sync(synced(JIWOO, complete(1, assignment(10)), observedAt=at(2)))

    await worker.sync(synced(JIWOO, complete(1, assignment(11)), observedAt=mark))

    assert worker.snapshots()[JIWOO].keys() == {11}


async def test_an_unmarked_listing_does_not_move_the_mark(worker: Worker) -> None:
    await worker.sync(
        synced(JIWOO, complete(1, assignment(10)), observedAt=at(2)),
        synced(JIWOO, complete(1, assignment(11))),
        synced(JIWOO, complete(1, assignment(12)), observedAt=at(1)),
    )

    assert worker.snapshots()[JIWOO].keys() == {11}


async def test_an_unreadable_mark_leaves_the_message_for_the_dead_letter_queue(
    worker: Worker,
) -> None:
    with pytest.raises(MalformedMessage, match="observedAt"):
        await worker.apply(synced(JIWOO, course(1), observedAt="yesterday"))


async def test_marks_of_one_student_do_not_hold_up_another(worker: Worker) -> None:
    await worker.sync(
        synced(JIWOO, complete(1, assignment(10)), observedAt=at(9)),
        synced(MINJUN, complete(1, assignment(10)), observedAt=at(1)),
    )

    assert worker.snapshots()[MINJUN].keys() == {10}


async def test_a_course_name_is_not_undone_by_an_older_message(worker: Worker, rows: Rows) -> None:
    """Q-03"""
    await worker.sync(
        courses_synced(JIWOO, course(1, courseName="new"), observedAt=at(2)),
        courses_synced(JIWOO, course(1, courseName="old"), observedAt=at(1)),
    )

    assert rows("SELECT name FROM courses") == [("new",)]


async def test_a_message_of_courses_alone_does_not_make_an_older_listing_skipped(
    worker: Worker,
) -> None:
    await worker.sync(
        courses_synced(JIWOO, course(1), observedAt=at(2)),
        synced(JIWOO, complete(1, assignment(10)), observedAt=at(1)),
    )

    assert worker.snapshots()[JIWOO].keys() == {10}


async def test_any_order_with_duplicates_ends_in_the_newest_state(
    worker: Worker, rows: Rows
) -> None:
    """Q-03: versions of two courses, each in two parts that share their time, shuffled and repeated."""
    chance = random.Random(3)
    for student in range(1, 16):
        messages: list[Any] = []
        for version in range(1, 5):
            ids = [100 * student + n for n in range(version, version + 3)]
            entries = [assignment(n, title=f"v{version}") for n in ids]
            messages += [
                synced(f"s{student}", course(student, *entries[:2]), observedAt=at(version)),
                synced(
                    f"s{student}",
                    course(student, *entries[2:], complete=True, canvasAssignmentIds=ids),
                    observedAt=at(version),
                ),
            ]
        shuffled = messages + chance.choices(messages, k=4)
        chance.shuffle(shuffled)
        await worker.sync(*shuffled)

        snapshot = worker.snapshots()[f"s{student}"]
        assert {key: entry["title"] for key, entry in snapshot.items()} == dict.fromkeys(ids, "v4")

    assert len(rows("SELECT * FROM assignments")) == 15 * 3


async def test_ten_copies_at_once_have_the_effect_of_one(worker: Worker, rows: Rows) -> None:
    """Q-02"""
    message = synced(JIWOO, complete(1, assignment(10), assignment(11)), complete(2))

    await asyncio.gather(*(worker.apply(message) for _ in range(10)))
    await worker.relay()

    counts = [
        rows(f"SELECT COUNT(*) FROM {table}")[0][0]
        for table in ("courses", "enrollments", "assignments", "assignment_visibility")
    ]
    assert counts == [2, 2, 2, 2]
    assert len(worker.planner_events()) == 1
    assert len(worker.analysis_events()) == 2


async def test_eight_students_synchronise_the_same_course_at_once(
    worker: Worker, rows: Rows
) -> None:
    """D-01, R-13, D-03: no error, the right rows, one leader"""
    students = [f"student-{number}" for number in range(8)]

    def listing(student: str, title: str) -> Any:
        courses = [
            complete(c, *(assignment(1000 * c + n, title=title) for n in range(40)))
            for c in (1, 2, 3)
        ]
        random.Random(student).shuffle(courses)
        return synced(student, *courses)

    for title in ("first", "second"):
        await asyncio.gather(*(worker.apply(listing(student, title)) for student in students))
    await worker.relay()

    assert rows("SELECT COUNT(*), SUM(is_sync_leader) FROM enrollments") == [(24, 3)]
    assert rows("SELECT COUNT(*), COUNT(DISTINCT title), MIN(title) FROM assignments") == [
        (120, 1, "second")
    ]
    assert rows("SELECT COUNT(*) FROM assignment_visibility") == [(8 * 120,)]
    assert {len(snapshot) for snapshot in worker.snapshots().values()} == {120}


async def test_students_losing_an_assignment_at_once_leave_no_orphan(
    worker: Worker, rows: Rows
) -> None:
    """D-03"""
    students = [f"student-{number}" for number in range(6)]
    for canvas_course_id in range(1, 6):
        kept, lost = assignment(10 * canvas_course_id), assignment(10 * canvas_course_id + 1)
        for listing in (complete(canvas_course_id, kept, lost), complete(canvas_course_id, kept)):
            await asyncio.gather(*(worker.apply(synced(s, listing)) for s in students))

    assert rows("SELECT canvas_assignment_id FROM assignments ORDER BY 1") == [
        (10 * canvas_course_id,) for canvas_course_id in range(1, 6)
    ]
