"""Receives messages and deletes each one after its effect is committed, never before.

A message that cannot be applied is left alone: after three receives SQS moves it to the queue's own
dead-letter queue. An outage is not the message's fault: while something is away, the messages in hand are
kept and tried again in place, and nothing further is received, so that an outage uses up nobody's receives.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shared.database import DatabaseUnavailable, utc_now
from shared.events.bodies import read_body
from shared.events.routes import MAX_RECEIVE_COUNT
from shared.logging import (
    accepted_correlation_id,
    correlation_id,
    current_user,
    get_logger,
    pseudonym,
)
from shared.messaging.failures import FailedMessage, FailureRecord, Failures
from shared.messaging.leases import Lease, Leases
from shared.messaging.metrics import PROCESSED, RETRIED, note_received
from shared.messaging.outage import Outage, Probe, backoff_seconds
from shared.messaging.queues import BROKER_ERRORS, SQSClient, queue_url
from shared.messaging.stopping import FINISH_SECONDS, sleep_unless_stopped, unless_stopped
from shared.messaging.window import Window
from shared.tracing.messages import ATTRIBUTE, processing

log = get_logger(__name__)

LONG_POLL_SECONDS = 10
MAX_EVENT_TYPE_LENGTH = 64
"""Nobody vouches for what a failed body calls itself; ours are half as long."""

CONCURRENCY = 4
"""So many keep a process busy while the database works. Eight bulk writers spin for the same pages: on two cores
that cost the server four times the processor time, and halved the rate."""

LONGEST_WORK_SECONDS = 600.0
"""Ten times what one unit of work may take; who works longer hangs, and its message counts as failed."""

RECEIVE_PATIENCE_SECONDS = 0.2
"""Q-09: a stop waits so long for the receive under way, ten round trips: the messages of one that is answered
already would else be handed to nobody."""

MAX_TRIES_WITHOUT_OUTAGE = 3
"""So often may a message report an outage that nobody else sees before it counts as failed."""


class MalformedMessage(Exception):
    """The body is not what its queue carries; it belongs into the dead-letter queue."""


class Unavailable(Exception):
    """Something the handler needs is away; the message is fine and must be tried again."""


class WorkTooLong(Exception):
    """The handler did not come to an end; it was cancelled."""


class WorkCancelled(Exception):
    """The handler was cancelled, by itself or because the message could not be kept."""


Event = dict[str, Any]
Handler = Callable[[Event], Awaitable[None]]

_AWAY = (Unavailable, DatabaseUnavailable)

_PUT_DOWN = (*_AWAY, WorkCancelled)
"""How work on a message ends that a stop does not wait for."""


@dataclass(frozen=True)
class _Message:
    lease: Lease
    event: Event
    request_id: str
    receive_count: int
    traceparent: str | None


class Consumer:
    """Feeds one queue's messages to a handler; one student's messages one after another.

    Args:
        sqs: An aiobotocore SQS client whose read time-out exceeds the long poll.
        queue_name: The queue's name.
        handle: Applies one event and commits; idempotent, for every message may come twice.
        visibility_seconds: The queue's visibility timeout; extended while a message is in hand.
        concurrency: How many students' messages are in work at once.
        failures: Told of each receive that failed, malformed bodies included, and asked whether a message
            that comes again failed at another consumer; what it raises is logged.
        is_available: Asks what the handler needs whether it is there, such as `Database.is_reachable`. With
            it a message that alone reports an outage fails in the end, instead of holding up the queue.
        longest_work_seconds: How long a handler may take.
    """

    def __init__(
        self,
        sqs: SQSClient,
        queue_name: str,
        handle: Handler,
        *,
        visibility_seconds: int,
        concurrency: int = CONCURRENCY,
        long_poll_seconds: int = LONG_POLL_SECONDS,
        failures: FailureRecord | None = None,
        is_available: Probe | None = None,
        longest_work_seconds: float = LONGEST_WORK_SECONDS,
    ) -> None:
        self._sqs = sqs
        self._queue_name = queue_name
        self._handle = handle
        self._visibility_seconds = visibility_seconds
        self._slots = asyncio.Semaphore(concurrency)
        self._long_poll_seconds = long_poll_seconds
        self._failures = Failures(failures)
        self._outage = Outage(queue_name, is_available)
        self._longest_work_seconds = longest_work_seconds
        self._window = Window()
        self._lanes: dict[str, deque[_Message]] = {}
        self._in_work: set[asyncio.Task[Exception | None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set; then finish what has begun and hand back the rest.

        Returns within about twenty seconds of `stopping`.

        Raises:
            ExceptionGroup: The consumer itself failed; its process should end.
        """
        self._stopping = stopping
        url = await self._find_queue()
        if url is None:
            return
        self._leases = Leases(self._sqs, url, visibility_seconds=self._visibility_seconds)
        async with asyncio.TaskGroup() as upkeep:
            keeping = upkeep.create_task(self._leases.run())
            async with asyncio.TaskGroup() as lanes:
                await self._receive_until_stopped(url, lanes)
                await self._hand_back_unstarted()
                finish = asyncio.get_running_loop().call_later(FINISH_SECONDS, self._cut_off)
            finish.cancel()
            keeping.cancel()
        await self._leases.delete_what_is_done()

    async def _find_queue(self) -> str | None:
        failures = 0
        while not self._stopping.is_set():
            try:
                return await unless_stopped(queue_url(self._sqs, self._queue_name), self._stopping)
            except BROKER_ERRORS as problem:
                await self._sit_out_the_broker(problem, failures)
                failures += 1
        return None

    async def _receive_until_stopped(self, url: str, lanes: asyncio.TaskGroup) -> None:
        failures = 0
        while not self._stopping.is_set():
            await unless_stopped(self._leases.until(self._window.has_room), self._stopping)
            await unless_stopped(self._outage.over(), self._stopping)
            if self._stopping.is_set():
                return
            try:
                received = await unless_stopped(
                    self._receive(url), self._stopping, patience_seconds=RECEIVE_PATIENCE_SECONDS
                )
            except BROKER_ERRORS as problem:
                await self._sit_out_the_broker(problem, failures)
                failures += 1
                continue
            failures = 0
            messages = received or ()
            # The ones nearest to the dead-letter queue first: they are the oldest, too.
            for raw in sorted(messages, key=_receive_count, reverse=True):
                self._accept(raw, lanes)
            again = {raw["MessageId"] for raw in messages if _receive_count(raw) > 1}
            if again and not await unless_stopped(self._failures.explain(again), self._stopping):
                self._window.note_death()

    async def _receive(self, url: str) -> list[dict[str, Any]]:
        answer = await self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=self._window.batch,
            WaitTimeSeconds=self._long_poll_seconds,
            MessageAttributeNames=["correlationId", ATTRIBUTE],
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        received: list[dict[str, Any]] = answer.get("Messages", [])
        note_received(self._queue_name, received)
        return received

    async def _sit_out_the_broker(self, problem: Exception, failures: int) -> None:
        log.warning("queue_unavailable", queue=self._queue_name, reason=_name(problem))
        await sleep_unless_stopped(backoff_seconds(failures), self._stopping)

    def _accept(self, raw: dict[str, Any], lanes: asyncio.TaskGroup) -> None:
        lease = self._leases.take(raw["MessageId"], raw["ReceiptHandle"])
        try:
            message = _parse(raw, lease)
        except MalformedMessage as problem:
            self._leases.release(lease)
            log.error("message_malformed", messageId=lease.message_id, reason=str(problem))
            lanes.create_task(
                self._note_failure(lease.message_id, None, _receive_count(raw), problem)
            )
            return
        student = str(message.event.get("cognitoSub") or lease.message_id)
        lane = self._lanes.get(student)
        if lane is None:
            lane = self._lanes[student] = deque()
            lanes.create_task(self._work_lane(student, lane))
        lane.append(message)

    async def _work_lane(self, student: str, lane: deque[_Message]) -> None:
        while lane:
            async with self._slots:
                # Empty by now when a stop handed the messages back.
                if lane:
                    await self._apply(lane.popleft())
        del self._lanes[student]

    async def _hand_back_unstarted(self) -> None:
        """Let others have what has not begun; but a last receive handed back would be dead-lettered."""
        unstarted: list[Lease] = []
        for lane in self._lanes.values():
            messages = list(lane)
            lane.clear()
            lane.extend(m for m in messages if m.receive_count >= MAX_RECEIVE_COUNT)
            unstarted += [m.lease for m in messages if m.receive_count < MAX_RECEIVE_COUNT]
        await self._leases.hand_back(unstarted)

    def _cut_off(self) -> None:
        for lane in self._lanes.values():
            lane.clear()
        for work in self._in_work:
            work.cancel()

    async def _apply(self, message: _Message) -> None:
        correlation_id.set(message.request_id)
        student = message.event.get("cognitoSub")
        current_user.set(pseudonym(student) if isinstance(student, str) else None)
        lease, event_type = message.lease, message.event.get("eventType")
        with processing(self._queue_name, lease.message_id, message.traceparent) as trace:
            problem = await self._try_until_decided(message)
            if problem is not None:
                trace.fail(_name(problem))
        if lease.is_lost:
            # Perhaps in other hands by now: whatever came of it here, the message comes again.
            self._leases.release(lease)
        elif self._stopping.is_set() and isinstance(problem, _PUT_DOWN):
            await self._leases.hand_back([lease])
        elif problem is not None:
            if isinstance(problem, _PUT_DOWN):
                log.error(
                    "message_failed",
                    messageId=lease.message_id,
                    eventType=event_type,
                    reason=_reason(problem),
                )
            self._leases.release(lease)
            await self._note_failure(lease.message_id, event_type, message.receive_count, problem)
        elif self._leases.acknowledge(lease):
            self._outage.note_success()
            if message.receive_count == 1:
                self._window.note_success()
            PROCESSED.labels(self._queue_name).inc()
            log.info("message_applied", messageId=lease.message_id, eventType=event_type)

    async def _try_until_decided(self, message: _Message) -> Exception | None:
        tries = 0
        while True:
            problem = await self._attempt(message)
            if not isinstance(problem, _AWAY) or message.lease.is_lost:
                return problem
            RETRIED.labels(self._queue_name).inc()
            log.warning("message_waits", messageId=message.lease.message_id, reason=str(problem))
            if not await self._outage.is_to_blame(self._stopping):
                tries += 1
                await sleep_unless_stopped(backoff_seconds(0), self._stopping)
            if self._stopping.is_set() or tries == MAX_TRIES_WITHOUT_OUTAGE:
                return problem

    async def _attempt(self, message: _Message) -> Exception | None:
        """Run the handler once in a task of its own, so that losing the lease or stopping can end it."""
        if message.lease.is_lost:
            return WorkCancelled("the lease is lost")
        work = asyncio.create_task(self._call_handler(message))
        message.lease.bind(work)
        self._in_work.add(work)
        try:
            await asyncio.wait({work})
        finally:
            work.cancel()
            self._in_work.discard(work)
        return WorkCancelled("cancelled") if work.cancelled() else work.result()

    async def _call_handler(self, message: _Message) -> Exception | None:
        problem: Exception | None = None
        try:
            async with asyncio.timeout(self._longest_work_seconds) as limit:
                await self._handle(message.event)
        except _AWAY as away:
            return away
        except Exception as raised:
            problem = WorkTooLong("cancelled") if limit.expired() else raised
            log.exception(
                "message_failed",
                messageId=message.lease.message_id,
                eventType=message.event.get("eventType"),
                reason=_reason(problem),
            )
        return problem

    async def _note_failure(
        self, message_id: str, event_type: object, receive_count: int, problem: Exception
    ) -> None:
        await self._failures.note(
            FailedMessage(
                message_id,
                self._queue_name,
                event_type[:MAX_EVENT_TYPE_LENGTH] if isinstance(event_type, str) else None,
                receive_count,
                _reason(problem),
                utc_now(),
            )
        )


def _parse(raw: dict[str, Any], lease: Lease) -> _Message:
    try:
        event = read_body(raw["Body"])
    except ValueError as problem:
        raise MalformedMessage("not JSON") from problem
    if not isinstance(event, dict):
        raise MalformedMessage("not an object")
    attributes = raw.get("MessageAttributes", {})
    attribute = attributes.get("correlationId", {})
    return _Message(
        lease,
        event,
        accepted_correlation_id((attribute.get("StringValue") or "").encode("utf-8", "replace")),
        _receive_count(raw),
        attributes.get(ATTRIBUTE, {}).get("StringValue"),
    )


def _receive_count(raw: dict[str, Any]) -> int:
    return int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1))


def _reason(problem: Exception) -> str:
    """Name an error; only texts of our own are known to repeat nothing of the body."""
    if isinstance(problem, MalformedMessage):
        return f"{_name(problem)}: {problem}"
    return _name(problem)


def _name(problem: BaseException) -> str:
    return type(problem).__name__
