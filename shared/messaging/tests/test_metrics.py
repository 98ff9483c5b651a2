"""What the gauges say of queues that fill, of dead letters and of a broker that is away."""

import asyncio
import math
import time
from typing import Any
from uuid import uuid4

import orjson
import pytest
from prometheus_client import REGISTRY

from shared.aws import aws_client
from shared.events.routes import QUEUES, TASK_CREATION
from shared.messaging.consumer import Consumer
from shared.messaging.metrics import MEASURE_SECONDS, QueueMonitor
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues, queue_url
from shared.settings import Settings
from shared.testing.hostile_sqs import HostileSQS


@pytest.fixture
def names() -> dict[str, str]:
    return {queue.name_setting: f"{queue.name}-{uuid4().hex[:8]}" for queue in QUEUES}


@pytest.fixture
def name(names: dict[str, str]) -> str:
    return names[TASK_CREATION.name_setting]


def gauge(name: str, queue: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"queue": queue})


async def test_depth_and_dead_letters_are_those_of_the_queue(
    aws: Settings, names: dict[str, str], name: str
) -> None:
    """O-07"""
    async with aws_client("sqs", aws) as sqs:
        await create_queues(sqs, names)
        await Publisher(sqs).send(name, [b"{}"] * 3)
        await Publisher(sqs).send(f"{name}-dlq", [b"{}"] * 2)
        url = await queue_url(sqs, name)
        await sqs.receive_message(QueueUrl=url)

        await QueueMonitor(sqs, [name]).measure()

    assert gauge("queue_reachable", name) == 1
    assert gauge("queue_messages_visible", name) == 2
    assert gauge("queue_messages_in_flight", name) == 1
    assert gauge("queue_dead_letter_messages", name) == 2


async def test_a_dead_letter_shows_within_sixty_seconds(
    aws: Settings, names: dict[str, str], name: str
) -> None:
    """O-07: two looks and a scrape every fifteen seconds fit into it."""
    stopping = asyncio.Event()
    async with aws_client("sqs", aws) as sqs:
        await create_queues(sqs, names)
        interval_seconds = MEASURE_SECONDS / 100
        monitor = QueueMonitor(sqs, [name], interval_seconds=interval_seconds)
        running = asyncio.create_task(monitor.run(stopping))
        while gauge("queue_dead_letter_messages", name) != 0:
            await asyncio.sleep(0.01)
        await Publisher(sqs).send(f"{name}-dlq", [b"{}"])
        sent_at = time.monotonic()
        async with asyncio.timeout(10):
            while gauge("queue_dead_letter_messages", name) != 1:
                await asyncio.sleep(0.01)
        shown_after = time.monotonic() - sent_at
        stopping.set()
        await running

    print(f"O-07: shown after {shown_after / interval_seconds:.1f} looks, one every 15 s")  # noqa: T201
    assert MEASURE_SECONDS <= 20


async def test_the_age_is_that_of_the_oldest_message_in_work_and_nothing_when_all_is_done(
    aws: Settings, names: dict[str, str], name: str
) -> None:
    """O-07"""
    stopping, may_end = asyncio.Event(), asyncio.Event()

    async def handle(event: dict[str, Any]) -> None:
        await may_end.wait()

    async with aws_client("sqs", aws, read_timeout_seconds=20) as sqs:
        await create_queues(sqs, names)
        monitor = QueueMonitor(sqs, [name])
        await Publisher(sqs).send(name, [orjson.dumps({"cognitoSub": "a"})])
        await asyncio.sleep(1)
        await monitor.measure()
        unknown = gauge("queue_oldest_message_age_seconds", name)
        consumer = Consumer(sqs, name, handle, visibility_seconds=30, long_poll_seconds=1)
        running = asyncio.create_task(consumer.run(stopping))
        try:
            async with asyncio.timeout(10):
                while math.isnan(gauge("queue_oldest_message_age_seconds", name) or 0):
                    await asyncio.sleep(0.05)
                    await monitor.measure()
                age = gauge("queue_oldest_message_age_seconds", name)
                may_end.set()
                while gauge("queue_oldest_message_age_seconds", name) != 0:
                    await asyncio.sleep(0.05)
                    await monitor.measure()
        finally:
            may_end.set()
            stopping.set()
            await running

    assert unknown is not None
    assert math.isnan(unknown), "nobody has received it yet"
    assert age is not None
    assert 1 <= age < 10


async def test_a_broker_that_is_away_shows_and_ends_nothing(
    names: dict[str, str], name: str
) -> None:
    """O-05"""
    queues = HostileSQS()
    await create_queues(queues, names)
    monitor = QueueMonitor(queues, [name])
    await monitor.measure()
    queues.is_away = True

    await monitor.measure()

    assert gauge("queue_reachable", name) == 0
    for metric in (
        "queue_messages_visible",
        "queue_messages_in_flight",
        "queue_dead_letter_messages",
        "queue_oldest_message_age_seconds",
    ):
        assert math.isnan(gauge(metric, name) or 0), metric

    queues.is_away = False
    await monitor.measure()
    assert gauge("queue_reachable", name) == 1
    assert gauge("queue_dead_letter_messages", name) == 0
