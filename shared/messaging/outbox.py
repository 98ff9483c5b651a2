"""Events leave through a table: written in the same transaction as the rows they tell of, sent afterwards.

The producer's side joins the caller's transaction and never commits. The relay claims rows with a lease,
sends, and deletes a row only if nobody has renewed it since: MySQL ids become visible out of commit
order, so rows are never polled by their id.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, String, delete, func, select, update
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Database, DatabaseUnavailable, utc_now
from shared.logging import correlation_id, get_logger
from shared.messaging.metrics import OUTBOX_AGE, OUTBOX_DEPTH, OUTBOX_SENT
from shared.messaging.publisher import Publisher, PublishError

log = get_logger(__name__)

LEASE_SECONDS = 8
"""Q-04: a killed relay's rows are sent within ten seconds. A batch that takes longer may be sent twice."""

CLAIM_SIZE = 10
POLL_SECONDS = 0.2
"""Upper bound of what the outbox adds to an event's way when nobody wakes the relay."""

MEASURE_SECONDS = 1
"""Counting the table on every poll would cost more than the poll."""

MAX_RETRY_SECONDS = 5
"""Q-04: everything is sent within ten seconds after the broker is back."""


class OutboxColumns:
    """The columns of a service's outbox table."""

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_type: Mapped[str] = mapped_column(String(64))
    queue_name: Mapped[str] = mapped_column(String(80))
    unique_key: Mapped[str] = mapped_column(String(320), unique=True)
    """At most one row waits for a key; a further event under it renews the waiting one."""
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
    due_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6), index=True)


@dataclass(frozen=True)
class OutgoingEvent:
    """An event to be sent once the transaction around it is committed.

    `unique_key` names the fact: while an event of that key waits, a newer one replaces it. None gives the
    event a row of its own.
    """

    event_type: str
    queue_name: str
    body: dict[str, Any]
    unique_key: str | None = None


async def enqueue(
    session: AsyncSession, table: type[OutboxColumns], events: Sequence[OutgoingEvent]
) -> None:
    """Write events to the outbox in the caller's transaction."""
    if not events:
        return
    now = utc_now()
    rows = [
        {
            "event_type": event.event_type,
            "queue_name": event.queue_name,
            "unique_key": event.unique_key or uuid4().hex,
            "body": event.body,
            "correlation_id": correlation_id.get(),
            "version": uuid4().hex,
            "attempts": 0,
            "created_at": now,
            "due_at": now,
        }
        for event in events
    ]
    rows.sort(key=lambda row: str(row["unique_key"]))
    statement = mysql_insert(table)
    renewed = ("body", "correlation_id", "version", "attempts", "due_at")
    await session.execute(
        statement.on_duplicate_key_update({name: statement.inserted[name] for name in renewed}),
        rows,
    )


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


BuildBodies = Callable[[ClaimedEvent], Awaitable[list[bytes]]]
"""Turns a row into the message bodies to send, reading committed rows where the event is a snapshot."""


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
        self._measured_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set."""
        while not stopping.is_set():
            try:
                sent = await self.relay_once()
                await self._measure()
            except DatabaseUnavailable:
                log.warning("outbox_unavailable")
                sent = 0
                await _pause(1, stopping)
            if not sent:
                await _pause(POLL_SECONDS, stopping)

    async def relay_once(self) -> int:
        """Claim, send and remove at most one batch; returns how many rows were claimed."""
        claimed = await self._database.transaction(self._claim)
        await asyncio.gather(*(self._send(event) for event in claimed))
        return len(claimed)

    async def _claim(self, session: AsyncSession) -> list[ClaimedEvent]:
        table = self._table
        now = utc_now()
        rows = await session.execute(
            select(table)
            .where(table.due_at <= now)
            .order_by(table.due_at)
            .limit(CLAIM_SIZE)
            .with_for_update(skip_locked=True)
        )
        claimed = [
            ClaimedEvent(
                row.id,
                row.event_type,
                row.queue_name,
                row.body,
                row.correlation_id,
                row.version,
                row.attempts + 1,
            )
            for row in rows.scalars()
        ]
        if claimed:
            await session.execute(
                update(table)
                .where(table.id.in_([event.id for event in claimed]))
                .values(due_at=now + timedelta(seconds=LEASE_SECONDS), attempts=table.attempts + 1)
            )
        return claimed

    async def _send(self, event: ClaimedEvent) -> None:
        token = correlation_id.set(event.correlation_id)
        try:
            await self._publisher.send(event.queue_name, await self._build_bodies(event))
        except PublishError as problem:
            log.warning("event_not_sent", eventType=event.event_type, reason=str(problem))
            await self._put_off(event)
        except DatabaseUnavailable:
            log.warning("event_not_built", eventType=event.event_type)
        except Exception:
            log.exception("event_not_built", eventType=event.event_type, attempts=event.attempts)
            await self._put_off(event)
        else:
            await self._remove(event)
            OUTBOX_SENT.labels(event.event_type).inc()
        finally:
            correlation_id.reset(token)

    async def _remove(self, event: ClaimedEvent) -> None:
        async def work(session: AsyncSession) -> None:
            # A renewed row has another version: it tells of something newer and stays.
            await session.execute(
                delete(self._table).where(
                    self._table.id == event.id, self._table.version == event.version
                )
            )

        await self._database.transaction(work)

    async def _put_off(self, event: ClaimedEvent) -> None:
        delay = timedelta(seconds=min(0.5 * 2**event.attempts, MAX_RETRY_SECONDS))

        async def work(session: AsyncSession) -> None:
            await session.execute(
                update(self._table)
                .where(self._table.id == event.id, self._table.version == event.version)
                .values(due_at=utc_now() + delay)
            )

        await self._database.transaction(work)

    async def _measure(self) -> None:
        if monotonic() - self._measured_at < MEASURE_SECONDS:
            return
        self._measured_at = monotonic()

        async def work(session: AsyncSession) -> tuple[int, datetime | None]:
            row = (
                await session.execute(
                    select(func.count(self._table.id), func.min(self._table.created_at))
                )
            ).one()
            return row[0], row[1]

        depth, oldest = await self._database.transaction(work)
        OUTBOX_DEPTH.set(depth)
        OUTBOX_AGE.set((utc_now() - oldest).total_seconds() if oldest else 0)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
