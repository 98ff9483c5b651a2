"""Sends messages in batches and resends what a batch left out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.events.routes import MAX_MESSAGE_BYTES
from shared.logging import correlation_id, get_logger
from shared.messaging.queues import BROKER_ERRORS, SQSClient, batches, queue_url
from shared.tracing.messages import ATTRIBUTE, sending

log = get_logger(__name__)

ATTRIBUTE_ALLOWANCE_BYTES = 256
"""Attributes count towards the size limit; ours are two ids of at most 64 characters with their names."""

MAX_BODY_BYTES = MAX_MESSAGE_BYTES - ATTRIBUTE_ALLOWANCE_BYTES
MAX_ATTEMPTS = 4
RETRY_SECONDS = 0.05
"""Doubled on each try; the outbox waits longer when all of them fail."""


class PublishError(Exception):
    """The queue did not take every message; none may be counted as sent."""


@dataclass(frozen=True)
class OutgoingMessage:
    """A body of UTF-8 JSON, the id of the request that it goes back to, and the span it is sent by."""

    body: bytes
    correlation_id: str | None
    traceparent: str | None = None


_Numbered = tuple[int, OutgoingMessage]


class Publisher:
    """Sends messages to queues by name, with their correlation ids and traces as attributes."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs
        self._urls: dict[str, str] = {}

    async def send(self, queue_name: str, bodies: Sequence[bytes]) -> None:
        """Send every body under the current correlation id.

        Args:
            queue_name: The queue's name; its URL is looked up once.
            bodies: UTF-8 JSON, each at most `MAX_BODY_BYTES`.

        Raises:
            PublishError: The queue cannot be reached or kept refusing an entry.
            ValueError: A body is too large.
        """
        if any(len(body) > MAX_BODY_BYTES for body in bodies):
            raise ValueError("a message body exceeds the size limit")
        request_id = correlation_id.get()
        with sending(queue_name, "send", count=len(bodies)) as trace:
            refused = await self.send_all(
                queue_name,
                [OutgoingMessage(body, request_id, trace.traceparent) for body in bodies],
            )
            if refused:
                raise PublishError(f"{queue_name}: {len(refused)} entries were refused")

    async def send_all(
        self, queue_name: str, messages: Sequence[OutgoingMessage]
    ) -> dict[int, str]:
        """Send messages in batches under SQS's limits, and tell which ones the queue will never take.

        Args:
            queue_name: The queue's name; its URL is looked up once.
            messages: Those over `MAX_BODY_BYTES` are refused without asking.

        Returns:
            The reason by position in `messages`; all others are sent.

        Raises:
            PublishError: The queue cannot be reached or kept failing; any of them may or may not be sent.
        """
        refused = {
            position: "MessageTooLong"
            for position, message in enumerate(messages)
            if len(message.body) > MAX_BODY_BYTES
        }
        sendable = [numbered for numbered in enumerate(messages) if numbered[0] not in refused]
        try:
            url = self._urls.get(queue_name)
            if url is None:
                url = self._urls[queue_name] = await queue_url(self._sqs, queue_name)
            for batch in batches(sendable, size_bytes=_size_bytes):
                refused |= await self._send_batch(url, batch)
        except BROKER_ERRORS as problem:
            raise PublishError(f"{queue_name}: {type(problem).__name__}") from problem
        return refused

    async def _send_batch(self, url: str, batch: list[_Numbered]) -> dict[int, str]:
        pending = {str(position): _entry(position, message) for position, message in batch}
        refused: dict[int, str] = {}
        for attempt in range(1, MAX_ATTEMPTS + 1):
            answer = await self._sqs.send_message_batch(
                QueueUrl=url, Entries=list(pending.values())
            )
            for sent in answer.get("Successful", []):
                pending.pop(sent["Id"], None)
            failed = answer.get("Failed", [])
            for entry in failed:
                if entry.get("SenderFault"):
                    refused[int(entry["Id"])] = str(entry.get("Code", "?"))
                    pending.pop(entry["Id"], None)
            if not pending:
                return refused
            reasons = sorted({entry.get("Code", "?") for entry in failed})
            log.warning("batch_partly_refused", refused=len(pending), reasons=reasons)
            await asyncio.sleep(RETRY_SECONDS * 2**attempt)
        raise PublishError(f"{len(pending)} entries were refused")


def _size_bytes(numbered: _Numbered) -> int:
    return len(numbered[1].body) + ATTRIBUTE_ALLOWANCE_BYTES


def _entry(position: int, message: OutgoingMessage) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(position), "MessageBody": message.body.decode("utf-8")}
    ids = {"correlationId": message.correlation_id, ATTRIBUTE: message.traceparent}
    attributes = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in ids.items()
        if value is not None
    }
    if attributes:
        entry["MessageAttributes"] = attributes
    return entry
