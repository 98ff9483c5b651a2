"""Reads what the queues bring: the record around an event, and the event in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from lambdas.llm_analysis.errors import RecordMalformed
from shared.events.course_service import ASSIGNMENT_CREATED, ASSIGNMENT_UPDATED, AnalysisRequest
from shared.events.event import Event
from shared.events.routes import MAX_RECEIVE_COUNT
from shared.events.submissions import SUBMISSION_DETECTED, SubmissionDetected
from shared.logging import accepted_correlation_id

SHAPES: dict[str, type[Event]] = {
    ASSIGNMENT_CREATED: AnalysisRequest,
    ASSIGNMENT_UPDATED: AnalysisRequest,
    SUBMISSION_DETECTED: SubmissionDetected,
}


@dataclass(frozen=True)
class ReceivedEvent:
    """One event; `is_last_try` says that a failure would send its message to the dead-letter queue."""

    event: AnalysisRequest | SubmissionDetected
    correlation_id: str
    is_last_try: bool


def read_record(record: Any) -> ReceivedEvent:
    """Read one record of an invocation.

    Raises:
        RecordMalformed: Its body is not an event of ours.
    """
    body = record.get("body") if isinstance(record, Mapping) else None
    if not isinstance(body, str):
        raise RecordMalformed("a record has no body")
    try:
        payload = orjson.loads(body)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise RecordMalformed("the body is not JSON") from None
    event_type = payload.get("eventType") if isinstance(payload, dict) else None
    shape = SHAPES.get(event_type) if isinstance(event_type, str) else None
    if shape is None:
        raise RecordMalformed("the event has no type that is known here")
    fields = ""
    try:
        event = shape.model_validate(payload)
    except ValidationError as problem:
        fields = ", ".join(sorted({str(error["loc"][0]) for error in problem.errors()}))
    if fields:
        raise RecordMalformed(f"{event_type}: unusable or missing: {fields}")
    if not isinstance(event, AnalysisRequest | SubmissionDetected):
        raise RecordMalformed("the event has no type that is known here")
    return ReceivedEvent(event, _correlation_id(record), _is_last_try(record))


def message_id(record: Any) -> str | None:
    """Return a record's message id, if it has one."""
    identifier = record.get("messageId") if isinstance(record, Mapping) else None
    return identifier if isinstance(identifier, str) and identifier else None


def _correlation_id(record: Mapping[str, Any]) -> str:
    attributes = record.get("messageAttributes")
    attribute = attributes.get("correlationId") if isinstance(attributes, Mapping) else None
    presented = attribute.get("stringValue") if isinstance(attribute, Mapping) else None
    return accepted_correlation_id(presented.encode() if isinstance(presented, str) else None)


def _is_last_try(record: Mapping[str, Any]) -> bool:
    attributes = record.get("attributes")
    count = attributes.get("ApproximateReceiveCount") if isinstance(attributes, Mapping) else None
    return str(count).isdecimal() and int(str(count)) >= MAX_RECEIVE_COUNT
