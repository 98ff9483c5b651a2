"""Statements that are written with SQLAlchemy, compiled once, and run many times without it.

Which takes a third of the processor time, and is worth it where thousands run each second: in what consumers do for
each message, and in long lists.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import asyncmy
from sqlalchemy import BindParameter, Connection, Delete, Engine, Enum, Insert, SelectBase, Update
from sqlalchemy.dialects.mysql.asyncmy import dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import Pool
from sqlalchemy.types import TypeEngine

_DIALECT = dialect()

_LIST = re.compile(r"\(__\[POSTCOMPILE_\w+\]\)")
"""Where SQLAlchemy would write as many placeholders as a list has values; the driver writes a tuple by itself."""


class Statement:
    """A statement as the driver takes it.

    Args:
        statement: What changes from run to run is a named `bindparam` in it. An expanding one stands for the list of
            an `IN`, never of a `NOT IN`.

    Raises:
        ValueError: It leaves a value to a default that SQLAlchemy would fill in at each run.
    """

    def __init__(self, statement: SelectBase | Insert | Update | Delete) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        left_out = {column.key for column in (*compiled.insert_prefetch, *compiled.update_prefetch)}
        if left_out:
            raise ValueError(f"name the values of {sorted(left_out)}: nobody else fills them in")
        self.sql = _LIST.sub("%s", str(compiled))
        self._parameters: Sequence[str] = compiled.positiontup or ()
        binds = {name: compiled.binds[name] for name in self._parameters}
        self._constants = {
            name: bind.effective_value for name, bind in binds.items() if not bind.required
        }
        self._writers = [
            (position, write)
            for position, name in enumerate(self._parameters)
            if (write := _writer(binds[name])) is not None
        ]

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of the parameters in the order in which they stand in the statement."""
        if self._constants:
            values = {**self._constants, **values}
        arguments = [values[name] for name in self._parameters]
        for position, write in self._writers:
            arguments[position] = write(arguments[position])
        return tuple(arguments)

    async def run(self, session: AsyncSession, values: Mapping[str, Any]) -> None:
        """Run it in the session's transaction.

        Raises:
            DBAPIError: As SQLAlchemy would raise it.
        """
        await run_on_driver(session, self.sql, self.arguments(values))


class Query(Statement):
    """A SELECT as the driver takes it, and how its rows become dictionaries.

    Args:
        statement: See `Statement`. Its columns' labels are the names in the dictionaries.
    """

    def __init__(self, statement: SelectBase) -> None:
        super().__init__(statement)
        self._names = tuple(column.name for column in statement.selected_columns)
        self._readers = tuple(_readers(statement))

    def as_dicts(self, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """Return the driver's rows as dictionaries by label, converted as SQLAlchemy would."""
        names = self._names
        listed = [dict(zip(names, row, strict=True)) for row in rows]
        for name, read in self._readers:
            for row in listed:
                row[name] = read(row[name])
        return listed

    async def fetch(self, session: AsyncSession, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run it in the session's transaction and return all rows.

        Raises:
            DBAPIError: As SQLAlchemy would raise it.
        """
        rows = await run_on_driver(session, self.sql, self.arguments(values))
        return self.as_dicts(rows)


async def run_on_driver(
    session: AsyncSession, sql: str, arguments: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    """Run a statement in the session's transaction on the driver's own cursor, and return its rows, if any.

    Raises:
        DBAPIError: As SQLAlchemy would raise it.
    """
    connection = await session.connection()
    engine = connection.engine.sync_engine
    pool = engine.pool
    pooled = cast(Connection, connection.sync_connection).connection
    try:
        return await execute(engine, pooled.driver_connection, sql, arguments)
    except asyncmy.errors.Error as problem:
        refused = as_sqlalchemy_raises(engine, problem)
        if refused.connection_invalidated:
            await connection.invalidate(problem)
            forget_lost(engine, pool)
        raise refused from problem
    except BaseException:
        # Its answer may still be on the way, and would be taken for that of the next statement.
        await connection.invalidate()
        raise


async def execute(
    engine: Engine, driver: Any, sql: str, arguments: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    """Run a statement on a connection of the driver, which is one of the engine's, and return its rows, if any.

    Raises:
        asyncmy.errors.Error: The server refused it or went away.
    """
    async with driver.cursor() as cursor:
        for heard in engine.dispatch.before_cursor_execute:
            heard(None, cursor, sql, arguments, None, False)
        await cursor.execute(sql, arguments)
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
        return rows


def as_sqlalchemy_raises(engine: Engine, problem: Exception) -> DBAPIError:
    """Return an error of the driver as SQLAlchemy would raise it, without the statement and its values."""
    is_lost = engine.dialect.is_disconnect(cast(Any, problem), None, None)
    refused = DBAPIError.instance(
        None, None, problem, engine.dialect.loaded_dbapi.Error, connection_invalidated=is_lost
    )
    return cast(DBAPIError, refused)


def forget_lost(engine: Engine, pool: Pool) -> None:
    """Use none of a pool's connections again: when one was lost the others mostly were, more than there are tries."""
    if engine.pool is pool:
        engine.dispose(close=False)


def _as_list(values: Iterable[Any]) -> tuple[Any, ...]:
    # Nothing is in `(NULL)`; `()` is no SQL.
    return tuple(values) or (None,)


def _readers(statement: SelectBase) -> Iterable[tuple[str, Callable[[Any], Any]]]:
    for column in statement.selected_columns:
        if not _is_plain_enum(column.type):
            read = column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
            if read is not None:
                yield column.name, read


def _writer(bind: BindParameter[Any]) -> Callable[[Any], Any] | None:
    if bind.expanding:
        return _as_list
    if _is_plain_enum(bind.type):
        return None
    return bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)


def _is_plain_enum(of: TypeEngine[Any]) -> bool:
    """Tell of a type that it would only look up whether the column holds what the column may hold."""
    return isinstance(of, Enum) and of.enum_class is None
