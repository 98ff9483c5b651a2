"""Receives messages and deletes each one after its effect is committed, never before.

A message that cannot be applied is left alone: after three receives SQS moves it to the queue's own
dead-letter queue. An outage is not the message's fault: while the handler reports `Unavailable`, the
message is kept and tried again in place, and nothing further is received, so that an outage does not
use up anybody's receives.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from shared.database import DatabaseUnavailable, utc_now
from shared.logging import (
    accepted_correlation_id,
    correlation_id,
    current_user,
    get_logger,
    pseudonym,
)
from shared.messaging.metrics import FAILED, PROCESSED, RETRIED
from shared.messaging.queues import SQSClient, queue_url

log = get_logger(__name__)

LONG_POLL_SECONDS = 10
MAX_BATCH = 10
MAX_EVENT_TYPE_LENGTH = 64
"""Nobody vouches for what a failed body calls itself; ours are half as long."""

OUTAGE_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Q-08: at most two tries a second while something is down, and back within ten seconds of recovery."""


class MalformedMessage(Exception):
    """The body is not what its queue carries; it belongs into the dead-letter queue."""


class Unavailable(Exception):
    """Something the handler needs is away; the message is fine and must be tried again."""


Event = dict[str, Any]
Handler = Callable[[Event], Awaitable[None]]


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


OnFailure = Callable[[FailedMessage], Awaitable[None]]


@dataclass(frozen=True)
class _Message:
    message_id: str
    receipt_handle: str
    event: Event
    request_id: str
    receive_count: int


