"""Sends messages in batches and resends what a batch left out."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.events.routes import MAX_MESSAGE_BYTES
from shared.logging import correlation_id, get_logger
from shared.messaging.queues import SQSClient, queue_url

log = get_logger(__name__)

MAX_BATCH_ENTRIES = 10
ATTRIBUTE_ALLOWANCE_BYTES = 256
"""Attributes count towards the size limit; ours is one id of at most 64 characters with its name."""

MAX_BODY_BYTES = MAX_MESSAGE_BYTES - ATTRIBUTE_ALLOWANCE_BYTES
MAX_ATTEMPTS = 4
RETRY_SECONDS = 0.05
"""Doubled on each try; the outbox waits longer when all of them fail."""


class PublishError(Exception):
    """The queue did not take every message; none may be counted as sent."""


class Publisher:
    """Sends bodies to queues by name, with the current correlation id as message attribute."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs
        self._urls: dict[str, str] = {}

    async def send(self, queue_name: str, bodies: Sequence[bytes]) -> None:
        """Send every body, in batches under SQS's limits.

        Args:
            queue_name: The queue's name; its URL is looked up once.
            bodies: UTF-8 JSON, each at most `MAX_BODY_BYTES`.

        Raises:
            PublishError: The queue cannot be reached or kept refusing an entry.
            ValueError: A body is too large.
        """
        if any(len(body) > MAX_BODY_BYTES for body in bodies):
            raise ValueError("a message body exceeds the size limit")
        try:
            url = self._urls.get(queue_name)
            if url is None:
                url = self._urls[queue_name] = await queue_url(self._sqs, queue_name)
            for batch in _batches(bodies):
                await self._send_batch(url, batch)
        except (BotoCoreError, ClientError, OSError, TimeoutError) as problem:
            raise PublishError(f"{queue_name}: {type(problem).__name__}") from problem

    async def _send_batch(self, url: str, batch: list[bytes]) -> None:
        pending = {str(position): _entry(position, body) for position, body in enumerate(batch)}
        for attempt in range(1, MAX_ATTEMPTS + 1):
            answer = await self._sqs.send_message_batch(
                QueueUrl=url, Entries=list(pending.values())
            )
            for sent in answer.get("Successful", []):
                pending.pop(sent["Id"], None)
            if not pending:
                return
            reasons = sorted({failed.get("Code", "?") for failed in answer.get("Failed", [])})
            log.warning("batch_partly_refused", refused=len(pending), reasons=reasons)
            await asyncio.sleep(RETRY_SECONDS * 2**attempt)
        raise PublishError(f"{len(pending)} entries were refused")


def _batches(bodies: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for body in bodies:
        cost = len(body) + ATTRIBUTE_ALLOWANCE_BYTES
        if batch and (len(batch) == MAX_BATCH_ENTRIES or size + cost > MAX_MESSAGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += cost
    if batch:
        yield batch


def _entry(position: int, body: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(position), "MessageBody": body.decode("utf-8")}
    request_id = correlation_id.get()
    if request_id is not None:
        entry["MessageAttributes"] = {
            "correlationId": {"DataType": "String", "StringValue": request_id}
        }
    return entry
