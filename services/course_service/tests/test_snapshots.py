"""Snapshots of any size, in order, and built from committed rows."""

import asyncio
import random
from datetime import datetime, timedelta

import orjson
import pytest

from services.course_service.assignments.schemas import VisibleAssignment
from services.course_service.enrollments.service import switch_sync
from services.course_service.snapshots.bodies import Snapshot, snapshot_bodies
from services.course_service.snapshots.service import build_snapshot
from services.course_service.tests.canvas import (
    JIWOO,
    Worker,
    assignment,
    complete,
    course,
    courses_synced,
    synced,
)
from services.course_service.tests.conftest import QUEUE_NAMES, Rows
from shared.database import Database, utc_now
from shared.events.course_service import UserAssignmentsCreated
from shared.events.routes import MAX_MESSAGE_BYTES
from shared.messaging.publisher import MAX_BODY_BYTES

COURSE = {"canvasCourseId": 4711, "name": "Operating Systems"}


def snapshot_of(count: int, description: str) -> Snapshot:
    return Snapshot(
        cognito_sub=JIWOO,
        synced_at="2025-11-20T03:04:05.678901",
        snapshot_at=datetime(2025, 11, 20),
        courses={3: COURSE},
        assignments=[
            VisibleAssignment(n, 90_000 + n, 3, f"Lab {n}", description, None, 20)
            for n in range(1, count + 1)
        ],
        has_cut_descriptions=False,
    )


async def switch_off(database: Database, student: str, enrollment_id: int) -> None:
    await database.transaction(
        lambda session: switch_sync(
            session,
            caller=student,
            enrollment_id=enrollment_id,
            is_sync_enabled=False,
            queue_names=QUEUE_NAMES,
        )
    )


def test_a_snapshot_that_fits_is_whole_and_says_nothing_of_completeness() -> None:
    (body,) = snapshot_bodies(snapshot_of(3, "<p>Part A</p>"), MAX_BODY_BYTES)

    parsed = orjson.loads(body)
    assert parsed.keys() == {"eventType", "cognitoSub", "syncedAt", "snapshotAt", "assignments"}
    assert [entry["description"] for entry in parsed["assignments"]] == ["<p>Part A</p>"] * 3
    assert b'"pointsPossible":20.0' in body


def test_descriptions_are_shortened_before_a_snapshot_is_split() -> None:
    (body,) = snapshot_bodies(snapshot_of(100, f"<p>{'x' * 5000}</p>"), MAX_BODY_BYTES)

    parsed = orjson.loads(body)
    assert "complete" not in parsed
    descriptions = {entry["description"] for entry in parsed["assignments"]}
    assert len(descriptions) == 1
    (short,) = descriptions
    assert len(short) <= 1000
    assert short.startswith("<p>xxx")
    assert short.endswith("x</p>")


@pytest.mark.parametrize("count", [1_200, 5_000])
def test_a_snapshot_too_large_for_one_message_comes_in_parts(count: int) -> None:
    """Q-10, events.md 9"""
    description = "<p>과제 &amp; 설명</p>" * 2_500
    bodies = snapshot_bodies(snapshot_of(count, description), MAX_BODY_BYTES)
    parts = [UserAssignmentsCreated.model_validate(orjson.loads(body)) for body in bodies]

    assert max(len(body) for body in bodies) <= MAX_BODY_BYTES < MAX_MESSAGE_BYTES
    assert {part.complete for part in parts} == {False}
    assert len({part.snapshot_at for part in parts}) == 1
    sent = [entry["canvasAssignmentId"] for part in parts for entry in part.assignments]
    assert sent == [90_000 + n for n in range(1, count + 1)]
    assert [part.keep_canvas_assignment_ids for part in parts[:-1]] == [None] * (len(parts) - 1)
    assert parts[-1].keep_canvas_assignment_ids == sent


@pytest.mark.parametrize("max_bytes", range(1_200, 1_700, 37))
def test_no_part_exceeds_the_limit_wherever_it_falls(max_bytes: int) -> None:
    bodies = snapshot_bodies(snapshot_of(40, "<p>short</p>"), max_bytes)

    assert all(len(body) <= max_bytes for body in bodies)
    assert sum(len(orjson.loads(body)["assignments"]) for body in bodies) == 40


async def test_large_descriptions_are_read_no_further_than_they_are_sent(
    worker: Worker, rows: Rows
) -> None:
    """Q-10: 300 descriptions of 60 KB in the database"""
    await worker.sync(synced(JIWOO, course(1, *(assignment(n) for n in range(1, 301)))))
    worker.planner_events()
    rows("UPDATE assignments SET description = REPEAT('<p>abcdefg</p>', 4000)")

    await worker.sync(synced(JIWOO))

    parts = worker.planner_events()
    entries = [entry for part in parts for entry in part["assignments"]]
    assert len(entries) == 300
    assert {len(entry["description"]) <= 1000 for entry in entries} == {True}
    assert all(entry["description"].endswith("</p>") for entry in entries)


