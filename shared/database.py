"""One unit of work is one transaction, retried as a whole when the database asks for it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncmy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)

from shared.database_tls import tls_context
from shared.logging import get_logger
from shared.queries import Query, as_sqlalchemy_raises, execute, forget_lost

log = get_logger(__name__)

ResultT = TypeVar("ResultT")

MAX_ATTEMPTS = 5
"""D-01: a deadlock is resolved by the second try almost always; five bounds the worst case."""

POOL_SIZE = 16
"""Per process, once for units of work and once for reads: more keep neither a core nor the server busier."""

POOL_TIMEOUT_SECONDS = 2.0
"""D-04: a request that finds no free connection answers 503 within three seconds."""

RESTART_SECONDS = 2.5
"""A server that is being restarted refuses connections for about two seconds: waiting costs a reader less than an
error (O-05), and one that stays away is still told of within three seconds (D-04)."""

REQUEST_TIMEOUT_SECONDS = 8.0
"""A unit of work with all its tries: a server that hangs must answer before the gateway gives up at 10 s."""

MESSAGE_TIMEOUT_SECONDS = 60.0
"""The same for consumers, whose messages may change thousands of rows."""

READ_COMMITTED = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
"""For reads beside units of work, too: one that locks would else lock the gaps between rows."""

LOCK_CONFLICTS = {1205, 1213, 1020}
"""Lock wait timeout, deadlock, and MariaDB's `Record has changed since last read`."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or no connection is free; nothing was changed that was answered."""


class SchemaNotMigrated(Exception):
    """The schema is older than the revision that this code was written for."""


def utc_now() -> datetime:
    """Return the current UTC wall-clock time without a zone, as every column stores it."""
    return datetime.now(UTC).replace(tzinfo=None)


def driver_url(database_url: str, driver: str) -> str:
    """Return a `mysql://` URL with a driver: `asyncmy` for services, `pymysql` for migrations."""
    return database_url.replace("mysql://", f"mysql+{driver}://", 1) + "?charset=utf8mb4"


