"""Events leave through a table: written in the same transaction as the rows they tell of, sent by `relay`.

What is here joins the caller's transaction and never commits. While an event of a fact waits, a newer one takes
its place, so that the table holds at most one row for each.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, String
from sqlalchemy.dialects.mysql import DATETIME, Insert
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import utc_now
from shared.logging import correlation_id
from shared.tracing.spans import current_traceparent


class OutboxColumns:
    """The columns of a service's outbox table."""

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_type: Mapped[str] = mapped_column(String(64))
    queue_name: Mapped[str] = mapped_column(String(80))
    unique_key: Mapped[str] = mapped_column(String(320), unique=True)
    """At most one row waits for a key; a further event under it renews the waiting one."""
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    traceparent: Mapped[str | None] = mapped_column(String(55))
    """Of the work that wrote it, when that was recorded; all of W3C's version 00 are as long."""
    version: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6))
    due_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6), index=True)
    parked_at: Mapped[datetime | None] = mapped_column(DATETIME(fsp=6))
    failure: Mapped[str | None] = mapped_column(String(255))
    """Why it was parked; the class of an error or the queue's code, never what the event says."""


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
            "traceparent": current_traceparent(),
            "version": uuid4().hex,
            "attempts": 0,
            "created_at": now,
            "due_at": now,
            "parked_at": None,
            "failure": None,
        }
        for event in events
    ]
    rows.sort(key=lambda row: str(row["unique_key"]))
    # Not by the session, which leaves out what is NULL: MySQL 8 knows of a row's new values only those that the
    # statement names.
    connection = await session.connection()
    await connection.execute(_insert_or_renew(cast(Any, table)), rows)


@functools.cache
def _insert_or_renew(table: Any) -> Insert:
    """Return the statement for a table of `OutboxColumns`; to make it takes longer than to run it."""
    statement = mysql_insert(table)
    # What is newer gets tries of its own, also when the one before was parked.
    renewed = (
        "body",
        "correlation_id",
        "traceparent",
        "version",
        "attempts",
        "due_at",
        "parked_at",
        "failure",
    )
    return statement.on_duplicate_key_update({name: statement.inserted[name] for name in renewed})