class Consumer:
    """Feeds one queue's messages to a handler; one student's messages one after another.

    Args:
        sqs: An aiobotocore SQS client whose read time-out exceeds the long poll.
        queue_name: The queue's name.
        handle: Applies one event and commits; idempotent, for every message may come twice.
        visibility_seconds: The queue's visibility timeout; extended while a message is in work.
        concurrency: How many students' messages are in work at once.
        on_failure: Told of each receive that failed, malformed bodies included; what it raises is logged.
    """

    def __init__(
        self,
        sqs: SQSClient,
        queue_name: str,
        handle: Handler,
        *,
        visibility_seconds: int,
        concurrency: int = 8,
        long_poll_seconds: int = LONG_POLL_SECONDS,
        on_failure: OnFailure | None = None,
    ) -> None:
        self._sqs = sqs
        self._queue_name = queue_name
        self._handle = handle
        self._visibility_seconds = visibility_seconds
        self._slots = asyncio.Semaphore(concurrency)
        self._long_poll_seconds = long_poll_seconds
        self._on_failure = on_failure
        self._url = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set; then finish what has begun and hand back the rest."""
        failures = 0
        while not stopping.is_set():
            try:
                self._url = self._url or await queue_url(self._sqs, self._queue_name)
                messages = await self._receive(stopping)
                failures = 0
            except (BotoCoreError, ClientError, OSError, TimeoutError) as problem:
                delay = _backoff(failures)
                failures += 1
                log.warning("queue_unavailable", queue=self._queue_name, reason=_name(problem))
                await _sleep(delay, stopping)
                continue
            if messages:
                await self._work(messages, stopping)

    async def _receive(self, stopping: asyncio.Event) -> list[dict[str, Any]]:
        receiving = asyncio.ensure_future(
            self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MAX_BATCH,
                WaitTimeSeconds=self._long_poll_seconds,
                MessageAttributeNames=["correlationId"],
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        )
        stopped = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({receiving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not receiving.done():
            receiving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiving
            return []
        return list(receiving.result().get("Messages", []))

    async def _work(self, received: Sequence[dict[str, Any]], stopping: asyncio.Event) -> None:
        by_student: dict[str, list[_Message]] = defaultdict(list)
        in_work: dict[str, str] = {}
        for raw in received:
            try:
                message = _parse(raw)
            except MalformedMessage as problem:
                log.error("message_malformed", messageId=raw["MessageId"], reason=str(problem))
                await self._note_failure(raw["MessageId"], None, _receive_count(raw), problem)
                continue
            by_student[str(message.event.get("cognitoSub") or message.message_id)].append(message)
            in_work[message.message_id] = message.receipt_handle
        heartbeat = asyncio.create_task(self._keep_invisible(in_work))
        try:
            await asyncio.gather(
                *(self._work_one_student(queue, in_work, stopping) for queue in by_student.values())
            )
        finally:
            heartbeat.cancel()

    async def _work_one_student(
        self, messages: list[_Message], in_work: dict[str, str], stopping: asyncio.Event
    ) -> None:
        async with self._slots:
            for message in messages:
                if stopping.is_set():
                    await self._set_visibility([message.receipt_handle], 0)
                else:
                    await self._apply(message, stopping)
                in_work.pop(message.message_id, None)

    async def _apply(self, message: _Message, stopping: asyncio.Event) -> None:
        correlation_id.set(message.request_id)
        student = message.event.get("cognitoSub")
        current_user.set(pseudonym(student) if isinstance(student, str) else None)
        event_type = message.event.get("eventType")
        failures = 0
        while True:
            try:
                await self._handle(message.event)
            except (Unavailable, DatabaseUnavailable) as problem:
                RETRIED.labels(self._queue_name).inc()
                log.warning("message_waits", messageId=message.message_id, reason=str(problem))
                await _sleep(_backoff(failures), stopping)
                failures += 1
                if stopping.is_set():
                    await self._set_visibility([message.receipt_handle], 0)
                    return
                continue
            except Exception as problem:
                log.exception("message_failed", messageId=message.message_id, eventType=event_type)
                await self._note_failure(
                    message.message_id, event_type, message.receive_count, problem
                )
                return
            break
        await self._delete(message)
        PROCESSED.labels(self._queue_name).inc()
        log.info("message_applied", messageId=message.message_id, eventType=event_type)

    async def _note_failure(
        self, message_id: str, event_type: object, receive_count: int, problem: Exception
    ) -> None:
        FAILED.labels(self._queue_name).inc()
        if self._on_failure is None:
            return
        failed = FailedMessage(
            message_id,
            self._queue_name,
            event_type[:MAX_EVENT_TYPE_LENGTH] if isinstance(event_type, str) else None,
            receive_count,
            _reason(problem),
            utc_now(),
        )
        try:
            await self._on_failure(failed)
        except Exception:
            log.exception("failure_not_noted", messageId=message_id)

    async def _delete(self, message: _Message) -> None:
        try:
            await self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)
        except (BotoCoreError, ClientError, OSError, TimeoutError) as problem:
            # It will come again, and applying it again changes nothing.
            log.warning("delete_failed", messageId=message.message_id, reason=_name(problem))

    async def _keep_invisible(self, in_work: dict[str, str]) -> None:
        while True:
            await asyncio.sleep(self._visibility_seconds / 3)
            if in_work:
                await self._set_visibility(list(in_work.values()), self._visibility_seconds)

    async def _set_visibility(self, receipt_handles: list[str], seconds: int) -> None:
        entries = [
            {"Id": str(position), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for position, handle in enumerate(receipt_handles)
        ]
        try:
            answer = await self._sqs.change_message_visibility_batch(
                QueueUrl=self._url, Entries=entries
            )
        except (BotoCoreError, ClientError, OSError, TimeoutError) as problem:
            log.warning("visibility_change_failed", reason=_name(problem))
            return
        if answer.get("Failed"):
            log.warning("visibility_change_failed", refused=len(answer["Failed"]))


def _parse(raw: dict[str, Any]) -> _Message:
    try:
        event = orjson.loads(raw["Body"])
    except orjson.JSONDecodeError as problem:
        raise MalformedMessage("not JSON") from problem
    if not isinstance(event, dict):
        raise MalformedMessage("not an object")
    attribute = raw.get("MessageAttributes", {}).get("correlationId", {})
    return _Message(
        raw["MessageId"],
        raw["ReceiptHandle"],
        event,
        accepted_correlation_id((attribute.get("StringValue") or "").encode("utf-8", "replace")),
        _receive_count(raw),
    )


def _receive_count(raw: dict[str, Any]) -> int:
    return int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1))


def _reason(problem: Exception) -> str:
    """Name an error; only texts of our own are known to repeat nothing of the body."""
    if isinstance(problem, MalformedMessage):
        return f"{_name(problem)}: {problem}"
    return _name(problem)


def _backoff(failures: int) -> float:
    return OUTAGE_BACKOFF_SECONDS[min(failures, len(OUTAGE_BACKOFF_SECONDS) - 1)]


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


def _name(problem: BaseException) -> str:
    return type(problem).__name__
