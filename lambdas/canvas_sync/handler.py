"""The door that AWS Lambda opens: `handler.lambda_handler`."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lambdas.canvas_sync.errors import InvocationInvalid, RecordsFailed
from lambdas.canvas_sync.runtime import Function, open_from_environment
from lambdas.canvas_sync.schemas import (
    SyncRequest,
    SyncResult,
    read_mode,
    read_request,
    written_now,
)
from lambdas.canvas_sync.service import MAX_SYNC_SECONDS
from shared.function_runtime import Runtime, flush_before_answer, seconds_for_work
from shared.logging import (
    correlation_id,
    current_user,
    get_logger,
    new_correlation_id,
    pseudonym,
)
from shared.tracing.messages import processing_record
from shared.tracing.spans import span

log = get_logger(__name__)

RECORDS_AT_ONCE = 2
"""They share the room for large pages, so two of the largest students fit into the function's 512 MB."""

MAX_FUNCTION_SECONDS = 295.0
"""The function's time-out, less the time for the answer; for whoever invokes it without saying how long it may take."""

ANSWER_SECONDS = 5.0
"""Kept for the answer: what has not ended by then is reported as failed while that is still possible."""

_runtime = Runtime(open_from_environment)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Synchronise whom the event names: `detail`, non-empty `Records`, or the event itself (events.md 2.1).

    `{"fanOut": true}`, which is looked for first, puts every student on the queue whose records come back here.
    Queue records are synchronised under a claim, so that a student has one run at a time; other invocations
    never claim. All of them are worked on. When some fail, the answer is `{"batchItemFailures": [...]}` with their
    message ids, and only those come back; otherwise it is the one of events.md 2.3, summed up over the records.

    Raises:
        InvocationInvalid: The event has none of the shapes.
        SettingsError: The environment lacks a setting.
        RecordsFailed: Records failed that have no message id.
        Exception: What `CanvasSync.synchronise` raises, for `detail` and direct invocations, and what
            `Schedule.fan_out` raises.
    """
    max_seconds = seconds_for_work(context, most=MAX_FUNCTION_SECONDS, kept=ANSWER_SECONDS)
    try:
        return _runtime.run(lambda function: answer(function, event, max_seconds=max_seconds))
    finally:
        flush_before_answer(context)


async def answer(
    function: Function, event: Any, *, max_seconds: float = MAX_FUNCTION_SECONDS
) -> dict[str, Any]:
    """Tell the shapes apart and answer; see `lambda_handler`."""
    if not isinstance(event, Mapping):
        raise InvocationInvalid("the event is not an object")
    if event.get("fanOut") is True:
        return await _fan_out(function, event, max_seconds)
    if "detail" in event:
        return await _answer_one(function, event["detail"], max_seconds)
    if event.get("Records"):
        return await _answer_records(function, event["Records"], max_seconds)
    return await _answer_one(function, event, max_seconds)


async def _fan_out(
    function: Function, event: Mapping[str, Any], max_seconds: float
) -> dict[str, Any]:
    correlation_id.set(new_correlation_id())
    mode = read_mode(event)
    try:
        with span("fan out", "server"):
            count = await function.schedule.fan_out(mode, max_seconds=max_seconds)
    except Exception:
        log.exception("fan_out_failed", syncMode=mode.value)
        raise
    return {"statusCode": 200, "body": {"studentsCount": count}}


async def _answer_one(function: Function, payload: Any, max_seconds: float) -> dict[str, Any]:
    request = read_request(payload)
    seconds = min(max_seconds, MAX_SYNC_SECONDS)
    presented = payload.get("traceparent")
    parent = presented if isinstance(presented, str) else None
    with span("synchronise", "server", parent=parent), _logged_as(request):
        return _success([await function.sync.synchronise(request, max_seconds=seconds)])


async def _answer_records(function: Function, records: Any, max_seconds: float) -> dict[str, Any]:
    if not isinstance(records, list):
        raise InvocationInvalid("Records is not a list")
    deadline = asyncio.get_running_loop().time() + max_seconds
    turns = asyncio.Semaphore(RECORDS_AT_ONCE)
    results: list[SyncResult] = []

    async def work(record: Any) -> bool:
        """Tell whether a record is done; what it covered, if anything, is among the results."""
        async with turns:
            try:
                with processing_record(record):
                    request = _read_record(record)
                    seconds = deadline - asyncio.get_running_loop().time()
                    with _logged_as(request):
                        result = await function.schedule.synchronise(request, max_seconds=seconds)
            except Exception as problem:
                log.warning(
                    "record_failed", messageId=_message_id(record), reason=type(problem).__name__
                )
                return False
            if result is not None:
                results.append(result)
            return True

    # Each in a task of its own, so that what is bound for the logs of one student stays with that student.
    tasks = [asyncio.create_task(work(record)) for record in records]
    are_done = [await task for task in tasks]
    failed = [record for record, is_done in zip(records, are_done, strict=True) if not is_done]
    if not failed:
        return _success(results)
    identifiers = [_message_id(record) for record in failed]
    if None in identifiers:
        raise RecordsFailed(f"{len(failed)} of {len(records)} records failed")
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


@contextmanager
def _logged_as(request: SyncRequest) -> Iterator[None]:
    """Bind what is logged to the request and its student, and log what fails."""
    correlation_id.set(request.correlation_id)
    current_user.set(pseudonym(request.cognito_sub))
    try:
        yield
    except Exception:
        log.exception("synchronisation_failed", syncMode=request.mode.value)
        raise


def _read_record(record: Any) -> SyncRequest:
    body = record.get("body") if isinstance(record, Mapping) else None
    if not isinstance(body, str):
        raise InvocationInvalid("a record has no body")
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    attributes = record.get("messageAttributes") or {}
    presented_id = (attributes.get("correlationId") or {}).get("stringValue")
    return read_request(payload, presented_id)


def _message_id(record: Any) -> str | None:
    identifier = record.get("messageId") if isinstance(record, Mapping) else None
    return identifier if isinstance(identifier, str) and identifier else None


def _success(results: list[SyncResult]) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "body": {
            "coursesCount": sum(result.courses_count for result in results),
            "assignmentsCount": sum(result.assignments_count for result in results),
            "syncedAt": results[-1].synced_at if results else written_now(),
        },
    }
