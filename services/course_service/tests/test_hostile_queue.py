"""The worker's consumer and relay on a queue that repeats and reorders, with a real database."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from services.course_service.sync.handlers import sync_handler
from services.course_service.tests.canvas import (
    Event,
    Worker,
    assignment,
    complete,
    course,
    synced,
)
from services.course_service.tests.conftest import QUEUE_NAMES, Rows
from shared.database import Database
from shared.events.routes import ASSIGNMENT_EVENTS
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues
from shared.testing.hostile_sqs import HostileSQS

QUEUE = ASSIGNMENT_EVENTS.name
TABLES = {
    "courses": "id, canvas_course_id, name, course_code, updated_at",
    "enrollments": "cognito_sub, course_id, is_sync_leader, is_sync_enabled, enrolled_at, is_listed",
    "assignments": "id, canvas_assignment_id, course_id, title, description, due_at, updated_at",
    "assignment_visibility": "cognito_sub, assignment_id, due_at, listing_hash",
    "course_observations": "cognito_sub, course_id, course_observed_at, listing_observed_at",
}


@pytest.fixture
async def second_database(database_url: str) -> AsyncIterator[Database]:
    """The database of a second worker."""
    database = Database(database_url)
    yield database
    await database.close()


async def hostile(**hostility: Any) -> HostileSQS:
    sqs = HostileSQS(second=0.5, **hostility)
    await create_queues(sqs, {}, visibility_seconds=2)
    return sqs


@asynccontextmanager
async def consuming(sqs: HostileSQS, *databases: Database) -> AsyncIterator[None]:
    """Run one consumer for each database."""
    stopping = asyncio.Event()
    running = [
        asyncio.create_task(
            Consumer(
                sqs,
                QUEUE,
                sync_handler(database, QUEUE_NAMES),
                visibility_seconds=1,
                long_poll_seconds=1,
            ).run(stopping)
        )
        for database in databases
    ]
    yield
    stopping.set()
    await asyncio.gather(*running)


async def send_and_await(sqs: HostileSQS, events: list[Event]) -> None:
    await Publisher(sqs).send(QUEUE, [orjson.dumps(event) for event in events])
    async with asyncio.timeout(120):
        while sqs.bodies(QUEUE):
            await asyncio.sleep(0.01)


def contents(rows: Rows) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: rows(f"SELECT {columns} FROM {name} ORDER BY 1, 2")
        for name, columns in TABLES.items()
    }


def told(worker: Worker) -> Iterator[tuple[str, int]]:
    """Yield what each sent event is about: its type and the id that names the fact."""
    for event in worker.analysis_events():
        yield event["eventType"], event["canvasAssignmentId"]


async def test_ten_copies_to_two_consumers_and_a_second_message_have_the_effect_of_one(
    worker: Worker, database: Database, second_database: Database, rows: Rows
) -> None:
    """Q-02"""
    listings = [
        synced(f"student-{n}", complete(1, assignment(10), assignment(11), assignment(100 + n)))
        for n in range(10)
    ]
    once = await hostile(copies=1)
    async with consuming(once, database):
        await send_and_await(once, listings)
    await worker.relay()
    expected, expected_told = contents(rows), sorted(told(worker))
    worker.planner_events()

    ten_times = await hostile(copies=10, seed=2)
    async with consuming(ten_times, database, second_database):
        await send_and_await(ten_times, listings)
    await worker.relay()
    again_told = list(told(worker))
    snapshots = worker.planner_events()

    changed = [name for name, found in contents(rows).items() if found != expected[name]]
    print(  # noqa: T201
        f"Q-02: {10 * len(listings)} copies to two consumers under new message ids:"
        f" {len(changed)} tables changed, {len(again_told)} facts told again"
    )
    assert sorted(set(expected_told)) == expected_told
    assert (changed, again_told) == ([], [])
    # Ids of entries are Canvas's and ours, both stored: a repeated snapshot tells of the same ones.
    assert {entry["assignmentId"] for event in snapshots for entry in event["assignments"]} == {
        row[0] for row in expected["assignments"]
    }


def history(student: str, first_id: int) -> list[Event]:
    """Return four messages of three versions: one thing goes, one changes, and two share their time."""

    def at(second: int) -> str:
        return f"2025-11-20T03:00:{second:02}.000000Z"

    gone, changing, coming, last = (first_id + n for n in range(4))
    number = first_id
    return [
        synced(
            student,
            complete(number, assignment(gone), assignment(changing, title="v1")),
            observedAt=at(1),
        ),
        synced(
            student,
            complete(number, assignment(changing, title="v2"), assignment(coming, title="v2")),
            observedAt=at(2),
        ),
        synced(student, course(number, assignment(changing, title="v3")), observedAt=at(3)),
        synced(
            student,
            course(
                number,
                assignment(last, title="v3"),
                complete=True,
                canvasAssignmentIds=[changing, last],
            ),
            observedAt=at(3),
        ),
    ]


@pytest.mark.parametrize(
    "orders", [40, pytest.param(1_000, marks=pytest.mark.chaos)], ids="{}-orders".format
)
async def test_random_orders_with_duplicates_and_equal_times_end_at_the_highest_version(
    database: Database, second_database: Database, rows: Rows, orders: int
) -> None:
    """Q-03: two consumers, every message twice and shuffled; one student for each order."""
    sqs = await hostile(copies=2, seed=3)
    events = [
        event for order in range(orders) for event in history(f"student-{order}", 10 * order + 10)
    ]
    random.Random(3).shuffle(events)
    async with consuming(sqs, database, second_database):
        await send_and_await(sqs, events)

    shown: dict[str, dict[int, str]] = {}
    for student, canvas_id, title in rows(
        "SELECT v.cognito_sub, a.canvas_assignment_id, a.title FROM assignment_visibility v"
        " JOIN assignments a ON a.id = v.assignment_id"
    ):
        shown.setdefault(student, {})[canvas_id] = title
    wrong = [
        order
        for order in range(orders)
        if shown.get(f"student-{order}") != {10 * order + 11: "v3", 10 * order + 13: "v3"}
    ]
    dead = sqs.bodies(ASSIGNMENT_EVENTS.dead_letter_name)
    print(  # noqa: T201
        f"Q-03: {orders} random orders, {8 * orders} deliveries: {len(wrong)} do not end at the"
        f" highest version, {len(dead)} dead letters"
    )
    assert (wrong, dead) == ([], [])
