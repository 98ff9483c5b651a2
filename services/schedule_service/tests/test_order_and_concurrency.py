"""Messages come late, twice and at once; the planner ends as if they had not."""

import asyncio
import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.schedule_service.sync.handlers import task_creation_handler
from shared.database import Database


@pytest.fixture
async def other_handle(database_url):
    """The event door of a second worker."""
    database = Database(database_url)
    yield task_creation_handler(database)
    await database.close()


async def test_an_older_snapshot_is_skipped_as_done(handle, planner, events):
    await handle(events.snapshot(events.entry(1, title="new"), snapshotAt=events.at(2)))
    before = planner.contents()
    await handle(events.snapshot(events.entry(2), snapshotAt=events.at(1)))
    assert planner.contents() == before


async def test_an_equal_snapshot_is_applied_again(handle, planner, events):
    """events.md 1: idempotency comes from the rows, not from a memory of messages."""
    message = events.snapshot(events.entry(1), snapshotAt=events.at(2))
    await handle(message)
    planner.rows("DELETE FROM schedules")
    await handle(message)
    assert list(planner.deadlines()) == [events.source_id(1)]


async def test_a_snapshot_without_a_mark_is_applied_and_moves_none(handle, planner, events):
    await handle(events.snapshot(events.entry(1), snapshotAt=events.at(2)))
    await handle(events.snapshot(events.entry(2)))
    assert list(planner.deadlines()) == [events.source_id(2)]
    await handle(events.snapshot(events.entry(3), snapshotAt=events.at(1)))
    assert list(planner.deadlines()) == [events.source_id(2)]
    await handle(events.snapshot(events.entry(4), snapshotAt=events.at(2)))
    assert list(planner.deadlines()) == [events.source_id(4)]


async def test_an_older_snapshot_does_not_bring_a_disabled_course_back(handle, planner, events):
    """Q-03"""
    await handle(events.snapshot(events.entry(1), snapshotAt=events.at(1)))
    await handle(events.disabled(snapshotAt=events.at(3)))
    await handle(events.snapshot(events.entry(1), snapshotAt=events.at(2)))
    assert planner.deadlines() == {}
    await handle(events.snapshot(events.entry(1), snapshotAt=events.at(4)))
    await handle(events.disabled(snapshotAt=events.at(3)))
    assert list(planner.deadlines()) == [events.source_id(1)]


async def test_any_order_with_duplicates_ends_at_the_newest(handle, planner, events):
    """Q-03: snapshots and disabled courses, shuffled and repeated; the highest mark decides."""
    randomness = random.Random(20)
    for round_number in range(25):
        sub = f"student-{round_number}"
        messages = []
        for mark in range(1, 7):
            common = {"cognitoSub": sub, "snapshotAt": events.at(mark)}
            if mark % 3 == 0:
                messages.append(events.disabled(courseId=3, **common))
                continue
            numbers = randomness.sample(range(1, 9), 4)
            entries = [
                events.entry(number, title=f"seen at {mark}", courseId=3 + number % 2)
                for number in numbers
            ]
            messages.append(events.snapshot(*entries, **common))
        if round_number % 2:
            messages.append(
                events.snapshot(
                    events.entry(1, title="last"), cognitoSub=sub, snapshotAt=events.at(7)
                )
            )
        deliveries = messages * 2
        randomness.shuffle(deliveries)
        for message in deliveries:
            await handle(message)
        titles = {row["source_id"]: row["title"] for row in planner.schedules(sub)}
        if round_number % 2:
            assert titles == {events.source_id(1, sub): "last"}
        else:
            # The newest message only takes course 3 away from whatever the one applied before it left.
            assert not {source_id for source_id in titles if int(source_id.split("-")[2]) % 2 == 0}
        [mark] = planner.rows(
            "SELECT MICROSECOND(snapshot_at) AS at FROM canvas_snapshots WHERE cognito_sub = %s",
            sub,
        )
        assert mark["at"] == 6 + round_number % 2


async def test_ten_copies_to_two_workers_have_one_effect(handle, other_handle, planner, events):
    """Q-02, V-10: also when the student was never seen before."""
    message = events.snapshot(
        *(events.entry(number, courseId=1 + number % 3) for number in range(1, 31)),
        snapshotAt=events.at(1),
    )
    await asyncio.gather(*(door(message) for _ in range(5) for door in (handle, other_handle)))
    assert len(planner.deadlines()) == 30
    assert len(planner.categories()) == 3
    before = planner.contents()
    await asyncio.gather(*(door(message) for _ in range(5) for door in (handle, other_handle)))
    assert planner.contents() == before


