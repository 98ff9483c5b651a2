"""The queue double is held to the real SQS protocol: the same scenarios on both."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from shared.aws import aws_client
from shared.events.routes import QUEUES, TASK_CREATION
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues, queue_url
from shared.settings import Settings
from shared.testing.hostile_sqs import HostileSQS
from tests.system.conftest import Stack

pytestmark = pytest.mark.stack


class Queue:
    """One queue with its dead-letter queue, on either implementation."""

    def __init__(self, sqs: Any, name: str) -> None:
        self.sqs = sqs
        self.name = name
        self.dead_letter_name = f"{name}-dlq"

    async def send(self, *bodies: bytes) -> None:
        await Publisher(self.sqs).send(self.name, bodies)

    async def receive(self, name: str | None = None, **options: Any) -> list[dict[str, Any]]:
        url = await queue_url(self.sqs, name or self.name)
        answer = await self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, **options
        )
        return list(answer.get("Messages", []))

    async def delete(self, message: dict[str, Any]) -> None:
        url = await queue_url(self.sqs, self.name)
        await self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    async def set_visibility(self, message: dict[str, Any], seconds: int) -> Any:
        return await self.sqs.change_message_visibility_batch(
            QueueUrl=await queue_url(self.sqs, self.name),
            Entries=[
                {
                    "Id": "0",
                    "ReceiptHandle": message["ReceiptHandle"],
                    "VisibilityTimeout": seconds,
                }
            ],
        )


@pytest.fixture(params=["double", "protocol"])
async def queue(
    request: pytest.FixtureRequest, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Queue]:
    names = {queue.name_setting: f"{queue.name}-{uuid4().hex[:8]}" for queue in QUEUES}
    name = names[TASK_CREATION.name_setting]
    if request.param == "double":
        double = HostileSQS(copies=1)
        await create_queues(double, names, visibility_seconds=1)
        yield Queue(double, name)
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack["aws_secret_access_key"])
    settings = Settings(aws_region=stack["region"], aws_endpoint_url=stack["aws"])
    async with aws_client("sqs", settings) as sqs:
        await create_queues(sqs, names, visibility_seconds=1)
        yield Queue(sqs, name)


async def test_a_received_message_is_invisible_until_its_timeout(queue: Queue) -> None:
    await queue.send(b'{"a": 1}')

    received = [len(await queue.receive()), len(await queue.receive())]

    assert received == [1, 1], "the second receive waits a second, as long as the timeout"


async def test_a_deleted_message_does_not_come_back(queue: Queue) -> None:
    await queue.send(b'{"a": 1}')
    (message,) = await queue.receive()

    await queue.delete(message)

    assert await queue.receive() == []


async def test_deleting_with_an_old_receipt_handle_deletes_nothing(queue: Queue) -> None:
    await queue.send(b'{"a": 1}')
    (first,) = await queue.receive(VisibilityTimeout=0)
    (second,) = await queue.receive(VisibilityTimeout=0)
    assert first["ReceiptHandle"] != second["ReceiptHandle"]

    # SQS reports success, the emulator refuses; either way nothing may be deleted.
    with suppress(ClientError):
        await queue.delete(first)

    assert len(await queue.receive()) == 1


async def test_a_message_handed_back_is_visible_at_once(queue: Queue) -> None:
    await queue.send(b'{"a": 1}')
    (message,) = await queue.receive(VisibilityTimeout=30)

    answer = await queue.set_visibility(message, 0)

    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert len(await queue.receive()) == 1


async def test_the_fourth_receive_finds_the_message_in_the_dead_letter_queue(
    queue: Queue,
) -> None:
    await queue.send(b'{"poison": true}')
    for _ in range(3):
        assert len(await queue.receive(VisibilityTimeout=0)) == 1

    assert await queue.receive() == []
    (moved,) = await queue.receive(queue.dead_letter_name)
    assert moved["Body"] == '{"poison": true}'


async def test_attributes_and_bodies_arrive_unchanged(queue: Queue) -> None:
    body = '{"title": "과제 1 — 스케줄러 🗓"}'
    await queue.sqs.send_message_batch(
        QueueUrl=await queue_url(queue.sqs, queue.name),
        Entries=[
            {
                "Id": "0",
                "MessageBody": body,
                "MessageAttributes": {
                    "correlationId": {"DataType": "String", "StringValue": "request-0001"}
                },
            }
        ],
    )

    (message,) = await queue.receive(MessageAttributeNames=["correlationId"])

    assert message["Body"] == body
    assert message["MessageAttributes"]["correlationId"]["StringValue"] == "request-0001"


async def test_a_batch_hands_out_at_most_ten(queue: Queue) -> None:
    await queue.send(*(b'{"number": %d}' % number for number in range(15)))

    first = await queue.receive(VisibilityTimeout=30)

    assert len(first) <= 10
    assert len({message["MessageId"] for message in first}) == len(first)