class Database:
    """A service's own schema: a pool at READ COMMITTED, and units of work on it.

    READ COMMITTED, because at MySQL's default level eight writers with batched upserts lost a third of
    their transactions to gap-lock deadlocks.
    """

    def __init__(
        self,
        database_url: str,
        *,
        pool_size: int = POOL_SIZE,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        connect_args = {"connect_timeout": 2, "ssl": tls_context(database_url)}
        pool = {
            "pool_size": pool_size,
            # Connections beyond the pool are opened and closed for each use, which costs more than the query.
            "max_overflow": 0,
            "pool_timeout": POOL_TIMEOUT_SECONDS,
            "pool_recycle": 1800,
            # A session that ends has committed or rolled back: one more ROLLBACK would be one more round trip.
            "pool_reset_on_return": None,
            "connect_args": connect_args,
        }
        url = driver_url(database_url, "asyncmy")
        self.engine: AsyncEngine = create_async_engine(
            url, isolation_level="READ COMMITTED", **pool
        )
        # No BEGIN, COMMIT and ROLLBACK around a single SELECT: each would be a round trip.
        self.reading_engine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            **{**pool, "connect_args": {**connect_args, "init_command": READ_COMMITTED}},
        )

    async def transaction(self, work: Callable[[AsyncSession], Awaitable[ResultT]]) -> ResultT:
        """Run a unit of work and commit it before returning.

        The whole unit is run again from its start, in a new transaction, after a deadlock, a lock wait
        timeout or a connection lost before the commit. A connection lost during the commit is not retried:
        nobody knows whether it took effect.

        Args:
            work: Called with a session, perhaps several times; must have no effect outside of it.

        Raises:
            DatabaseUnavailable: No connection could be had, or every try lost its connection.
        """
        return await _retried(lambda: self._once(work), self._timeout_seconds)

    async def _once(self, work: Callable[[AsyncSession], Awaitable[ResultT]]) -> ResultT:
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            result = await work(session)
            try:
                await session.commit()
            except (DBAPIError, OSError) as problem:
                if is_connection_lost(problem):
                    raise DatabaseUnavailable("connection lost during commit") from problem
                raise
            return result

    async def read(self, query: Callable[[AsyncConnection], Awaitable[ResultT]]) -> ResultT:
        """Run queries without a transaction around them: for lists, at a third of the round trips.

        Each statement sees what was committed when it began; several statements may see different states.

        Args:
            query: Called with a connection in autocommit, perhaps several times; must not write.

        Raises:
            DatabaseUnavailable: No connection could be had, or every try lost its connection.
        """

        async def once() -> ResultT:
            async with self.reading_engine.connect() as connection:
                return await query(connection)

        return await _retried(once, self._timeout_seconds)

    async def rows(self, query: Query, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one query like `read`, on the driver's own cursor: for long lists, at half the processor time.

        Args:
            query: What to read.
            values: Its parameters by name; others are ignored.

        Raises:
            DatabaseUnavailable: No connection could be had, or every try lost its connection.
        """
        arguments = query.arguments(values)

        async def once() -> list[dict[str, Any]]:
            return query.as_dicts(await self._fetch(query.sql, arguments))

        return await _retried(once, self._timeout_seconds)

    async def _fetch(self, sql: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        engine = self.reading_engine.sync_engine
        pool = engine.pool
        try:
            pooled = await self.reading_engine.raw_connection()
            try:
                return await execute(engine, pooled.driver_connection, sql, arguments)
            except BaseException:
                # Its answer may still be on the way, and would be taken for that of the next query.
                pooled.invalidate()
                raise
            finally:
                pooled.close()
        except asyncmy.errors.Error as problem:
            refused = as_sqlalchemy_raises(engine, problem)
            if refused.connection_invalidated:
                forget_lost(engine, pool)
            raise refused from problem

    async def is_reachable(self, timeout_seconds: float = 2.0) -> bool:
        """Tell whether the database answers a query now; waits for no restart."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await _attempts(lambda: self._once(_select_one), restart_seconds=0)
        except (SQLAlchemyError, DatabaseUnavailable, OSError, TimeoutError):
            return False
        return True

    async def wait_until_migrated(self, revision: str) -> None:
        """Wait for the database, then check that its schema and isolation level are as expected.

        Args:
            revision: The newest Alembic revision in the code. A schema that is ahead of it will do: migrations
                only add, so that a release can be rolled back and start again (D-06, O-04).

        Raises:
            SchemaNotMigrated: The database answers, but its schema is at an older revision.
        """
        while True:
            try:
                found, isolation = await self.transaction(_schema_state)
            except (DatabaseUnavailable, OSError):
                log.warning("database_unavailable_at_start")
                await asyncio.sleep(1)
                continue
            if isolation != "READ-COMMITTED":
                raise SchemaNotMigrated(f"the isolation level is {isolation}, not READ COMMITTED")
            if found is None or found < revision:
                raise SchemaNotMigrated(
                    f"the schema is at revision {found or 'none'}, this code needs {revision}: run the migration"
                )
            return

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()
        await self.reading_engine.dispose()


async def _retried(once: Callable[[], Awaitable[ResultT]], timeout_seconds: float) -> ResultT:
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _attempts(once)
    except TimeoutError as problem:
        raise DatabaseUnavailable("no answer in time") from problem


async def _attempts(
    once: Callable[[], Awaitable[ResultT]], restart_seconds: float = RESTART_SECONDS
) -> ResultT:
    give_up_at = time.monotonic() + restart_seconds
    attempt = 0
    while True:
        try:
            return await once()
        except PoolTimeoutError as problem:
            raise DatabaseUnavailable("no free connection") from problem
        except (DBAPIError, OSError) as problem:
            lost = is_connection_lost(problem)
            if not lost and not _is_lock_conflict(problem):
                raise
            if _is_refused(problem):
                if time.monotonic() >= give_up_at:
                    raise DatabaseUnavailable("connection refused") from problem
                await asyncio.sleep(random.uniform(0.05, 0.15))  # noqa: S311
                continue
            attempt += 1
            if attempt == MAX_ATTEMPTS:
                if lost:
                    raise DatabaseUnavailable("connection lost") from problem
                raise
            log.info("unit_of_work_retried", attempt=attempt, code=_code(problem))
            await asyncio.sleep(random.uniform(0.005, 0.03) * 2**attempt)  # noqa: S311


def is_connection_lost(problem: BaseException) -> bool:
    """Tell whether a database error means that the server or the connection went away."""
    if isinstance(problem, OSError):
        return True
    if not isinstance(problem, DBAPIError):
        return False
    if problem.connection_invalidated or isinstance(problem.orig, OSError):
        return True
    return _code(problem) in {1040, 1053, 1077, 1079, 1927, 2002, 2003, 2006, 2013, 2014, 4031}


def _is_refused(problem: BaseException) -> bool:
    return _code(problem) in {1040, 2002, 2003} or isinstance(problem, ConnectionRefusedError)


def _is_lock_conflict(problem: BaseException) -> bool:
    return _code(problem) in LOCK_CONFLICTS


def is_duplicate_key(problem: BaseException) -> bool:
    """Tell whether a database error is the violation of a unique key."""
    return _code(problem) == 1062


def _code(problem: BaseException) -> int | None:
    original = getattr(problem, "orig", problem)
    arguments = getattr(original, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


async def _select_one(session: AsyncSession) -> None:
    await session.execute(text("SELECT 1"))


async def _schema_state(session: AsyncSession) -> tuple[str | None, str]:
    # MySQL 8 and MariaDB 10 have different names for this variable.
    isolation = (
        await session.execute(text("SHOW SESSION VARIABLES WHERE Variable_name LIKE 't%isolation'"))
    ).one()[1]
    has_version_table = await session.scalar(
        text(
            "SELECT COUNT(*) FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = 'alembic_version'"
        )
    )
    found = (
        await session.scalar(text("SELECT version_num FROM alembic_version"))
        if has_version_table
        else None
    )
    return found, str(isolation)
