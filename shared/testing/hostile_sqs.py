"""An in-memory SQS that does what the real one may do and emulators do not: reorder, repeat, delay, lose replies.

It has the methods of an aiobotocore SQS client that we use, with the same names, parameters and answers;
`tests/system/test_queue_scenarios.py` runs the same scenarios on it and on the real protocol.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, EndpointConnectionError

POLL_SECONDS = 0.005


@dataclass
class _Stored:
    message_id: str
    body: str
    attributes: dict[str, Any]
    visible_at: float = 0.0
    receives: int = 0
    receipt_handle: str = ""


@dataclass
class _Queue:
    name: str
    attributes: dict[str, str]
    messages: list[_Stored] = field(default_factory=list)


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
        return [json.loads(message.body) for message in self._queues[queue_name].messages]

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
        visible = sum(message.visible_at <= now for message in queue.messages)
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
                queue.messages.append(
                    _Stored(message_id, entry["MessageBody"], entry.get("MessageAttributes", {}))
                )
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
        queue.messages = [
            message for message in queue.messages if message.receipt_handle != ReceiptHandle
        ]
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
        in_flight = {m.receipt_handle: m for m in self._queue(QueueUrl).messages}
        successful, failed = [], []
        for entry in Entries:
            message = in_flight.get(entry["ReceiptHandle"])
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
        visible = [message for message in queue.messages if message.visible_at <= now]
        if self._shuffled:
            self._random.shuffle(visible)
        policy = json.loads(queue.attributes.get("RedrivePolicy", "{}"))
        default_seconds = float(queue.attributes.get("VisibilityTimeout", "30"))
        taken: list[dict[str, Any]] = []
        for message in visible:
            if len(taken) == limit:
                break
            if policy and message.receives >= int(policy["maxReceiveCount"]):
                queue.messages.remove(message)
                target = self._queues[policy["deadLetterTargetArn"].rpartition(":")[2]]
                target.messages.append(
                    _Stored(message.message_id, message.body, message.attributes)
                )
                continue
            message.receives += 1
            message.receipt_handle = uuid4().hex
            message.visible_at = now + self._second * (
                default_seconds if visibility_seconds is None else visibility_seconds
            )
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

    def _queue(self, url: str) -> _Queue:
        return self._queues[url.removeprefix("memory://")]

    def _answer_or_fail(self) -> None:
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="memory://")
