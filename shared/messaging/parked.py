"""Events that the relay has parked, for operators: `python -m shared.messaging.parked list|retry`.

`DATABASE_URL` names the schema whose `outbox` is meant.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from shared.database import Database, utc_now
from shared.messaging.outbox import OutboxColumns
from shared.settings import DatabaseSettings, load_settings


@dataclass(frozen=True)
class ParkedEvent:
    """What an operator needs to know of a parked event; nothing of its body."""

    id: int
    event_type: str
    queue_name: str
    attempts: int
    created_at: datetime
    parked_at: datetime
    failure: str


async def list_parked(session: AsyncSession, table: type[OutboxColumns]) -> list[ParkedEvent]:
    """Return what is parked, the longest parked first."""
    columns = [getattr(table, name) for name in ParkedEvent.__dataclass_fields__]
    rows = await session.execute(
        select(*columns).where(table.parked_at.is_not(None)).order_by(table.parked_at, table.id)
    )
    return [ParkedEvent(*row) for row in rows]


async def retry_parked(
    session: AsyncSession, table: type[OutboxColumns], ids: Sequence[int] | None = None
) -> int:
    """Let parked events be sent again, with all their tries before them; returns how many.

    Args:
        session: The caller's unit of work.
        table: The service's outbox.
        ids: Which ones; all of them when None.
    """
    statement = (
        update(table)
        .where(table.parked_at.is_not(None))
        .values(parked_at=None, failure=None, attempts=0, due_at=utc_now())
    )
    if ids is not None:
        statement = statement.where(table.id.in_(ids))
    result = cast(CursorResult[Any], await session.execute(statement))
    return result.rowcount


class _Base(DeclarativeBase):
    """Every outbox is the same table to an operator."""


class _Outbox(OutboxColumns, _Base):
    __tablename__ = "outbox"


async def run(database: Database, command: str, ids: Sequence[int] | None) -> list[str]:
    """Carry out one command and return the lines to show."""
    if command == "retry":
        count = await database.transaction(lambda session: retry_parked(session, _Outbox, ids))
        return [f"{count} put back"]
    parked = await database.transaction(lambda session: list_parked(session, _Outbox))
    return [
        f"{event.id}  {event.event_type}  {event.queue_name}  created {event.created_at:%Y-%m-%dT%H:%M:%S}"
        f"  parked {event.parked_at:%Y-%m-%dT%H:%M:%S}  attempts {event.attempts}  {event.failure}"
        for event in parked
    ] + [f"{len(parked)} parked"]


def main() -> None:
    """Read the command line and show the answer."""
    parser = argparse.ArgumentParser(
        prog="python -m shared.messaging.parked",
        description="Events that the relay has parked because they failed too often.",
    )
    parser.add_argument("command", choices=["list", "retry"])
    parser.add_argument("ids", nargs="*", type=int, help="ids to put back; all when none is given")
    arguments = parser.parse_args()
    settings = load_settings(DatabaseSettings)

    async def work() -> list[str]:
        database = Database(settings.database_url)
        try:
            return await run(database, arguments.command, arguments.ids or None)
        finally:
            await database.close()

    sys.stdout.write("\n".join(asyncio.run(work())) + "\n")


if __name__ == "__main__":
    main()
