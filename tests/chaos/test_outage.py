"""Q-08: an outage of the database costs time and nothing else."""

import asyncio
import time

import pytest

from shared.events.routes import ASSIGNMENT_EVENTS, MAX_RECEIVE_COUNT
from tests.chaos.surroundings import COURSE, VISIBILITY_SECONDS, Surroundings, sync_message

OUTAGE_SECONDS = 5 * VISIBILITY_SECONDS * MAX_RECEIVE_COUNT
BACKLOG = 10_000
STUDENTS = 1_000


@pytest.mark.chaos
async def test_an_outage_drains_nothing_into_the_dead_letter_queue_and_its_backlog_is_soon_done(
    surroundings: Surroundings,
) -> None:
    """Q-08"""
    place = surroundings
    await place.send(ASSIGNMENT_EVENTS, [sync_message(0, STUDENTS)])
    worker = await place.started(COURSE)
    await place.until_applied(1)

    await worker.database.close()
    down_at = time.monotonic()
    await place.send(
        ASSIGNMENT_EVENTS, [sync_message(number, STUDENTS) for number in range(1, BACKLOG)]
    )
    await asyncio.sleep(max(0.0, down_at + OUTAGE_SECONDS - time.monotonic()))
    outage_seconds = time.monotonic() - down_at
    polls = sum(at >= down_at for at in worker.receives_at)
    dead = await place.dead_letters()

    await worker.database.open()
    up_at = time.monotonic()
    await place.until_applied(2)
    first_after = time.monotonic() - up_at
    drained_from, began_at = await place.applied(), time.monotonic()
    # Counting ten thousand rows more often would take from the worker what is measured.
    await place.until_applied(BACKLOG, seconds=240, every_seconds=0.5)
    rate = (BACKLOG - drained_from) / (time.monotonic() - began_at)
    await place.until_quiet()
    dead += await place.dead_letters()

    print(
        f"\nQ-08: database away for {outage_seconds:.0f} s with {BACKLOG} messages waiting: {dead} in"
        f" the dead-letter queue, {polls / outage_seconds:.2f} polls a second, first success"
        f" {first_after:.1f} s after recovery, then {rate:.0f} messages a second"
    )
    assert dead == 0
    assert polls <= 2 * outage_seconds
    assert first_after <= 10
    assert rate >= 100
