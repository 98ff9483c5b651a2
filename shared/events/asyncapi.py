"""The AsyncAPI 3.0 document of all queues, generated from the route table, the shapes and the samples."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.events.catalogue import SHAPES, UNTYPED, messages_of
from shared.events.json_schemas import Terse
from shared.events.routes import (
    DEAD_LETTER_RETENTION_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_RECEIVE_COUNT,
    QUEUES,
    RETENTION_SECONDS,
    Queue,
)

SAMPLES = Path(__file__).parent / "samples"

DESCRIPTION = f"""\
What UniSync's services and functions say to each other over SQS. A message's body is one UTF-8 JSON object of at
most {MAX_MESSAGE_BYTES} bytes, without an envelope. All queues are standard ones: a message may come twice, late
or in another order, and every consumer ends in the same state. Consumers ignore fields they do not know; an
incompatible change is a new `eventType`. What a consumer cannot understand is received {MAX_RECEIVE_COUNT} times
and then lies in the queue's own dead-letter queue.
"""

HEADERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "correlationId": {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{8,64}$",
            "description": "Ties together what one request gave rise to; needed for nothing else.",
        },
        "traceparent": {
            "type": "string",
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C trace context of the sender, where that is recorded; needed for nothing.",
        },
        "replayCount": {
            "type": "integer",
            "minimum": 1,
            "description": "How often the message was brought back from the dead-letter queue.",
        },
    },
}


def asyncapi_document() -> dict[str, Any]:
    """Return the document: a channel for each queue, an operation for each side of it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "UniSync events",
            "version": "1.0.0",
            "description": " ".join(DESCRIPTION.split()),
        },
        "defaultContentType": "application/json",
        "servers": {
            "sqs": {
                "host": "sqs.{region}.amazonaws.com",
                "protocol": "sqs",
                "description": "Amazon SQS, or whatever AWS_ENDPOINT_URL names.",
                "variables": {"region": {"default": "ap-northeast-2"}},
            }
        },
        "channels": {queue.name: _channel(queue) for queue in QUEUES},
        "operations": dict(operation for queue in QUEUES for operation in _operations(queue)),
        "components": {
            "messages": {name: _message(name) for name in [*SHAPES, *UNTYPED]},
            "schemas": _schemas(),
        },
    }


def _channel(queue: Queue) -> dict[str, Any]:
    return {
        "address": queue.name,
        "description": f"From {' and '.join(queue.producers)} to {queue.consumer}."
        f" {queue.name_setting} may rename it.",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(queue)
        },
        "bindings": {
            "sqs": {
                "queue": {
                    "name": queue.name,
                    "fifoQueue": False,
                    "visibilityTimeout": queue.visibility_seconds,
                    "messageRetentionPeriod": RETENTION_SECONDS,
                    "redrivePolicy": {
                        "deadLetterQueue": {"name": queue.dead_letter_name},
                        "maxReceiveCount": MAX_RECEIVE_COUNT,
                    },
                },
                "deadLetterQueue": {
                    "name": queue.dead_letter_name,
                    "fifoQueue": False,
                    "messageRetentionPeriod": DEAD_LETTER_RETENTION_SECONDS,
                },
                "bindingVersion": "0.2.0",
            }
        },
    }


def _operations(queue: Queue) -> list[tuple[str, dict[str, Any]]]:
    sides = [(producer, "send", events) for producer, events in queue.sent_by]
    sides.append((queue.consumer, "receive", ()))
    return [
        (
            f"{deployable}.{action}.{queue.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{queue.name}"},
                "tags": [{"name": deployable}],
                "messages": [
                    {"$ref": f"#/channels/{queue.name}/messages/{name}"}
                    for name in events or messages_of(queue)
                ],
            },
        )
        for deployable, action, events in sides
    ]


def _message(name: str) -> dict[str, Any]:
    shape = SHAPES.get(name) or UNTYPED[name]
    payload: dict[str, Any] = {"$ref": f"#/components/schemas/{shape.__name__}"}
    if name in SHAPES:
        typed = {"type": "object", "properties": {"eventType": {"const": name}}}
        payload = {"allOf": [payload, {**typed, "required": ["eventType"]}]}
    sample = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return {
        "name": name,
        "summary": (shape.__doc__ or "").partition("\n")[0],
        "headers": HEADERS,
        "correlationId": {"location": "$message.header#/correlationId"},
        "payload": payload,
        "examples": [{"payload": sample}],
    }


def _schemas() -> dict[str, Any]:
    shapes = {shape.__name__: shape for shape in [*SHAPES.values(), *UNTYPED.values()]}
    _, definitions = models_json_schema(
        [(shape, "validation") for shape in shapes.values()],
        ref_template="#/components/schemas/{model}",
        schema_generator=Terse,
    )
    return dict(sorted(definitions["$defs"].items()))
