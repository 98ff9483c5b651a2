"""What operators see of the queues, on each worker's management port.

SQS tells depths by itself, the age of the oldest message to CloudWatch alone: here it comes from what the
consumer receives.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter, Gauge

from shared.events.routes import DEAD_LETTER_SUFFIX
from shared.logging import get_logger
from shared.messaging.queues import BROKER_ERRORS, SQSClient, queue_url
from shared.messaging.stopping import sleep_unless_stopped

log = get_logger(__name__)

PROCESSED = Counter("messages_processed_total", "Messages applied and deleted", ["queue"])
FAILED = Counter("messages_failed_total", "Messages left for a further receive", ["queue"])
RETRIED = Counter("messages_retried_total", "Tries put off because of an outage", ["queue"])
OUTBOX_DEPTH = Gauge("outbox_depth", "Events committed and not sent yet")
OUTBOX_AGE = Gauge("outbox_oldest_seconds", "Age of the oldest event not sent yet")
OUTBOX_PARKED = Gauge("outbox_parked", "Events that failed too often and wait for an operator")
OUTBOX_SENT = Counter("outbox_sent_total", "Outbox rows sent", ["event_type"])

REACHABLE = Gauge(
    "queue_reachable",
    "1 when the last look at the queue succeeded; 0 makes its others NaN",
    ["queue"],
)
VISIBLE = Gauge("queue_messages_visible", "Messages that wait, approximately", ["queue"])
IN_FLIGHT = Gauge("queue_messages_in_flight", "Messages in work, approximately", ["queue"])
DEAD_LETTERS = Gauge(
    "queue_dead_letter_messages", "Messages in the queue's own dead-letter queue", ["queue"]
)
OLDEST = Gauge(
    "queue_oldest_message_age_seconds",
    "Age of the oldest message of the last receive; 0 when the queue is empty",
    ["queue"],
)

MEASURE_SECONDS = 15
"""O-07: a dead letter shows within 60 s, of which whoever scrapes and alarms needs some."""


@dataclass(frozen=True)
class QueueDepth:
    """How many messages a queue says it has; SQS counts approximately."""

    visible: int
    in_flight: int


async def queue_depth(sqs: SQSClient, url: str) -> QueueDepth:
    """Ask a queue how many messages it has."""
    answer = await sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    attributes = answer["Attributes"]
    return QueueDepth(
        visible=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )


_oldest_sent_at: dict[str, float] = {}
"""By queue: Unix time at which the oldest message of the last receive was sent."""


def note_received(queue_name: str, messages: Sequence[dict[str, Any]]) -> None:
    """Remember how old the messages of a receive are.

    Args:
        queue_name: The queue's name.
        messages: As SQS hands them out, with the system attribute `SentTimestamp` (milliseconds).
    """
    sent = [message.get("Attributes", {}).get("SentTimestamp") for message in messages]
    known = [int(milliseconds) / 1000 for milliseconds in sent if milliseconds is not None]
    if known:
        _oldest_sent_at[queue_name] = min(known)


class QueueMonitor:
    """Measures queues and their dead-letter queues, time and again; an unreachable broker only shows.

    Args:
        sqs: An aiobotocore SQS client.
        queue_names: The queues; each has a dead-letter queue of its name.
        interval_seconds: Time between two looks.
    """

    def __init__(
        self,
        sqs: SQSClient,
        queue_names: Sequence[str],
        *,
        interval_seconds: float = MEASURE_SECONDS,
    ) -> None:
        self._sqs = sqs
        self._queue_names = queue_names
        self._interval_seconds = interval_seconds
        self._urls: dict[str, str] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Measure until `stopping` is set."""
        while not stopping.is_set():
            await self.measure()
            await sleep_unless_stopped(self._interval_seconds, stopping)

    async def measure(self) -> None:
        """Look at every queue once."""
        await asyncio.gather(*(self._measure(name) for name in self._queue_names))

    async def _measure(self, name: str) -> None:
        try:
            depth = await self._depth(name)
            dead_letters = await self._depth(name + DEAD_LETTER_SUFFIX)
        except BROKER_ERRORS as problem:
            log.warning("queue_not_measured", queue=name, reason=type(problem).__name__)
            REACHABLE.labels(name).set(0)
            for gauge in (VISIBLE, IN_FLIGHT, DEAD_LETTERS, OLDEST):
                gauge.labels(name).set(math.nan)
            return
        REACHABLE.labels(name).set(1)
        VISIBLE.labels(name).set(depth.visible)
        IN_FLIGHT.labels(name).set(depth.in_flight)
        # One that an operator holds is a dead letter all the same.
        DEAD_LETTERS.labels(name).set(dead_letters.visible + dead_letters.in_flight)
        OLDEST.labels(name).set(_oldest_age(name, depth))

    async def _depth(self, name: str) -> QueueDepth:
        url = self._urls.get(name)
        if url is None:
            url = self._urls[name] = await queue_url(self._sqs, name)
        return await queue_depth(self._sqs, url)


def _oldest_age(queue_name: str, depth: QueueDepth) -> float:
    if depth.visible + depth.in_flight == 0:
        _oldest_sent_at.pop(queue_name, None)
        return 0.0
    sent_at = _oldest_sent_at.get(queue_name)
    # Nobody here has received any of them yet, and only a receive tells how old they are.
    return math.nan if sent_at is None else max(0.0, time.time() - sent_at)
