"""What a unit of work promises on a real server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pymysql
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from local_stack.mysql_server import start_mysql
from shared.database import Database, DatabaseUnavailable, SchemaNotMigrated
from shared.testing.schemas import connect, empty_schema, execute, kill_connections


@pytest.fixture(scope="module")
def schema_url(mysql_server_url: str) -> Iterator[str]:
    with empty_schema(mysql_server_url, "unit_of_work") as url:
        execute(url, "CREATE TABLE counters (id INT PRIMARY KEY, value INT NOT NULL)")
        yield url


@pytest.fixture
async def database(schema_url: str) -> AsyncIterator[Database]:
    execute(schema_url, "DELETE FROM counters")
    execute(schema_url, "INSERT INTO counters VALUES (1, 0), (2, 0)")
    database = Database(schema_url)
    yield database
    await database.close()


async def test_a_unit_of_work_that_raises_leaves_nothing_behind(
    database: Database, schema_url: str
) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(text("UPDATE counters SET value = 9"))
        raise LookupError

    with pytest.raises(LookupError):
        await database.transaction(work)

    assert execute(schema_url, "SELECT SUM(value) FROM counters") == [(0,)]


async def test_a_connection_given_back_has_neither_a_transaction_nor_a_needless_rollback(
    database: Database, schema_url: str
) -> None:
    """The pool sends no ROLLBACK of its own: a unit of work ends its transaction, however it ends."""
    single = Database(schema_url, pool_size=1)
    started = asyncio.Event()

    async def change(session: AsyncSession) -> None:
        await session.execute(text("UPDATE counters SET value = value + 1"))

    async def change_and_raise(session: AsyncSession) -> None:
        await change(session)
        raise LookupError

    async def change_and_hang(session: AsyncSession) -> None:
        await change(session)
        started.set()
        await asyncio.Event().wait()

    async def rollbacks(session: AsyncSession) -> int:
        status = await session.execute(text("SHOW SESSION STATUS LIKE 'Com_rollback'"))
        return int(status.one()[1])

    def is_locked() -> bool:
        with connect(schema_url) as other, other.cursor() as cursor:
            # In autocommit MariaDB would look at no lock.
            cursor.execute("BEGIN")
            try:
                cursor.execute("SELECT value FROM counters FOR UPDATE NOWAIT")
            except pymysql.MySQLError:
                return True
            return False

    try:
        before = await single.transaction(rollbacks)
        await single.transaction(change)
        assert await single.transaction(rollbacks) == before
        assert not is_locked()
        with pytest.raises(LookupError):
            await single.transaction(change_and_raise)
        assert not is_locked()
        hanging = asyncio.create_task(single.transaction(change_and_hang))
        await started.wait()
        assert is_locked()
        hanging.cancel()
        await asyncio.wait({hanging})
        assert not is_locked()
    finally:
        await single.close()


async def test_a_deadlock_is_retried_from_the_start_of_the_unit_of_work(
    database: Database, schema_url: str
) -> None:
    """D-01: two writers lock the same rows in opposite order; both must end well."""
    runs = 0

    async def add(session: AsyncSession, first: int, second: int) -> None:
        nonlocal runs
        runs += 1
        statement = text("UPDATE counters SET value = value + 1 WHERE id = :id")
        await session.execute(statement, {"id": first})
        await asyncio.sleep(0.1)
        await session.execute(statement, {"id": second})

    await asyncio.gather(
        database.transaction(lambda session: add(session, 1, 2)),
        database.transaction(lambda session: add(session, 2, 1)),
    )

    assert execute(schema_url, "SELECT value FROM counters ORDER BY id") == [(2,), (2,)]
    assert runs > 2, "no deadlock happened, so nothing was shown"


async def test_a_broken_rule_of_the_schema_is_not_retried(database: Database) -> None:
    runs = 0

    async def work(session: AsyncSession) -> None:
        nonlocal runs
        runs += 1
        await session.execute(text("INSERT INTO counters VALUES (1, 1)"))

    with pytest.raises(IntegrityError):
        await database.transaction(work)

    assert runs == 1


async def test_pooled_connections_may_all_be_killed(database: Database, schema_url: str) -> None:
    """D-04"""

    async def read(session: AsyncSession) -> int | None:
        return await session.scalar(text("SELECT SUM(value) FROM counters"))

    await asyncio.gather(*(database.transaction(read) for _ in range(5)))
    assert kill_connections(schema_url) == 5

    answers = await asyncio.gather(*(database.transaction(read) for _ in range(5)))

    assert answers == [0] * 5


async def test_a_read_sees_what_has_been_committed_since(
    database: Database, schema_url: str
) -> None:
    async def read(connection: AsyncConnection) -> list[int]:
        before = await connection.scalar(text("SELECT SUM(value) FROM counters"))
        execute(schema_url, "UPDATE counters SET value = value + 1")
        after = await connection.scalar(text("SELECT SUM(value) FROM counters"))
        return [int(before), int(after)]

    assert await database.read(read) == [0, 2]


async def test_a_read_survives_a_killed_connection(database: Database, schema_url: str) -> None:
    """D-04"""

    async def connection_id(connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT CONNECTION_ID()")))

    execute(schema_url, f"KILL {await database.read(connection_id)}")

    assert await database.read(connection_id) > 0


async def test_a_connection_lost_during_commit_is_never_run_twice(database: Database) -> None:
    """Nobody knows whether such a commit took effect, so running it again could double it."""
    runs = 0

    async def work(session: AsyncSession) -> None:
        nonlocal runs
        runs += 1
        await session.execute(text("UPDATE counters SET value = value + 1"))

        async def lose_connection() -> None:
            raise OperationalError("COMMIT", {}, Exception(2013, "Lost connection"))

        session.commit = lose_connection  # type: ignore[method-assign]

    with pytest.raises(DatabaseUnavailable):
        await database.transaction(work)

    assert runs == 1


async def test_a_server_that_is_away_is_reported_within_three_seconds() -> None:
    """D-04"""
    database = Database("mysql://nobody:nothing@127.0.0.1:1/absent")

    async def work(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))

    async with asyncio.timeout(3):
        with pytest.raises(DatabaseUnavailable):
            await database.transaction(work)
        assert not await database.is_reachable()


async def test_an_exhausted_pool_is_reported_within_three_seconds(schema_url: str) -> None:
    """D-04"""
    database = Database(schema_url, pool_size=2)
    release = asyncio.Event()

    async def hold(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))
        await release.wait()

    holders = [asyncio.create_task(database.transaction(hold)) for _ in range(2)]
    await asyncio.sleep(0.2)
    async with asyncio.timeout(3):
        with pytest.raises(DatabaseUnavailable):
            await database.transaction(hold)
    release.set()
    await asyncio.gather(*holders)
    await database.close()


async def test_a_server_that_hangs_is_given_up_in_time(
    mysql_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every outbound call has a time-out: the gateway gives up after 10 s, the service before it."""
    with start_mysql(tmp_path_factory.mktemp("hanging")) as server:
        if server.pid is None:
            pytest.skip("this server is not ours to stop")
        database = Database(f"{server.url()}/mysql", timeout_seconds=1)
        assert await database.is_reachable()
        os.kill(server.pid, signal.SIGSTOP)
        # A thread that was at work may still answer until all have stopped.
        await asyncio.to_thread(os.waitid, os.P_PID, server.pid, os.WSTOPPED)
        try:
            async with asyncio.timeout(3):
                with pytest.raises(DatabaseUnavailable):
                    await database.transaction(lambda session: session.execute(text("SELECT 1")))
                with pytest.raises(DatabaseUnavailable):
                    await database.read(lambda reader: reader.execute(text("SELECT 1")))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert await database.is_reachable()
        await database.close()


async def test_a_schema_without_migrations_is_refused(database: Database) -> None:
    """Services start only on a migrated schema."""
    with pytest.raises(SchemaNotMigrated, match="run the migration"):
        await database.wait_until_migrated("0001")
