"""Writes many rows at once, whether or not they exist."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.ext.asyncio import AsyncSession

from shared.queries import run_on_driver

ROWS_PER_STATEMENT = 100
"""With the longest of texts, 64 KiB in a TEXT column and twice that in hexadecimal digits, they take 13 MB: MariaDB
takes 16 MB unless told otherwise, and ends the connection of who sends more."""

LONG_TEXT = "CONVERT(UNHEX(%s) USING utf8mb4)"
"""Where a statement takes a text that is sent as hexadecimal digits."""

_NEW_VALUE = re.compile(r"\bVALUES\((\w+)\)")


class Upsert:
    """Inserts rows or changes the ones that have their keys, many in one statement.

    Written for the driver once: SQLAlchemy would build the statement anew and walk through every value, which
    takes longer than the database does.

    Args:
        table: Its name.
        columns: In the order in which each row has its values.
        changing: Columns that a row which exists takes over, or the expression that each of them gets: in it
            `VALUES(name)` is the new value, and what is stored has the table's name before it.
        long_texts: Columns whose values are sent as hexadecimal digits. The driver has nothing to escape in
            them; in HTML it took as long as all else about a row.
    """

    def __init__(
        self,
        table: str,
        *,
        columns: Sequence[str],
        changing: Sequence[str] | Mapping[str, str],
        long_texts: Collection[str] = (),
    ) -> None:
        if not isinstance(changing, Mapping):
            changing = {name: f"VALUES({name})" for name in changing}
        places = [LONG_TEXT if name in long_texts else "%s" for name in columns]
        changes = ", ".join(f"{name} = {expression}" for name, expression in changing.items())
        self._into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608
        self._row = f"({', '.join(places)})"
        self._on_duplicate_in_mariadb = f" ON DUPLICATE KEY UPDATE {changes}"
        # MariaDB does not know this form. MySQL warns of each use of the other, which the driver asks for and logs.
        named = _NEW_VALUE.sub(r"new.\1", changes)
        self._on_duplicate_in_mysql = f" AS new ON DUPLICATE KEY UPDATE {named}"
        self._long_texts = [columns.index(name) for name in long_texts]

    async def write(self, session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows in the caller's transaction; sorted by key, so that two writers do not deadlock."""
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            await self._write(session, rows[start : start + ROWS_PER_STATEMENT])

    async def _write(self, session: AsyncSession, rows: Sequence[tuple[Any, ...]]) -> None:
        dialect = cast(MySQLDialect, (await session.connection()).dialect)
        statement = (
            self._into
            + ", ".join([self._row] * len(rows))
            + (self._on_duplicate_in_mariadb if dialect.is_mariadb else self._on_duplicate_in_mysql)
        )
        width = len(rows[0])
        values = [value for row in rows for value in row]
        for column in self._long_texts:
            texts = values[column::width]
            values[column::width] = [
                None if text is None else text.encode().hex() for text in texts
            ]
        await run_on_driver(session, statement, tuple(values))
