"""What a consumer knows of failed messages: each is recorded, and explains why its message comes again."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.logging import get_logger
from shared.messaging.metrics import FAILED

log = get_logger(__name__)

REMEMBERED = 1_000
"""Far more than fail here within the time until they come again; asking the record would cost each a query."""


@dataclass(frozen=True)
class FailedMessage:
    """One receive of a message that could not be applied; says nothing that the body says but its type.

    Attributes:
        message_id: The queue's own id of the message, the same at every receive and in the dead-letter queue.
        queue_name: The queue it was received from.
        event_type: `eventType` of the body if it has a readable one.
        receive_count: How often the message was received by now, this time included.
        reason: Class of the error; with its text if that is ours, as of `MalformedMessage`.
        failed_at: UTC.
    """

    message_id: str
    queue_name: str
    event_type: str | None
    receive_count: int
    reason: str
    failed_at: datetime


class FailureRecord(Protocol):
    """Keeps failures for operators and for all consumers of a queue, such as `FailureLog`."""

    async def record(self, failed: FailedMessage) -> None:
        """Keep one failure."""

    async def recorded(self, message_ids: Collection[str]) -> set[str]:
        """Return which of these messages have failed, wherever that was."""


class Failures:
    """The failures of one consumer's messages, and with a record those of its fellows'."""

    def __init__(self, record: FailureRecord | None) -> None:
        self._record = record
        self._failed_here: deque[str] = deque(maxlen=REMEMBERED)

    async def note(self, failed: FailedMessage) -> None:
        """Count and record a failure; that it cannot be recorded is logged."""
        FAILED.labels(failed.queue_name).inc()
        self._failed_here.append(failed.message_id)
        if self._record is None:
            return
        try:
            await self._record.record(failed)
        except Exception:
            log.exception("failure_not_recorded", messageId=failed.message_id)

    async def explain(self, message_ids: Collection[str]) -> bool:
        """Tell whether all of these messages have failed before: that nobody knows counts as no."""
        unexplained = set(message_ids) - set(self._failed_here)
        if not unexplained or self._record is None:
            return not unexplained
        try:
            return unexplained <= await self._record.recorded(unexplained)
        except Exception as problem:
            log.warning("failures_not_read", reason=type(problem).__name__)
            return False