async def test_the_newest_of_concurrent_snapshots_wins(handle, other_handle, planner, events):
    """Q-03"""
    messages = [
        events.snapshot(
            events.entry(mark), events.entry(50, title=str(mark)), snapshotAt=events.at(mark)
        )
        for mark in range(1, 13)
    ]
    random.Random(4).shuffle(messages)
    await asyncio.gather(
        *((handle, other_handle)[turn % 2](message) for turn, message in enumerate(messages))
    )
    assert {row["source_id"]: row["title"] for row in planner.schedules()} == {
        events.source_id(12): "Scheduler lab",
        events.source_id(50): "12",
    }


async def test_eight_writers_cause_no_error_and_hardly_a_retry(
    database_url, planner, events, caplog
):
    """D-01: students of their own and in common, the rows right in the end."""
    databases = [Database(database_url, pool_size=2) for _ in range(8)]
    doors = [task_creation_handler(database) for database in databases]
    subs = [f"student-{number}" for number in range(4)]
    rounds = 10

    async def write(writer: int) -> None:
        randomness = random.Random(writer)
        for turn in range(rounds):
            sub = subs[randomness.randrange(len(subs))]
            mark = turn * 8 + writer + 1
            entries = [
                events.entry(number, title=f"by {mark}", courseId=1 + number % 4)
                for number in randomness.sample(range(1, 40), 20)
            ]
            await doors[writer](
                events.snapshot(*entries, cognitoSub=sub, snapshotAt=events.at(mark))
            )

    with caplog.at_level("INFO"):
        await asyncio.gather(*(write(writer) for writer in range(8)))
    retries = [record for record in caplog.records if record.message == "unit_of_work_retried"]
    assert len(retries) <= 8 * rounds * 0.05
    for sub in subs:
        [row] = planner.rows(
            "SELECT MICROSECOND(snapshot_at) AS at FROM canvas_snapshots WHERE cognito_sub = %s",
            sub,
        )
        assert {row["title"] for row in planner.schedules(sub)} == {f"by {row['at']}"}
        assert len(planner.deadlines(sub)) == 20
        assert len(planner.categories(sub)) == 4
    for database in databases:
        await database.close()


async def test_students_do_not_wait_for_each_other(database_url, handle, planner, events):
    """One student's lock is nobody else's."""
    await handle(events.snapshot(events.entry(1)))
    holder = Database(database_url)

    async def hold_and_apply_another(session) -> None:
        await session.execute(text("SELECT * FROM canvas_snapshots FOR UPDATE"))
        async with asyncio.timeout(5):
            await handle(events.snapshot(events.entry(1), cognitoSub=planner.other_sub))

    await holder.transaction(hold_and_apply_another)
    await holder.close()
    assert len(planner.deadlines(planner.other_sub)) == 1


async def test_a_schedule_deleted_meanwhile_is_not_brought_back_by_an_update(
    database, handle, planner, events
):
    """D-02"""
    await handle(events.snapshot(events.entry(1), events.entry(2)))

    async def delete_while_a_message_arrives(session) -> asyncio.Task[None]:
        await session.execute(text("DELETE FROM schedules ORDER BY schedule_id LIMIT 1"))
        both_moved = (events.entry(number, title="moved") for number in (1, 2))
        arriving = asyncio.create_task(handle(events.snapshot(*both_moved)))
        await asyncio.sleep(0.3)
        assert not arriving.done()
        return arriving

    await (await database.transaction(delete_while_a_message_arrives))
    assert planner.rows("SELECT source_id, title FROM schedules") == [
        {"source_id": events.source_id(2), "title": "moved"}
    ]


async def test_a_failing_commit_fails_the_message(handle, planner, events, failing_commits):
    """Q-01: a handler that returns has committed."""
    with pytest.raises(OperationalError):
        await handle(events.snapshot(events.entry(1)))
    assert planner.schedules() == []


async def test_tables_emptied_by_an_operator_fill_again(handle, planner, events):
    """data.md 1: nothing is remembered that an emptying would falsify."""
    message = events.snapshot(events.entry(1), snapshotAt=events.at(1))
    await handle(message)
    planner.truncate("todos", "schedules", "categories")
    await handle(message)
    assert len(planner.deadlines()) == len(planner.categories()) == 1
