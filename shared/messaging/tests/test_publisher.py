"""What the publisher promises about batches and limits."""

import orjson
import pytest

from shared.events.routes import MAX_MESSAGE_BYTES, TASK_CREATION
from shared.logging import correlation_id
from shared.messaging.publisher import MAX_BODY_BYTES, Publisher, PublishError
from shared.messaging.queues import create_queues
from shared.testing.hostile_sqs import HostileSQS

QUEUE = TASK_CREATION.name


@pytest.fixture
async def sqs() -> HostileSQS:
    queues = HostileSQS(copies=1)
    await create_queues(queues, {})
    return queues


async def test_more_messages_than_a_batch_holds_all_arrive(sqs: HostileSQS) -> None:
    await Publisher(sqs).send(QUEUE, [orjson.dumps({"number": n}) for n in range(25)])

    assert sorted(body["number"] for body in sqs.bodies(QUEUE)) == list(range(25))


async def test_entries_that_a_batch_left_out_are_sent_again(sqs: HostileSQS) -> None:
    """Q-10"""
    sqs.refuse_next_entries = 4

    await Publisher(sqs).send(QUEUE, [orjson.dumps({"number": n}) for n in range(6)])

    assert sorted(body["number"] for body in sqs.bodies(QUEUE)) == list(range(6))


async def test_an_entry_that_is_always_refused_is_an_error(sqs: HostileSQS) -> None:
    sqs.refuse_next_entries = 1_000

    with pytest.raises(PublishError):
        await Publisher(sqs).send(QUEUE, [b"{}"])


async def test_a_batch_stays_under_the_size_limit_as_a_whole() -> None:
    """Q-10"""
    sizes: list[int] = []

    class MeasuringSQS(HostileSQS):
        async def send_message_batch(self, *, QueueUrl: str, Entries: list) -> dict:
            sizes.append(sum(len(entry["MessageBody"].encode()) for entry in Entries))
            return await super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)

    sqs = MeasuringSQS(copies=1)
    await create_queues(sqs, {})
    body = orjson.dumps({"text": "가" * 33_000})

    await Publisher(sqs).send(QUEUE, [body] * 5)

    assert len(sqs.bodies(QUEUE)) == 5
    assert max(sizes) <= MAX_MESSAGE_BYTES


async def test_a_body_over_the_limit_is_refused_before_anything_is_sent(sqs: HostileSQS) -> None:
    with pytest.raises(ValueError, match="size limit"):
        await Publisher(sqs).send(QUEUE, [b"{}", b"x" * (MAX_BODY_BYTES + 1)])

    assert sqs.bodies(QUEUE) == []


async def test_a_queue_that_cannot_be_reached_is_a_publish_error(sqs: HostileSQS) -> None:
    sqs.is_away = True

    with pytest.raises(PublishError):
        await Publisher(sqs).send(QUEUE, [b"{}"])


async def test_messages_carry_the_correlation_id_as_attribute(sqs: HostileSQS) -> None:
    """G-10"""
    token = correlation_id.set("request-0001")
    await Publisher(sqs).send(QUEUE, [b"{}"])
    correlation_id.reset(token)

    received = await sqs.receive_message(QueueUrl=f"memory://{QUEUE}")
    attribute = received["Messages"][0]["MessageAttributes"]["correlationId"]
    assert attribute == {"DataType": "String", "StringValue": "request-0001"}
