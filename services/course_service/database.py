"""The declarative base of course_db's tables, which Alembic makes, and how many rows are written at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

READ_CHUNK = 1_000
"""Keys named in one `IN (...)`: a statement of some 20 KB, and a handful of them for the largest message."""


class Base(DeclarativeBase):
    """Base of every model; times are UTC wall-clock values with microseconds."""

    type_annotation_map: ClassVar = {datetime: DATETIME(fsp=6)}


class Upsert:
    """Inserts rows or changes the ones that have their keys, all in one statement.

    Written for the driver once: SQLAlchemy would build the statement anew and walk through every value, which
    takes longer than the database does.

    Args:
        table: Its name.
        columns: In the order in which each row has its values.
        changing: Columns that a row which exists takes over, or the expression that each of them gets.
    """

    def __init__(
        self, table: str, *, columns: Sequence[str], changing: Sequence[str] | Mapping[str, str]
    ) -> None:
        if not isinstance(changing, Mapping):
            changing = {name: f"VALUES({name})" for name in changing}
        places = ", ".join(["%s"] * len(columns))
        changes = ", ".join(f"{name} = {expression}" for name, expression in changing.items())
        # The driver recognises `VALUES (...)` of this form and sends all rows at once.
        self._sql = (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
            f" ON DUPLICATE KEY UPDATE {changes}"
        )

    async def write(self, session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows in the caller's transaction; sorted by key, so that two writers do not deadlock."""
        if rows:
            connection = await session.connection()
            await connection.exec_driver_sql(self._sql, list(rows))
