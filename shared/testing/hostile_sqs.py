"""An in-memory SQS that does what the real one may do and emulators do not: reorder, repeat, delay, lose replies.

It has the methods of an aiobotocore SQS client that we use, with the same names, parameters and answers;
`tests/system/test_queue_scenarios.py` runs the same scenarios on it and on the real protocol.
"""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import md5
from itertools import count
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, EndpointConnectionError

POLL_SECONDS = 0.005


@dataclass
class StoredMessage:
    """A message as a queue keeps it; tests may change it."""

    number: int
    message_id: str
    body: str
    attributes: dict[str, Any]
    visible_at: float = 0.0
    receives: int = 0
    receipt_handle: str = ""

    @cached_property
    def parsed(self) -> Any:
        """Return what the body says."""
        # Once: tests look at thousands of waiting messages again and again.
        return json.loads(self.body)


@dataclass
class _Queue:
    name: str
    attributes: dict[str, str]
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    """By number, in the order in which they were sent."""
    received: dict[str, StoredMessage] = field(default_factory=dict)
    """By receipt handle, also when visible again."""
    numbers: Iterator[int] = field(default_factory=count)

    def add(self, message_id: str, body: str, attributes: dict[str, Any]) -> None:
        message = StoredMessage(next(self.numbers), message_id, body, attributes)
        self.messages[message.number] = message

    def remove(self, message: StoredMessage) -> None:
        del self.messages[message.number]
        self.received.pop(message.receipt_handle, None)

    def held_by(self, receipt_handle: str) -> StoredMessage | None:
        message = self.received.get(receipt_handle)
        return message if message and message.receipt_handle == receipt_handle else None

    def hand_out(self, message: StoredMessage, *, visible_at: float) -> None:
        self.received.pop(message.receipt_handle, None)
        message.receives += 1
        message.receipt_handle = uuid4().hex
        message.visible_at = visible_at
        self.received[message.receipt_handle] = message


