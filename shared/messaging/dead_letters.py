"""Reads, replays and removes what lies in the dead-letter queues.

SQS shows a message only to who receives it, and no emulator moves messages by itself. So a walk receives
batch after batch, hands back at its end what it did not delete, and a replay sends a message before it
deletes it: killed at any point it loses nothing, and what was sent twice has its effect once, as every
consumer is idempotent. A killed walk hides at most what it held, for the queue's own visibility timeout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import orjson

from shared.events.routes import DEAD_LETTER_SUFFIX, Queue
from shared.messaging.metrics import QueueDepth, queue_depth
from shared.messaging.queues import MAX_BATCH, SQSClient, batches, queue_url

WAIT_SECONDS = 1
"""A long poll asks all of SQS's servers, a short one a few: only the former's empty answer means an empty queue."""

REPLAY_COUNT = "replayCount"
ATTRIBUTE_ALLOWANCE_BYTES = 512
"""Attributes count towards the size of a batch; ours are three of less than a hundred bytes each."""


@dataclass(frozen=True)
class DeadLetter:
    """One message as it lies in a dead-letter queue.

    Attributes:
        queue_name: The queue that it came from.
        message_id: The same as at the consumer; a replay gives the message a new one.
        receipt_handle: What deletes or releases it while the walk holds it.
        body: As it was sent.
        attributes: Its message attributes, as SQS writes them.
        sent_at: When it was first sent to its queue, UTC; moving to the dead-letter queue does not renew this.
    """

    queue_name: str
    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, dict[str, Any]]
    sent_at: datetime

    @property
    def event_type(self) -> str | None:
        """Return what the body calls itself, if it can be read."""
        try:
            event = orjson.loads(self.body)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            return None
        event_type = event.get("eventType") if isinstance(event, dict) else None
        return event_type if isinstance(event_type, str) else None

    @property
    def correlation_id(self) -> str | None:
        """Return the id of the request that the message began with."""
        return self.attributes.get("correlationId", {}).get("StringValue")

    @property
    def replay_count(self) -> int:
        """Return how often the message was replayed."""
        count = str(self.attributes.get(REPLAY_COUNT, {}).get("StringValue", ""))
        return int(count) if count.isdecimal() else 0


class DeadLetterQueue:
    """A walk through one dead-letter queue; ends with everything visible again that was not deleted.

    Args:
        sqs: An aiobotocore SQS client.
        queue: The source queue's place in the route table.
        name: Its name, where a setting renames it.
    """

    def __init__(self, sqs: SQSClient, queue: Queue, name: str) -> None:
        self.queue = queue
        self.name = name
        self._sqs = sqs
        self._url = ""
        self._source_url = ""
        self._held: dict[str, DeadLetter] = {}
        self._seen: set[str] = set()
        self._sent: set[str] = set()

    @property
    def dead_letter_name(self) -> str:
        """Return the name of the dead-letter queue itself."""
        return self.name + DEAD_LETTER_SUFFIX

    async def __aenter__(self) -> Self:
        self._source_url = await queue_url(self._sqs, self.name)
        self._url = await queue_url(self._sqs, self.dead_letter_name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for batch in batches(self._held.values()):
            await self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": letter.receipt_handle, "VisibilityTimeout": 0}
                    for n, letter in enumerate(batch)
                ],
            )

    async def depth(self) -> QueueDepth:
        """Return how many messages there are, those that somebody holds included."""
        return await queue_depth(self._sqs, self._url)

    async def next_batch(self) -> list[DeadLetter]:
        """Receive messages that this walk has not seen; an empty list is the end of the walk."""
        batches_seen_before = 0
        while batches_seen_before * MAX_BATCH <= len(self._held):
            answer = await self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MAX_BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            received = [_letter(self.name, raw) for raw in answer.get("Messages", [])]
            # A walk that outlasts the visibility timeout meets messages again: the newest handle counts.
            self._held |= {letter.message_id: letter for letter in received}
            new = [letter for letter in received if letter.message_id not in self._seen]
            self._seen |= {letter.message_id for letter in new}
            # What this walk has replayed may be back before its end, and would go round for ever.
            letters = [letter for letter in new if letter.message_id not in self._sent]
            if letters or not received:
                return letters
            batches_seen_before = 0 if new else batches_seen_before + 1
        # All that this walk holds has come round again: there is nothing else.
        return []

    async def replay(self, letters: Sequence[DeadLetter]) -> dict[str, str]:
        """Send messages to their source queue, counted, then delete those that it took.

        Returns:
            Why by message id, for those that the source queue refused or that could not be deleted.
        """
        problems: dict[str, str] = {}
        taken: list[DeadLetter] = []
        for batch in batches(letters, size_bytes=_size_bytes):
            answer = await self._sqs.send_message_batch(
                QueueUrl=self._source_url,
                Entries=[_replayed(str(n), letter) for n, letter in enumerate(batch)],
            )
            for sent in answer.get("Successful", []):
                self._sent.add(sent["MessageId"])
                taken.append(batch[int(sent["Id"])])
            for failed in answer.get("Failed", []):
                problems[batch[int(failed["Id"])].message_id] = f"not sent: {failed.get('Code')}"
        return problems | await self.delete(taken)

    async def delete(self, letters: Sequence[DeadLetter]) -> dict[str, str]:
        """Delete messages that this walk holds.

        Returns:
            Why by message id, for those that are still there.
        """
        problems: dict[str, str] = {}
        for batch in batches(letters):
            answer = await self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": letter.receipt_handle}
                    for n, letter in enumerate(batch)
                ],
            )
            for deleted in answer.get("Successful", []):
                self._held.pop(batch[int(deleted["Id"])].message_id, None)
            for failed in answer.get("Failed", []):
                letter = batch[int(failed["Id"])]
                problems[letter.message_id] = f"not deleted: {failed.get('Code')}"
        return problems


def _letter(queue_name: str, raw: Mapping[str, Any]) -> DeadLetter:
    milliseconds = int(raw.get("Attributes", {}).get("SentTimestamp", 0))
    return DeadLetter(
        queue_name,
        raw["MessageId"],
        raw["ReceiptHandle"],
        raw["Body"],
        dict(raw.get("MessageAttributes", {})),
        datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None),
    )


def _replayed(entry_id: str, letter: DeadLetter) -> dict[str, Any]:
    count = {"DataType": "Number", "StringValue": str(letter.replay_count + 1)}
    return {
        "Id": entry_id,
        "MessageBody": letter.body,
        "MessageAttributes": {**letter.attributes, REPLAY_COUNT: count},
    }


def _size_bytes(letter: DeadLetter) -> int:
    return len(letter.body.encode()) + ATTRIBUTE_ALLOWANCE_BYTES
