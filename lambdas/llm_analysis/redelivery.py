"""Brings records back soon when an outage failed them, instead of after the queue's eighteen minutes (L-04)."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from shared.logging import get_logger
from shared.messaging.queues import BROKER_ERRORS, SQSClient, batches, queue_url

log = get_logger(__name__)

SHORTEST_SECONDS, LONGEST_SECONDS = 190, 250
"""Longer than a claim's 180 s, short enough that a backlog is done within five minutes of recovery, and spread."""


class Redelivery:
    """Sets when failed records become visible again."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs

    async def bring_back_soon(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Shorten the wait of records that carry a receipt; what cannot be shortened comes back later."""
        by_queue: dict[str, list[str]] = defaultdict(list)
        for record in records:
            receipt_handle, source = record.get("receiptHandle"), record.get("eventSourceARN")
            if isinstance(receipt_handle, str) and isinstance(source, str):
                by_queue[source.rpartition(":")[2]].append(receipt_handle)
        for queue_name, receipt_handles in by_queue.items():
            try:
                url = await queue_url(self._sqs, queue_name)
                for batch in batches(receipt_handles):
                    await self._sqs.change_message_visibility_batch(
                        QueueUrl=url, Entries=[_entry(*numbered) for numbered in enumerate(batch)]
                    )
            except BROKER_ERRORS as problem:
                log.warning(
                    "redelivery_not_shortened", queue=queue_name, reason=type(problem).__name__
                )


def _entry(position: int, receipt_handle: str) -> dict[str, Any]:
    seconds = random.randint(SHORTEST_SECONDS, LONGEST_SECONDS)  # noqa: S311 - spreads, guards nothing
    return {
        "Id": str(position),
        "ReceiptHandle": receipt_handle,
        "VisibilityTimeout": seconds,
    }