async def test_a_snapshot_holds_what_is_committed_when_it_is_sent(worker: Worker) -> None:
    await worker.apply(synced(JIWOO, complete(1, assignment(10))))
    await worker.apply(synced(JIWOO, complete(1, assignment(11))))

    await worker.relay()

    (snapshot,) = worker.planner_events()
    assert [entry["canvasAssignmentId"] for entry in snapshot["assignments"]] == [11]


async def test_snapshot_times_strictly_increase(
    worker: Worker, database: Database, rows: Rows
) -> None:
    """additions D, even when the clock of one process is ahead"""
    ahead = utc_now() + timedelta(hours=1)
    rows("INSERT INTO students (cognito_sub, snapshot_at) VALUES (%s, %s)", JIWOO, ahead)

    bodies = await asyncio.gather(
        *(build_snapshot(database, cognito_sub=JIWOO, synced_at=None) for _ in range(20))
    )

    times = sorted(orjson.loads(body)["snapshotAt"] for (body,) in bodies)
    assert len(set(times)) == 20
    assert times[0] > ahead.isoformat()


async def test_a_switch_and_the_snapshots_around_it_are_in_the_order_of_their_times(
    worker: Worker, database: Database
) -> None:
    """A snapshot later than COURSE_DISABLED never holds the course."""
    for n in range(1, 11):
        await worker.sync(synced(f"s{n}", complete(1, assignment(10))))
    worker.planner_events()

    async def switch(number: int) -> None:
        await asyncio.sleep(random.Random(number).uniform(0, 0.02))
        await switch_off(database, f"s{number}", number)

    async def snapshots(number: int) -> list[bytes]:
        return [
            body
            for _ in range(5)
            for body in await build_snapshot(database, cognito_sub=f"s{number}", synced_at=None)
        ]

    built, _ = await asyncio.gather(
        asyncio.gather(*(snapshots(n) for n in range(1, 11))),
        asyncio.gather(*(switch(n) for n in range(1, 11))),
    )
    await worker.relay()

    disabled_at = {
        event["cognitoSub"]: event["snapshotAt"]
        for event in worker.planner_events()
        if event["eventType"] == "COURSE_DISABLED"
    }
    for body in (orjson.loads(body) for bodies in built for body in bodies):
        is_later = body["snapshotAt"] > disabled_at[body["cognitoSub"]]
        assert bool(body["assignments"]) != is_later


async def test_a_switched_off_course_is_followed_by_a_later_snapshot_of_all_others(
    worker: Worker, database: Database
) -> None:
    """Q-03: COURSE_DISABLED may overtake a snapshot in the queue, whose changes are then skipped."""
    await worker.sync(synced(JIWOO, complete(1, assignment(10)), complete(2, assignment(20))))
    worker.planner_events()
    await worker.sync(synced(JIWOO, complete(2, assignment(20), assignment(21))))
    (overtaken,) = worker.planner_events()

    await switch_off(database, JIWOO, 1)
    await worker.relay()

    events = {event["eventType"]: event for event in worker.planner_events()}
    disabled, snapshot = events["COURSE_DISABLED"], events["USER_ASSIGNMENTS_CREATED"]
    assert overtaken["snapshotAt"] < disabled["snapshotAt"] < snapshot["snapshotAt"]
    assert [entry["canvasAssignmentId"] for entry in snapshot["assignments"]] == [20, 21]
    assert datetime.fromisoformat(snapshot["syncedAt"]).tzinfo is None


async def test_a_student_without_snapshots_gets_none_by_switching_off(
    worker: Worker, database: Database
) -> None:
    """There is none that COURSE_DISABLED could have overtaken."""
    await worker.sync(courses_synced(JIWOO, course(1), course(2)))

    await switch_off(database, JIWOO, 1)
    await worker.relay()

    assert [event["eventType"] for event in worker.planner_events()] == ["COURSE_DISABLED"]


async def test_analysis_of_an_assignment_that_is_gone_is_not_asked_for(worker: Worker) -> None:
    await worker.apply(synced(JIWOO, complete(1, assignment(10), assignment(11))))
    await worker.apply(synced(JIWOO, complete(1, assignment(11))))

    await worker.relay()

    assert [event["canvasAssignmentId"] for event in worker.analysis_events()] == [11]


async def test_each_change_of_an_assignment_asks_for_its_analysis_with_a_later_mark(
    worker: Worker, rows: Rows
) -> None:
    """Q-03: also when the clock of the worker that wrote before was ahead."""
    marks = []
    for title in ("one", "two", "three"):
        await worker.sync(synced(JIWOO, complete(1, assignment(10, title=title))))
        (request,) = worker.analysis_events()
        assert request["title"] == title
        marks.append(request["changedAt"])
        rows("UPDATE assignments SET updated_at = '2031-01-01' WHERE %s = 'two'", title)

    assert marks[0] < marks[1] < "2031-01-01T00:00:00.000000Z" < marks[2]
    assert all(mark.endswith("Z") and len(mark) == 27 for mark in marks)


async def test_more_assignments_than_fit_one_order_are_all_analysed(worker: Worker) -> None:
    await worker.sync(synced(JIWOO, course(1, *(assignment(n) for n in range(1, 131)))))

    asked_for = [event["canvasAssignmentId"] for event in worker.analysis_events()]
    assert sorted(asked_for) == list(range(1, 131))