class HostileSQS:
    """Queues in memory; hostile unless told otherwise.

    Args:
        seed: Makes the shuffling repeatable.
        copies: How often every message is delivered; 2 is what a standard queue is allowed to do.
        shuffled: Whether a receive takes messages in random order.
        second: Real seconds that one second of a visibility timeout lasts.
    """

    def __init__(
        self, *, seed: int = 0, copies: int = 2, shuffled: bool = True, second: float = 1.0
    ) -> None:
        self.is_away = False
        self.refuse_next_entries = 0
        self._random = random.Random(seed)  # noqa: S311
        self._copies = copies
        self._shuffled = shuffled
        self._second = second
        self._queues: dict[str, _Queue] = {}

    def bodies(self, queue_name: str) -> list[Any]:
        """Return the parsed bodies that wait or are in flight in a queue."""
        return [message.parsed for message in self.messages(queue_name)]

    def messages(self, queue_name: str) -> list[StoredMessage]:
        """Return the messages that wait or are in flight in a queue, in the order in which they were sent."""
        return list(self._queues[queue_name].messages.values())

    async def create_queue(
        self, *, QueueName: str, Attributes: dict[str, str] | None = None
    ) -> dict[str, str]:
        """Create a queue or return the existing one."""
        self._answer_or_fail()
        self._queues.setdefault(QueueName, _Queue(QueueName, dict(Attributes or {})))
        return {"QueueUrl": f"memory://{QueueName}"}

    async def get_queue_url(self, *, QueueName: str) -> dict[str, str]:
        """Return the URL of a queue."""
        self._answer_or_fail()
        if QueueName not in self._queues:
            raise ClientError(
                {"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl"
            )
        return {"QueueUrl": f"memory://{QueueName}"}

    async def get_queue_attributes(
        self, *, QueueUrl: str, AttributeNames: list[str]
    ) -> dict[str, dict[str, str]]:
        """Return the stored attributes, the ARN and the number of messages."""
        self._answer_or_fail()
        queue = self._queue(QueueUrl)
        now = time.monotonic()
        visible = sum(message.visible_at <= now for message in queue.messages.values())
        known = {
            **queue.attributes,
            "QueueArn": f"arn:aws:sqs:memory:0:{queue.name}",
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(len(queue.messages) - visible),
        }
        names = known if "All" in AttributeNames else AttributeNames
        return {"Attributes": {name: known[name] for name in names if name in known}}

    async def send_message_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Store entries; the next `refuse_next_entries` of them are reported as failed."""
        self._answer_or_fail()
        queue = self._queue(QueueUrl)
        successful, failed = [], []
        for entry in Entries:
            if self.refuse_next_entries > 0:
                self.refuse_next_entries -= 1
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            message_id = str(uuid4())
            for _ in range(self._copies):
                queue.add(message_id, entry["MessageBody"], entry.get("MessageAttributes", {}))
            digest = md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()
            successful.append(
                {"Id": entry["Id"], "MessageId": message_id, "MD5OfMessageBody": digest}
            )
        return {"Successful": successful, "Failed": failed}

    async def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        WaitTimeSeconds: float = 0,
        VisibilityTimeout: int | None = None,
        MessageAttributeNames: list[str] | None = None,
        MessageSystemAttributeNames: list[str] | None = None,
    ) -> dict[str, Any]:
        """Hand out visible messages; wait for one up to the long poll's end."""
        deadline = time.monotonic() + WaitTimeSeconds
        while True:
            self._answer_or_fail()
            taken = self._take(self._queue(QueueUrl), MaxNumberOfMessages, VisibilityTimeout)
            if taken or time.monotonic() >= deadline:
                return {"Messages": taken} if taken else {}
            await asyncio.sleep(POLL_SECONDS)

    async def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        """Delete by the newest receipt handle; an old one reports success and deletes nothing."""
        self._answer_or_fail()
        queue = self._queue(QueueUrl)
        message = queue.held_by(ReceiptHandle)
        if message is not None:
            queue.remove(message)
        return {}

    async def delete_message_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Delete by the newest receipt handles; old ones are reported as successful and delete nothing."""
        for entry in Entries:
            await self.delete_message(QueueUrl=QueueUrl, ReceiptHandle=entry["ReceiptHandle"])
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}

    async def change_message_visibility_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Set when messages in flight become visible again."""
        self._answer_or_fail()
        queue = self._queue(QueueUrl)
        successful, failed = [], []
        for entry in Entries:
            message = queue.held_by(entry["ReceiptHandle"])
            if message is None:
                failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"})
            else:
                message.visible_at = time.monotonic() + self._second * entry["VisibilityTimeout"]
                successful.append({"Id": entry["Id"]})
        return {"Successful": successful, "Failed": failed}

    def _take(
        self, queue: _Queue, limit: int, visibility_seconds: int | None
    ) -> list[dict[str, Any]]:
        now = time.monotonic()
        policy = json.loads(queue.attributes.get("RedrivePolicy", "{}"))
        default_seconds = float(queue.attributes.get("VisibilityTimeout", "30"))
        seconds = default_seconds if visibility_seconds is None else visibility_seconds
        taken: list[dict[str, Any]] = []
        for message in self._in_order_of_receipt(queue, now):
            if len(taken) == limit:
                break
            if policy and message.receives >= int(policy["maxReceiveCount"]):
                queue.remove(message)
                target = self._queues[policy["deadLetterTargetArn"].rpartition(":")[2]]
                target.add(message.message_id, message.body, message.attributes)
                continue
            queue.hand_out(message, visible_at=now + self._second * seconds)
            taken.append(
                {
                    "MessageId": message.message_id,
                    "ReceiptHandle": message.receipt_handle,
                    "Body": message.body,
                    "MessageAttributes": message.attributes,
                    "Attributes": {"ApproximateReceiveCount": str(message.receives)},
                }
            )
        return taken

    def _in_order_of_receipt(self, queue: _Queue, now: float) -> Iterator[StoredMessage]:
        visible = [message for message in queue.messages.values() if message.visible_at <= now]
        if not self._shuffled:
            yield from visible
        while self._shuffled and visible:
            # Drawn one by one, for most of a long queue is not received now.
            yield visible.pop(self._random.randrange(len(visible)))

    def _queue(self, url: str) -> _Queue:
        return self._queues[url.removeprefix("memory://")]

    def _answer_or_fail(self) -> None:
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="memory://")
