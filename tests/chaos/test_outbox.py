"""Q-04: what is committed is published, and nothing else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from itertools import islice

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.settings import QueueNames
from services.course_service.sync.handlers import sync_handler
from services.course_service.sync.schemas import read_sync
from services.course_service.sync.service import apply_sync
from shared.database import Database
from shared.events.routes import LLM_ANALYSIS, SUBMISSION_EVENTS, TASK_CREATION
from tests.chaos.proxy import Step
from tests.chaos.surroundings import COURSE, Surroundings, Worker, sync_message

AWAY_SECONDS = 60
ROUNDS = 2
KILLS = 5
"""In a row before one worker sends what all of them had claimed."""

STUDENTS = 40
ROLLED_BACK = 1_000_000
"""Numbers from here on are messages whose work is rolled back."""


class RolledBack(Exception):
    """Ends a unit of work; a database error would have it tried again."""


class Change:
    """Commits work in this process, and rolls other work back, as the worker's handler would."""

    def __init__(self, database: Database, names: QueueNames) -> None:
        self._database = database
        self._names = names
        self._handle = sync_handler(database, names)
        self.committed: set[int] = set()

    async def commit(self, number: int) -> None:
        await self._handle(sync_message(number, STUDENTS))
        self.committed.add(number + 1)

    async def roll_back(self, number: int) -> None:
        sync = read_sync(sync_message(ROLLED_BACK + number, STUDENTS))

        async def work(session: AsyncSession) -> None:
            await apply_sync(session, sync, queue_names=self._names)
            raise RolledBack

        with contextlib.suppress(RolledBack):
            await self._database.transaction(work)


@pytest.fixture
async def change(surroundings: Surroundings) -> AsyncIterator[Change]:
    database = Database(surroundings.database_urls[COURSE])
    names = QueueNames(
        task_creation=surroundings.name_of(TASK_CREATION),
        llm_analysis=surroundings.name_of(LLM_ANALYSIS),
        submission_events=surroundings.name_of(SUBMISSION_EVENTS),
    )
    yield Change(database, names)
    await database.close()


async def published_after(place: Surroundings, began_at: float) -> float:
    """Wait until the outbox is empty; returns how many seconds after `began_at` that was."""
    async with asyncio.timeout(60):
        while place.count(COURSE, "SELECT COUNT(*) FROM outbox"):
            await asyncio.sleep(0.05)
    return time.monotonic() - began_at


async def compare(place: Surroundings, change: Change) -> tuple[int, int]:
    """Return how many committed facts were never told, and how many untrue ones were."""
    analysed = {event["canvasAssignmentId"] for event in await place.take_everything(LLM_ANALYSIS)}
    planned = {
        entry["canvasAssignmentId"]
        for event in await place.take_everything(TASK_CREATION)
        for entry in event["assignments"]
    }
    missing = len(change.committed - analysed) + len(change.committed - planned)
    untrue = len((analysed | planned) - change.committed)
    return missing, untrue


async def kill_before_send(place: Surroundings) -> None:
    """Start a worker, and kill it when it is about to send what was committed."""
    worker = Worker(place, COURSE)
    is_sending = asyncio.Event()

    def watch(step: Step) -> bool:
        if (step.name, step.phase) != ("SendMessageBatch", "asked"):
            return True
        worker.kill()
        is_sending.set()
        return False

    worker.on_step = watch
    await worker.start()
    async with asyncio.timeout(90):
        await is_sending.wait()
    await worker.gone()


@pytest.mark.chaos
async def test_events_wait_for_a_broker_that_is_away_for_a_minute(
    surroundings: Surroundings, change: Change
) -> None:
    """Q-04"""
    worker = await surroundings.started(COURSE)
    await change.commit(0)
    await published_after(surroundings, time.monotonic())
    await worker.queues.close()
    away_at, number = time.monotonic(), 0
    while time.monotonic() < away_at + AWAY_SECONDS:
        number += 1
        await change.commit(number)
        await change.roll_back(number)
        await asyncio.sleep(0.2)
    waiting = surroundings.count(COURSE, "SELECT COUNT(*) FROM outbox")
    await worker.queues.open()
    seconds = await published_after(surroundings, time.monotonic())
    missing, untrue = await compare(surroundings, change)

    print(
        f"\nQ-04: broker away for {AWAY_SECONDS} s, {waiting} events waiting: all sent"
        f" {seconds:.1f} s after recovery; of {len(change.committed)} committed and {number} rolled"
        f" back changes {missing} untold, {untrue} told that never happened"
    )
    assert waiting >= number
    assert seconds <= 10
    assert (missing, untrue) == (0, 0)


@pytest.mark.chaos
async def test_events_of_a_worker_killed_between_commit_and_send_are_sent_by_the_next(
    surroundings: Surroundings, change: Change
) -> None:
    """Q-04"""
    slowest = 0.0
    numbers = iter(range(10 * ROUNDS * KILLS))
    for _ in range(ROUNDS):
        for _ in range(KILLS):
            for number in islice(numbers, 10):
                await change.commit(number)
                await change.roll_back(number)
            await kill_before_send(surroundings)
        successor = Worker(surroundings, COURSE)
        await successor.start()
        async with asyncio.timeout(90):
            while not successor.receives_at:
                await asyncio.sleep(0.02)
        slowest = max(slowest, await published_after(surroundings, time.monotonic()))
        successor.kill()
        await successor.gone()
    missing, untrue = await compare(surroundings, change)

    print(
        f"\nQ-04: {ROUNDS * KILLS} kills between commit and send: all sent within {slowest:.1f} s of"
        f" the next worker's start; of {len(change.committed)} committed and as many rolled back"
        f" changes {missing} untold, {untrue} told that never happened"
    )
    assert len(change.committed) == 10 * ROUNDS * KILLS
    assert slowest <= 10
    assert (missing, untrue) == (0, 0)
