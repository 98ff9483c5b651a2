"""Q-07: long work keeps its message, and a killed worker's message comes soon to another."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from shared.events.routes import ASSIGNMENT_EVENTS
from tests.chaos.surroundings import COURSE, VISIBILITY_SECONDS, Surroundings, Worker, sync_message

STUDENTS = 5
WARM_UP = 60 * STUDENTS
"""After so many successes each of two workers takes all the students' messages at once."""

LONG_SECONDS = 5 * VISIBILITY_SECONDS


@pytest.fixture
async def two_workers(surroundings: Surroundings) -> list[Worker]:
    await surroundings.send(
        ASSIGNMENT_EVENTS, [sync_message(number, STUDENTS) for number in range(WARM_UP)]
    )
    workers = [await surroundings.started(COURSE) for _ in range(2)]
    await surroundings.until_applied(WARM_UP)
    await surroundings.until_quiet()
    for worker in workers:
        worker.received.clear()
    return workers


async def send_and_await_receives(place: Surroundings, workers: list[Worker], number: int) -> None:
    """Send every student one message, and wait until each is in work somewhere."""
    await place.send(
        ASSIGNMENT_EVENTS, [sync_message(number + n, STUDENTS) for n in range(STUDENTS)]
    )
    async with asyncio.timeout(90):
        while sum(len(worker.received) for worker in workers) < STUDENTS:
            await asyncio.sleep(0.02)


@pytest.mark.chaos
async def test_work_of_five_times_the_visibility_is_never_handed_out_twice(
    surroundings: Surroundings, two_workers: list[Worker]
) -> None:
    """Q-07: a held row makes the handlers slow."""
    async with AsyncExitStack() as held:
        for student in range(STUDENTS):
            await held.enter_async_context(surroundings.student_held(student))
        await send_and_await_receives(surroundings, two_workers, WARM_UP)
        await asyncio.sleep(LONG_SECONDS)
    await surroundings.until_applied(WARM_UP + STUDENTS)
    await surroundings.until_quiet()

    receives = [message_id for worker in two_workers for message_id in worker.received]
    print(
        f"\nQ-07: {STUDENTS} messages in work for {LONG_SECONDS} s at a visibility of"
        f" {VISIBILITY_SECONDS} s: {len(receives) - len(set(receives))} handed out twice"
    )
    assert len(receives) == len(set(receives)) == STUDENTS
    assert await surroundings.dead_letters() == 0


@pytest.mark.chaos
async def test_a_killed_workers_long_work_comes_to_another_within_the_visibility_and_two_seconds(
    surroundings: Surroundings, two_workers: list[Worker]
) -> None:
    """Q-07"""
    async with AsyncExitStack() as held:
        for student in range(STUDENTS):
            await held.enter_async_context(surroundings.student_held(student))
        await send_and_await_receives(surroundings, two_workers, WARM_UP)
        await asyncio.sleep(1.5 * VISIBILITY_SECONDS)
        victim = max(two_workers, key=lambda worker: len(worker.received))
        [other] = [worker for worker in two_workers if worker is not victim]
        victim.kill()
        killed_at = time.monotonic()
        async with asyncio.timeout(90):
            while not set(victim.received) <= set(other.received):
                await asyncio.sleep(0.02)
        seconds = time.monotonic() - killed_at
    await surroundings.until_applied(WARM_UP + STUDENTS)

    print(
        f"\nQ-07: {len(victim.received)} messages of a killed worker with another after"
        f" {seconds:.1f} s; visibility {VISIBILITY_SECONDS} s"
    )
    assert seconds <= VISIBILITY_SECONDS + 2
