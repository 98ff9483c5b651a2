"""Creates and looks up the SQS queues of the route table, and says what one call to SQS may carry."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shared.events.routes import (
    DEAD_LETTER_RETENTION_SECONDS,
    DEAD_LETTER_SUFFIX,
    MAX_MESSAGE_BYTES,
    MAX_RECEIVE_COUNT,
    QUEUES,
    RETENTION_SECONDS,
    Queue,
)

SQSClient = Any
"""aiobotocore generates its clients at run time, so there is no static type for them."""

BROKER_ERRORS = (BotoCoreError, ClientError, OSError, TimeoutError)
"""What a call raises when the queue cannot be reached or does not answer as it should."""

MAX_BATCH = 10
"""What one call sends, receives, deletes or extends at most."""

DEAD_LETTER_VISIBILITY_SECONDS = 30

ItemT = TypeVar("ItemT")


def batches(
    items: Iterable[ItemT], *, size_bytes: Callable[[ItemT], int] = lambda item: 0
) -> Iterator[list[ItemT]]:
    """Split items, in order, into what one call may carry.

    Args:
        items: Messages or what stands for them.
        size_bytes: What an item counts towards the size limit of a call, attributes included, where bodies are sent.
    """
    batch: list[ItemT] = []
    batch_bytes = 0
    for item in items:
        item_bytes = size_bytes(item)
        if batch and (len(batch) == MAX_BATCH or batch_bytes + item_bytes > MAX_MESSAGE_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += item_bytes
    if batch:
        yield batch


async def create_queues(
    sqs: SQSClient,
    environment: Mapping[str, str],
    *,
    visibility_seconds: int | None = None,
) -> dict[str, str]:
    """Create every queue of the route table with its own dead-letter queue.

    SQS accepts a queue that exists with the same attributes and refuses one that differs.

    Args:
        sqs: An aiobotocore SQS client.
        environment: Where `<QUEUE>_NAME` may rename a queue.
        visibility_seconds: Replaces the 30-second visibility timeouts; longer ones follow their
            function's time-out and stay.

    Returns:
        URL by queue name, dead-letter queues included.
    """
    urls: dict[str, str] = {}
    for queue in QUEUES:
        name = environment.get(queue.name_setting, queue.name)
        dead_letter_name = name + DEAD_LETTER_SUFFIX
        urls[dead_letter_name] = await _create(
            sqs,
            dead_letter_name,
            visibility_seconds=DEAD_LETTER_VISIBILITY_SECONDS,
            retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
        )
        attributes = await sqs.get_queue_attributes(
            QueueUrl=urls[dead_letter_name], AttributeNames=["QueueArn"]
        )
        redrive_policy = {
            "deadLetterTargetArn": attributes["Attributes"]["QueueArn"],
            "maxReceiveCount": MAX_RECEIVE_COUNT,
        }
        urls[name] = await _create(
            sqs,
            name,
            visibility_seconds=_visibility_of(queue, visibility_seconds),
            retention_seconds=RETENTION_SECONDS,
            RedrivePolicy=json.dumps(redrive_policy),
        )
    return urls


async def queue_url(sqs: SQSClient, name: str) -> str:
    """Return the URL of a queue by its name; account ids are never built into URLs."""
    answer = await sqs.get_queue_url(QueueName=name)
    return str(answer["QueueUrl"])


def _visibility_of(queue: Queue, override_seconds: int | None) -> int:
    if override_seconds is not None and queue.visibility_seconds == 30:
        return override_seconds
    return queue.visibility_seconds


async def _create(
    sqs: SQSClient, name: str, *, visibility_seconds: int, retention_seconds: int, **extra: str
) -> str:
    answer = await sqs.create_queue(
        QueueName=name,
        Attributes={
            "VisibilityTimeout": str(visibility_seconds),
            "MessageRetentionPeriod": str(retention_seconds),
            "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
            **extra,
        },
    )
    return str(answer["QueueUrl"])
