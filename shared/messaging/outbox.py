"""Events leave through a table: written in the same transaction as the rows they tell of, sent by `relay`.

What is here joins the caller's transaction and never commits. While an event of a fact waits, a newer one takes
its place, so that the table holds at most one row for each.
"""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, String
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import utc_now
from shared.logging import correlation_id
from shared.tracing.spans import current_traceparent
from shared.upserts import Upsert


class OutboxColumns:
    """The columns of a service's outbox table."""

    __tablename__: str

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
    correlation, traceparent = correlation_id.get(), current_traceparent()
    rows = [
        (
            event.unique_key or uuid4().hex,
            event.event_type,
            event.queue_name,
            json.dumps(event.body),
            correlation,
            traceparent,
            uuid4().hex,
            0,
            now,
            now,
            None,
            None,
        )
        for event in events
    ]
    # By their unique keys, which come first.
    await _insert_or_renew(table.__tablename__).write(session, sorted(rows, key=itemgetter(0)))


@functools.cache
def _insert_or_renew(table_name: str) -> Upsert:
    return Upsert(
        table_name,
        columns=(
            "unique_key",
            "event_type",
            "queue_name",
            "body",
            "correlation_id",
            "traceparent",
            "version",
            "attempts",
            "created_at",
            "due_at",
            "parked_at",
            "failure",
        ),
        # What is newer gets tries of its own, also when the one before was parked.
        changing=(
            "body",
            "correlation_id",
            "traceparent",
            "version",
            "attempts",
            "due_at",
            "parked_at",
            "failure",
        ),
    )
