"""The door that AWS Lambda opens: `handler.lambda_handler`."""

import asyncio
from collections.abc import Mapping
from typing import Any

from lambdas.llm_analysis.errors import InvocationInvalid, RecordsFailed, Unavailable
from lambdas.llm_analysis.records import message_id, read_record
from lambdas.llm_analysis.runtime import Function, open_from_environment
from shared.events.submissions import SubmissionDetected
from shared.function_runtime import Runtime, flush_before_answer, seconds_for_work
from shared.logging import correlation_id, current_user, get_logger, pseudonym
from shared.tracing.messages import processing_record

log = get_logger(__name__)

RECORDS_AT_ONCE = 10
"""A whole batch: its calls to a model wait side by side, and only so are they over before the function is."""

MAX_SECONDS = 170.0
"""The function's time-out is 180 s."""

ANSWER_SECONDS = 8.0
"""Kept for the answer, and before it for bringing records back soon."""

REDELIVERY_SECONDS = 5.0

_runtime = Runtime(open_from_environment)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Work on every record of either queue, each for itself.

    The answer's `batchItemFailures` names the records that must come again: those that an outage failed, which come
    back soon, and those that cannot be understood, which end in the dead-letter queue (Q-05).

    Raises:
        InvocationInvalid: The event has no list of records.
        SettingsError: The environment lacks a setting.
        RecordsFailed: Records failed that have no message id.
    """
    max_seconds = seconds_for_work(context, most=MAX_SECONDS, kept=ANSWER_SECONDS)
    try:
        return _runtime.run(lambda function: answer(function, event, max_seconds=max_seconds))
    finally:
        flush_before_answer(context)


async def answer(
    function: Function, event: Any, *, max_seconds: float = MAX_SECONDS
) -> dict[str, Any]:
    """Work on the records side by side and say which failed; see `lambda_handler`."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        raise InvocationInvalid("the event has no list of records")
    deadline = asyncio.get_running_loop().time() + max_seconds
    turns = asyncio.Semaphore(RECORDS_AT_ONCE)

    async def work(record: Any) -> Exception | None:
        async with turns:
            try:
                with processing_record(record):
                    async with asyncio.timeout_at(deadline):
                        await _apply(function, record)
            except Exception as problem:
                _log_failure(record, problem)
                return problem
            return None

    # Each in a task of its own, so that what is bound for the logs of one record stays with it.
    tasks = [asyncio.create_task(work(record)) for record in records]
    problems = [await task for task in tasks]
    failed = [
        (record, problem) for record, problem in zip(records, problems, strict=True) if problem
    ]
    if not failed:
        return {"statusCode": 200, "body": f"{len(records)} done", "batchItemFailures": []}
    await _bring_back_soon(
        function,
        [record for record, problem in failed if isinstance(problem, Unavailable | TimeoutError)],
    )
    identifiers = [message_id(record) for record, _ in failed]
    if None in identifiers:
        raise RecordsFailed(f"{len(failed)} of {len(records)} records failed")
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


async def _apply(function: Function, record: Any) -> None:
    received = read_record(record)
    correlation_id.set(received.correlation_id)
    event = received.event
    student = event.cognito_sub if isinstance(event, SubmissionDetected) else None
    current_user.set(pseudonym(student) if student else None)
    await function.analysis.apply(event, is_last_try=received.is_last_try)


async def _bring_back_soon(function: Function, records: list[Any]) -> None:
    try:
        async with asyncio.timeout(REDELIVERY_SECONDS):
            await function.redelivery.bring_back_soon(records)
    except TimeoutError:
        log.warning("redelivery_not_shortened", reason="no answer in time")


def _log_failure(record: Any, problem: Exception) -> None:
    is_expected = isinstance(problem, Unavailable | TimeoutError)
    write = log.warning if is_expected else log.exception
    write(
        "record_failed",
        messageId=message_id(record),
        reason=type(problem).__name__,
        detail=str(problem) if is_expected else None,
    )
