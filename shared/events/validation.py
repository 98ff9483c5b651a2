"""Says why a message's body does not meet the published schema of its queue."""

from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from shared.events.bodies import read_body
from shared.events.canvas_sync import CANVAS_SYNC_COMPLETED
from shared.events.catalogue import messages_of
from shared.events.json_schemas import message_schema
from shared.events.routes import ASSIGNMENT_EVENTS, CANVAS_SYNC, MAX_MESSAGE_BYTES, Queue

SHOWN_KEYWORDS = {
    "type": "is of another type than",
    "const": "is not",
    "enum": "is none of",
    "minLength": "is shorter than",
    "maxLength": "is longer than",
    "pattern": "does not look like",
    "exclusiveMinimum": "is not above",
    "exclusiveMaximum": "is not below",
}
"""What may be said of a value without showing it: a body holds what students and teachers wrote."""


def problem_of(queue: Queue, body: str | bytes) -> str | None:
    """Return the first reason why a body does not belong on a queue; None when it meets its schema.

    The reason names fields and what was expected of them, never a value of the body, so that it may be logged.
    """
    size = len(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)
    if size > MAX_MESSAGE_BYTES:
        return f"{size} bytes are more than {MAX_MESSAGE_BYTES}"
    try:
        event = read_body(body)
    except ValueError:
        return "the body is not JSON in UTF-8"
    if not isinstance(event, dict):
        return "the body is not an object"
    name = _name_of(queue, event)
    if name is None:
        known = ", ".join(queue.events)
        return f"eventType is none of {known}" if "eventType" in event else "eventType is missing"
    return _problem(name, event if queue != ASSIGNMENT_EVENTS else {**event, "eventType": name})


def _name_of(queue: Queue, event: dict[str, Any]) -> str | None:
    event_type = event.get("eventType")
    if isinstance(event_type, str) and event_type in queue.events:
        return event_type
    if queue == CANVAS_SYNC:
        return messages_of(queue)[0]
    # events.md 3.3: there the shape counts, whatever the type says.
    return CANVAS_SYNC_COMPLETED if queue == ASSIGNMENT_EVENTS else None


def _problem(name: str, event: dict[str, Any]) -> str | None:
    error = best_match(_validator(name).iter_errors(event))
    if error is None:
        return None
    where = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
    ).lstrip(".")
    if error.validator == "required":
        missing = [field for field in error.validator_value if field not in error.instance]
        return f"{where + ': ' if where else ''}missing: {', '.join(missing)}"
    said = SHOWN_KEYWORDS.get(str(error.validator), f"breaks the rule {error.validator}:")
    return f"{where or 'the body'} {said} {orjson.dumps(error.validator_value).decode()}"


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(message_schema(name))
