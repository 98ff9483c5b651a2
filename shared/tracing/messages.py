"""Spans of messages: what is sent, what is processed, and the attribute that ties them together."""

from collections.abc import Mapping
from typing import Any

from shared.tracing.spans import Span, span

ATTRIBUTE = "traceparent"
"""Message attribute, String; like all attributes it is never needed to process a message."""


def sending(queue_name: str, operation: str, *, count: int = 1, parent: str | None = None) -> Span:
    """Return the span whose `traceparent` goes with the messages.

    Args:
        queue_name: Where they go.
        operation: `send`, or `create` when they are sent later, together with others.
        count: Of messages.
        parent: `traceparent` of the work that they tell of; the current work when absent.
    """
    attributes = _about(queue_name, operation) | {"messaging.batch.message_count": count}
    return span(f"{operation} {queue_name}", "producer", parent=parent, attributes=attributes)


def processing(queue_name: str, message_id: str | None, parent: str | None) -> Span:
    """Return the span of the work on one message."""
    attributes = _about(queue_name, "process")
    if message_id is not None:
        attributes["messaging.message.id"] = message_id
    return span(f"process {queue_name}", "consumer", parent=parent, attributes=attributes)


def processing_record(record: Any) -> Span:
    """Return the span of the work on one record of a function's invocation, whatever is in its place."""
    fields = record if isinstance(record, Mapping) else {}
    attributes = fields.get("messageAttributes")
    attribute = attributes.get(ATTRIBUTE) if isinstance(attributes, Mapping) else None
    parent = attribute.get("stringValue") if isinstance(attribute, Mapping) else None
    message_id, queue = fields.get("messageId"), fields.get("eventSourceARN")
    return processing(
        queue.rpartition(":")[2] if isinstance(queue, str) else "unknown",
        message_id if isinstance(message_id, str) else None,
        parent if isinstance(parent, str) else None,
    )


def _about(queue_name: str, operation: str) -> dict[str, str | int]:
    return {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": queue_name,
        "messaging.operation.type": operation,
    }
