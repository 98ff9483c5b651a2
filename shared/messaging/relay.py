"""Sends what waits in an outbox, in batches, and deletes it afterwards.

The relay claims rows with a lease, sends, and deletes a row only if nobody has renewed it since: MySQL ids become
visible out of commit order, so rows are never polled by their id. A row that fails again and again for its own sake
is parked: kept for an operator, and in nobody's way.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import Database, DatabaseUnavailable, utc_now
from shared.logging import correlation_id, get_logger
from shared.messaging.metrics import OUTBOX_AGE, OUTBOX_DEPTH, OUTBOX_PARKED, OUTBOX_SENT
from shared.messaging.outage import backoff_seconds
from shared.messaging.outbox import OutboxColumns
from shared.messaging.publisher import OutgoingMessage, Publisher, PublishError
from shared.messaging.queues import MAX_BATCH
from shared.messaging.stopping import FINISH_SECONDS, sleep_unless_stopped, unless_stopped
from shared.queries import Query, Statement
from shared.tracing.messages import sending

log = get_logger(__name__)

LEASE_SECONDS = 8
"""Q-04: a killed relay's rows are sent within ten seconds. A batch that takes longer may be sent twice."""

CLAIM_SIZE = MAX_BATCH
"""What one call to a queue takes."""

BUILDS_AT_ONCE = 4
"""A quarter of a database's pool, so that the consumer's handlers find connections."""

POLL_SECONDS = 0.2
"""Upper bound of what the outbox adds to an event's way when nobody wakes the relay."""

MEASURE_SECONDS = 1
"""Counting the table on every poll would cost more than the poll."""

MAX_RETRY_SECONDS = 5
"""Q-04: everything is sent within ten seconds after the broker is back."""

MAX_ATTEMPTS = 10
"""Some forty seconds of tries: what failed so often is not a race, and needs somebody's eyes."""

PARKED_UNTIL = datetime(9999, 1, 1)
"""Parked rows sort behind all others, so that claiming never reads them."""


@dataclass(frozen=True)
class ClaimedEvent:
    """An outbox row held by this relay for the length of its lease."""

    id: int
    event_type: str
    queue_name: str
    body: dict[str, Any]
    correlation_id: str | None
    version: str
    attempts: int
    traceparent: str | None = None


BuildBodies = Callable[[ClaimedEvent], Awaitable[list[bytes]]]
"""Turns a row into the message bodies to send, reading committed rows where the event is a snapshot."""


@dataclass(frozen=True)
class _Built:
    event: ClaimedEvent
    messages: list[OutgoingMessage]


