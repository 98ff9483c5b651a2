"""The consumer with its handler, on a queue that repeats and reorders."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from shared.events.routes import TASK_CREATION
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues
from shared.testing.hostile_sqs import HostileSQS


@pytest.fixture
async def sqs():
    queues = HostileSQS(seed=7, second=0.2)
    await create_queues(queues, {}, visibility_seconds=1)
    return queues


@asynccontextmanager
async def running(sqs, handle):
    stopping = asyncio.Event()
    consumer = Consumer(
        sqs, TASK_CREATION.name, handle, visibility_seconds=1, long_poll_seconds=0.1
    )
    work = asyncio.create_task(consumer.run(stopping))
    yield
    stopping.set()
    await work


async def until(condition, seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def send(sqs, *messages) -> None:
    await Publisher(sqs).send(TASK_CREATION.name, [orjson.dumps(message) for message in messages])


async def test_the_samples_take_effect_and_leave_the_queue(sqs, handle, planner, events):
    first = events.sample("USER_ASSIGNMENTS_CREATED")
    await send(sqs, first)
    async with running(sqs, handle):
        await until(lambda: planner.deadlines() and not sqs.bodies(TASK_CREATION.name))
        await send(sqs, events.sample("COURSE_DISABLED"))
        await until(lambda: not planner.deadlines() and not sqs.bodies(TASK_CREATION.name))


async def test_poison_ends_in_the_dead_letter_queue_and_its_neighbours_are_applied(
    sqs, handle, planner, events
):
    """Q-05, Q-06, Q-10, V-1: unknown and unreadable messages are never deleted."""
    unknown = {"eventType": "TASKS_GENERATED_V2", "cognitoSub": planner.sub, "number": 1}
    unreadable = {"eventType": "COURSE_DISABLED", "cognitoSub": planner.sub}
    await send(sqs, unknown, events.snapshot(events.entry(1)), unreadable)
    async with running(sqs, handle):
        await until(lambda: not sqs.bodies(TASK_CREATION.name))
    dead = sqs.bodies(TASK_CREATION.dead_letter_name)
    assert {orjson.dumps(body) for body in dead} == {
        orjson.dumps(unknown),
        orjson.dumps(unreadable),
    }
    assert len(planner.deadlines()) == 1


async def test_two_workers_on_a_hostile_queue_end_at_the_newest(sqs, handle, planner, events):
    """Q-02, Q-03"""
    marks = range(1, 21)
    await send(
        sqs,
        *(
            events.snapshot(
                events.entry(mark), events.entry(99, title=str(mark)), snapshotAt=events.at(mark)
            )
            for mark in marks
        ),
    )
    async with running(sqs, handle), running(sqs, handle):
        await until(lambda: not sqs.bodies(TASK_CREATION.name))
    assert sqs.bodies(TASK_CREATION.dead_letter_name) == []
    assert {row["source_id"]: row["title"] for row in planner.schedules()} == {
        events.source_id(20): "Scheduler lab",
        events.source_id(99): "20",
    }
