"""Keeps why messages failed, by message id, for as long as they can lie in a dead-letter queue.

A row says what the consumer says of a failure: ids, a type, a count and a reason, nothing else of the body.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, String, delete, select
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import Database, DatabaseUnavailable, utc_now
from shared.events.routes import DEAD_LETTER_RETENTION_SECONDS
from shared.logging import get_logger
from shared.messaging.failures import FailedMessage
from shared.messaging.stopping import sleep_unless_stopped

log = get_logger(__name__)

MAX_REASON_LENGTH = 255
MAX_ROWS = 100_000
"""Some 20 MB; the three receives of 33,000 messages, which is an outage of ours and not so many reasons."""

PRUNE_SECONDS = 60
PRUNE_CHUNK = 1_000
"""Rows deleted in one transaction, so that nobody waits for the locks."""

WRITE_SECONDS = 5.0
"""The messages behind a failed one wait while its reason is written, and are worth more than it."""

READ_SECONDS = 1.0
"""The next receive waits for it, and does without."""


class FailureColumns:
    """The columns of a consuming service's table of failures: a row per failed receive."""

    __tablename__ = "failed_messages"

    message_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    receive_count: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    queue_name: Mapped[str] = mapped_column(String(80))
    event_type: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(MAX_REASON_LENGTH))
    failed_at: Mapped[datetime] = mapped_column(DATETIME(fsp=6), index=True)


class FailureLog:
    """Writes failures of one service's consumers into its table, and keeps the table small."""

    def __init__(
        self, database: Database, table: type[FailureColumns], *, max_rows: int = MAX_ROWS
    ) -> None:
        self._database = database
        self._table = table
        self._max_rows = max_rows

    async def record(self, failed: FailedMessage) -> None:
        """Write one failure in a transaction of its own.

        Raises:
            DatabaseUnavailable: There is no database to write to.
            TimeoutError: It does not answer soon.
        """
        row = {
            "message_id": failed.message_id,
            "receive_count": failed.receive_count,
            "queue_name": failed.queue_name,
            "event_type": failed.event_type,
            "reason": failed.reason[:MAX_REASON_LENGTH],
            "failed_at": failed.failed_at,
        }
        statement = mysql_insert(self._table).values(row)
        # A standard queue may deliver one receive twice.
        statement = statement.on_duplicate_key_update(
            reason=statement.inserted.reason, failed_at=statement.inserted.failed_at
        )

        async def work(session: AsyncSession) -> None:
            await session.execute(statement)

        async with asyncio.timeout(WRITE_SECONDS):
            await self._database.transaction(work)

    async def recorded(self, message_ids: Collection[str]) -> set[str]:
        """Return which of these messages have failed at any of the service's consumers.

        Raises:
            DatabaseUnavailable: There is no database to read from.
            TimeoutError: It does not answer soon.
        """
        message_id = self._table.message_id
        statement = select(message_id).where(message_id.in_(message_ids)).distinct()

        async def read(connection: AsyncConnection) -> set[str]:
            return set(await connection.scalars(statement))

        async with asyncio.timeout(READ_SECONDS):
            return await self._database.read(read)

    async def keep_small(self, stopping: asyncio.Event) -> None:
        """Remove until `stopping` is set what is too old or too much."""
        while not stopping.is_set():
            try:
                removed = await self.prune()
                if removed:
                    log.info("failures_removed", rows=removed)
            except DatabaseUnavailable:
                log.warning("failures_not_pruned")
            await sleep_unless_stopped(PRUNE_SECONDS, stopping)

    async def prune(self) -> int:
        """Remove failures of messages that no dead-letter queue holds any more, and the oldest of too many.

        Returns:
            The number of rows removed.
        """
        failed_at = self._table.failed_at
        newest_removed = utc_now() - timedelta(seconds=DEAD_LETTER_RETENTION_SECONDS)

        async def newest_in_excess(connection: AsyncConnection) -> datetime | None:
            statement = select(failed_at).order_by(failed_at.desc()).offset(self._max_rows).limit(1)
            return await connection.scalar(statement)

        in_excess = await self._database.read(newest_in_excess)
        if in_excess is not None:
            newest_removed = max(newest_removed, in_excess)

        async def remove_chunk(session: AsyncSession) -> int:
            statement = delete(self._table).where(failed_at <= newest_removed)
            result = await session.execute(statement.with_dialect_options(mysql_limit=PRUNE_CHUNK))
            return int(cast("CursorResult[Any]", result).rowcount)

        removed = 0
        while chunk := await self._database.transaction(remove_chunk):
            removed += chunk
        return removed


class _Reading(DeclarativeBase):
    """For programs that read whichever service's table."""


class _FailedMessage(FailureColumns, _Reading):
    """A failure in the schema that a database connection stands on."""


async def read_failures(
    database: Database, message_ids: Sequence[str]
) -> dict[str, list[FailedMessage]]:
    """Return what a service has recorded of messages, oldest first, by message id.

    Raises:
        DatabaseUnavailable: There is no database to read from.
    """
    statement = (
        select(_FailedMessage)
        .where(_FailedMessage.message_id.in_(message_ids))
        .order_by(_FailedMessage.failed_at)
    )

    async def read(connection: AsyncConnection) -> list[FailedMessage]:
        rows = await connection.execute(statement)
        return [FailedMessage(**row) for row in rows.mappings()]

    failures: dict[str, list[FailedMessage]] = defaultdict(list)
    for failed in await database.read(read):
        failures[failed.message_id].append(failed)
    return failures
