"""The door that AWS Lambda opens: `handler.lambda_handler`."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from lambdas.canvas_sync.errors import InvocationInvalid, RecordsFailed
from lambdas.canvas_sync.runtime import open_from_environment
from lambdas.canvas_sync.schemas import SyncRequest, SyncResult, read_request, written_now
from lambdas.canvas_sync.service import MAX_SYNC_SECONDS, CanvasSync
from shared.function_runtime import Runtime
from shared.logging import correlation_id, current_user, get_logger, pseudonym

log = get_logger(__name__)

RECORDS_AT_ONCE = 2
"""A student of ten courses with 500 assignments of 64 KB each took 240 MB; the function has 512."""

ANSWER_SECONDS = 5.0
"""Kept for the answer: what has not ended by then is reported as failed while that is still possible."""

_runtime = Runtime(open_from_environment)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Synchronise whom the event names: `detail`, non-empty `Records`, or the event itself (events.md 2.1).

    Queue records are all worked on. When some fail, the answer is `{"batchItemFailures": [...]}` with their message
    ids, and only those come back; otherwise it is the one of events.md 2.3, summed up over the records.

    Raises:
        InvocationInvalid: The event has none of the shapes.
        SettingsError: The environment lacks a setting.
        RecordsFailed: Records failed that have no message id.
        Exception: What `CanvasSync.synchronise` raises, for `detail` and direct invocations.
    """
    max_seconds = _seconds_left(context)
    return _runtime.run(lambda sync: answer(sync, event, max_seconds=max_seconds))


async def answer(
    sync: CanvasSync, event: Any, *, max_seconds: float = MAX_SYNC_SECONDS
) -> dict[str, Any]:
    """Tell the three shapes apart and answer; see `lambda_handler`."""
    if not isinstance(event, Mapping):
        raise InvocationInvalid("the event is not an object")
    if "detail" in event:
        return _success([await _synchronise(sync, read_request(event["detail"]), max_seconds)])
    if event.get("Records"):
        return await _answer_records(sync, event["Records"], max_seconds)
    return _success([await _synchronise(sync, read_request(event), max_seconds)])


async def _answer_records(sync: CanvasSync, records: Any, max_seconds: float) -> dict[str, Any]:
    if not isinstance(records, list):
        raise InvocationInvalid("Records is not a list")
    deadline = asyncio.get_running_loop().time() + max_seconds
    turns = asyncio.Semaphore(RECORDS_AT_ONCE)

    async def work(record: Any) -> SyncResult | None:
        async with turns:
            try:
                seconds_left = deadline - asyncio.get_running_loop().time()
                return await _synchronise(sync, _read_record(record), seconds_left)
            except Exception as problem:
                log.warning(
                    "record_failed", messageId=_message_id(record), reason=type(problem).__name__
                )
                return None

    # Each in a task of its own, so that what is bound for the logs of one student stays with that student.
    tasks = [asyncio.create_task(work(record)) for record in records]
    results = [await task for task in tasks]
    failed = [record for record, result in zip(records, results, strict=True) if result is None]
    if not failed:
        return _success([result for result in results if result is not None])
    identifiers = [_message_id(record) for record in failed]
    if None in identifiers:
        raise RecordsFailed(f"{len(failed)} of {len(records)} records failed")
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


async def _synchronise(sync: CanvasSync, request: SyncRequest, max_seconds: float) -> SyncResult:
    correlation_id.set(request.correlation_id)
    current_user.set(pseudonym(request.cognito_sub))
    try:
        return await sync.synchronise(request, max_seconds=min(max_seconds, MAX_SYNC_SECONDS))
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


def _seconds_left(context: Any) -> float:
    """Return how long the work may take: what the platform leaves, less the time for the answer."""
    milliseconds_left = getattr(context, "get_remaining_time_in_millis", None)
    if milliseconds_left is None:
        return MAX_SYNC_SECONDS
    return max(1.0, float(milliseconds_left()) / 1000 - ANSWER_SECONDS)