class Relay:
    """Sends what waits in an outbox, in batches; several may run side by side."""

    def __init__(
        self,
        database: Database,
        table: type[OutboxColumns],
        publisher: Publisher,
        build_bodies: BuildBodies,
    ) -> None:
        self._database = database
        self._table = table
        self._publisher = publisher
        self._build_bodies = build_bodies
        self._claimable = Query(
            select(
                table.id,
                table.event_type,
                table.queue_name,
                table.body,
                table.correlation_id,
                table.version,
                (table.attempts + 1).label("attempts"),
                table.traceparent,
            )
            .where(table.due_at <= bindparam("now"))
            .order_by(table.due_at)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
        self._lease = Statement(
            update(table)
            .where(table.id.in_(bindparam("ids", expanding=True)))
            .values(due_at=bindparam("ends_at"), attempts=table.attempts + 1)
        )
        self._removal = Statement(
            delete(table).where(
                _is_one_of(
                    table, bindparam("ids", expanding=True), bindparam("versions", expanding=True)
                )
            )
        )
        self._builds = asyncio.Semaphore(BUILDS_AT_ONCE)
        self._outages = 0
        self._measured_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set; a batch in hand is given the time to end."""
        while not stopping.is_set():
            try:
                claimed = await unless_stopped(
                    self.relay_once(), stopping, patience_seconds=FINISH_SECONDS
                )
                await self._measure()
            except DatabaseUnavailable:
                log.warning("outbox_unavailable")
                await sleep_unless_stopped(1, stopping)
                continue
            if self._outages:
                await sleep_unless_stopped(backoff_seconds(self._outages - 1), stopping)
            elif (claimed or 0) < CLAIM_SIZE:
                # A call to a queue takes ten messages for the price of one.
                await sleep_unless_stopped(POLL_SECONDS, stopping)

    async def relay_once(self) -> int:
        """Claim, send and remove at most one batch; returns how many rows were claimed.

        Raises:
            DatabaseUnavailable: What was claimed is due again when the lease ends.
        """
        claimed = await self._database.transaction(self._claim)
        if not claimed:
            return 0
        by_queue: dict[str, list[_Built]] = defaultdict(list)
        for built in await asyncio.gather(*(self._build(event) for event in claimed)):
            if built is not None:
                by_queue[built.event.queue_name].append(built)
        outcomes = await asyncio.gather(*(self._send(*queue) for queue in by_queue.items()))
        sent = [event for events in outcomes if events for event in events]
        self._outages = 0 if sent or None not in outcomes else self._outages + 1
        await self._remove(sent)
        return len(claimed)

    async def _claim(self, session: AsyncSession) -> list[ClaimedEvent]:
        now = utc_now()
        rows = await self._claimable.fetch(session, {"now": now, "most": CLAIM_SIZE})
        if rows:
            ends_at = now + timedelta(seconds=LEASE_SECONDS)
            values = {"ids": [row["id"] for row in rows], "ends_at": ends_at}
            await self._lease.run(session, values)
        return [ClaimedEvent(**row) for row in rows]

    async def _build(self, event: ClaimedEvent) -> _Built | None:
        token = correlation_id.set(event.correlation_id)
        try:
            if event.attempts > MAX_ATTEMPTS:
                # Every try was claimed and none came to an end: it takes its relay with it.
                await self._put_off(event, "ClaimedTooOften")
                return None
            with sending(event.queue_name, "create", parent=event.traceparent) as trace:
                async with self._builds:
                    bodies = await self._build_bodies(event)
            return _Built(
                event,
                [OutgoingMessage(body, event.correlation_id, trace.traceparent) for body in bodies],
            )
        except DatabaseUnavailable:
            log.warning("event_not_built", eventType=event.event_type, reason="DatabaseUnavailable")
            if await self._database.is_reachable():
                await self._put_off(event, "DatabaseUnavailable")
        except Exception as problem:
            log.exception("event_not_built", eventType=event.event_type, attempts=event.attempts)
            await self._put_off(event, type(problem).__name__)
        finally:
            correlation_id.reset(token)
        return None

    async def _send(self, queue_name: str, built: list[_Built]) -> list[ClaimedEvent] | None:
        """Send what was built for one queue; returns what was sent, None when the queue is away."""
        messages = [message for one in built for message in one.messages]
        owners = [one.event for one in built for _ in one.messages]
        try:
            refused = await self._publisher.send_all(queue_name, messages)
        except PublishError as problem:
            log.warning("events_not_sent", events=len(built), reason=str(problem))
            await self._give_back([one.event for one in built])
            return None
        reasons = {owners[position].id: reason for position, reason in refused.items()}
        for event in (one.event for one in built):
            if event.id in reasons:
                log.error("event_refused", eventType=event.event_type, reason=reasons[event.id])
                await self._put_off(event, reasons[event.id])
        return [one.event for one in built if one.event.id not in reasons]

    async def _remove(self, sent: Sequence[ClaimedEvent]) -> None:
        if not sent:
            return
        # A renewed row has another version: it tells of something newer and stays.
        values = dict(zip(("ids", "versions"), _keys(sent), strict=True))
        await self._database.transaction(lambda session: self._removal.run(session, values))
        for event in sent:
            OUTBOX_SENT.labels(event.event_type).inc()

    async def _give_back(self, events: Sequence[ClaimedEvent]) -> None:
        """Let events be claimed again soon; that the queue was away counts as nobody's try."""
        table = self._table
        due_at = utc_now() + timedelta(seconds=backoff_seconds(0))

        async def work(session: AsyncSession) -> None:
            await session.execute(
                update(table)
                .where(_is_one_of(table, *_keys(events)))
                .values(due_at=due_at, attempts=table.attempts - 1)
            )

        await self._database.transaction(work)

    async def _put_off(self, event: ClaimedEvent, reason: str) -> None:
        """Try an event again later, or park it when it has had its tries."""
        table, now = self._table, utc_now()
        is_parked = event.attempts >= MAX_ATTEMPTS
        delay = timedelta(seconds=min(0.5 * 2**event.attempts, MAX_RETRY_SECONDS))
        values: dict[str, Any] = (
            {"due_at": PARKED_UNTIL, "parked_at": now, "failure": reason[:255]}
            if is_parked
            else {"due_at": now + delay}
        )

        async def work(session: AsyncSession) -> None:
            await session.execute(
                update(table).where(_is_one_of(table, *_keys([event]))).values(values)
            )

        await self._database.transaction(work)
        if is_parked:
            log.error("event_parked", id=event.id, eventType=event.event_type, reason=reason)

    async def _measure(self) -> None:
        if monotonic() - self._measured_at < MEASURE_SECONDS:
            return
        self._measured_at = monotonic()
        table = self._table

        async def work(session: AsyncSession) -> tuple[int, datetime | None, int]:
            is_waiting = table.parked_at.is_(None)
            row = (
                await session.execute(
                    select(
                        func.count(case((is_waiting, table.id))),
                        func.min(case((is_waiting, table.created_at))),
                        func.count(table.parked_at),
                    )
                )
            ).one()
            return row[0], row[1], row[2]

        depth, oldest, parked = await self._database.transaction(work)
        OUTBOX_DEPTH.set(depth)
        OUTBOX_AGE.set((utc_now() - oldest).total_seconds() if oldest else 0)
        OUTBOX_PARKED.set(parked)


def _keys(events: Sequence[ClaimedEvent]) -> tuple[list[int], list[tuple[int, str]]]:
    return [event.id for event in events], [(event.id, event.version) for event in events]


def _is_one_of(
    table: type[OutboxColumns],
    ids: Sequence[int] | BindParameter[int],
    versions: Sequence[tuple[int, str]] | BindParameter[Any],
) -> ColumnElement[bool]:
    # By id as well: MariaDB finds no index for pairs.
    return and_(table.id.in_(ids), tuple_(table.id, table.version).in_(versions))
