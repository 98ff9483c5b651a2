"""What statements on the driver's own cursor promise on a real server, alone and in units of work."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy import column as named
from sqlalchemy import table as tabled
from sqlalchemy.dialects.mysql import DATETIME, ENUM
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from local_stack.mysql_server import start_mysql
from shared.database import (
    MAX_ATTEMPTS,
    POOL_SIZE,
    Database,
    DatabaseUnavailable,
    is_duplicate_key,
)
from shared.logging import configure_logging
from shared.queries import Query, Statement
from shared.testing.schemas import empty_schema, execute, kill_connections
from shared.testing.statements import sent_statements

THINGS = tabled(
    "things",
    named("id", Integer),
    named("title", String),
    named("is_old", Boolean),
    named("kind", ENUM("BIG", "SMALL")),
    named("made_at", DATETIME(fsp=6)),
)

NOTES = tabled("notes", named("id", Integer), named("said", JSON), named("is_read", Boolean))

NOTE = Statement(
    insert(NOTES).values(id=bindparam("id"), said=bindparam("said"), is_read=bindparam("is_read"))
)
ALL_NOTES = Query(select(NOTES.c.id, NOTES.c.said, NOTES.c.is_read).order_by(NOTES.c.id))

SLEEP = Query(select(func.sleep(bindparam("seconds")).label("slept")))
CONNECTION_ID = Query(select(literal_column("CONNECTION_ID()", Integer).label("id")))


@pytest.fixture(scope="module")
def schema_url(mysql_server_url: str) -> Iterator[str]:
    with empty_schema(mysql_server_url, "queries") as url:
        execute(
            url,
            "CREATE TABLE things (id INT PRIMARY KEY, title VARCHAR(50), is_old BOOL,"
            " kind ENUM('BIG', 'SMALL'), made_at DATETIME(6))",
        )
        execute(
            url,
            "INSERT INTO things VALUES (1, '100 %% 과제', TRUE, 'BIG', '2026-03-04 09:30:00.000001'),"
            " (2, NULL, FALSE, 'SMALL', '2026-03-04 09:30:00'), (3, '', NULL, NULL, NULL)",
        )
        execute(url, "CREATE TABLE notes (id INT PRIMARY KEY, said JSON, is_read BOOL)")
        yield url


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Lets a test set logging up as each process of ours does."""
    loggers = [logging.getLogger(name) for name in ("", "asyncmy")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.fixture
async def database(schema_url: str) -> AsyncIterator[Database]:
    database = Database(schema_url, pool_size=1)
    yield database
    await database.close()


def things(*conditions: Any) -> Select[Any]:
    columns = THINGS.c
    return select(
        columns.id,
        columns.title,
        columns.is_old.label("isOld"),
        columns.kind,
        columns.made_at.label("madeAt"),
    ).where(*conditions)


async def test_rows_are_those_that_sqlalchemy_returns(database: Database) -> None:
    statement = things().order_by(THINGS.c.id)

    async def read(connection: AsyncConnection) -> list[dict[str, Any]]:
        return [dict(row) for row in (await connection.execute(statement)).mappings()]

    rows = await database.rows(Query(statement), {})

    assert rows == await database.read(read)
    assert [row["isOld"] for row in rows] == [True, False, None]
    assert [type(row["isOld"]) for row in rows[:2]] == [bool, bool]
    assert rows[0]["title"] == "100 % 과제"
    assert rows[0]["madeAt"] == datetime(2026, 3, 4, 9, 30, 0, 1)


async def test_values_go_where_their_names_stand_and_are_never_read_as_sql(
    database: Database,
) -> None:
    query = Query(
        things(
            THINGS.c.title != bindparam("title", type_=String),
            THINGS.c.id.in_([bindparam("second", type_=Integer), bindparam("first")]),
        )
    )

    rows = await database.rows(query, {"first": 1, "second": 2, "title": "' OR 1=1 -- %s"})

    assert [row["id"] for row in rows] == [1]


def test_a_value_that_a_default_would_fill_in_must_be_named() -> None:
    entries = Table(
        "entries", MetaData(), Column("id", Integer), Column("by", String(9), default="me")
    )

    with pytest.raises(ValueError, match="by"):
        Statement(insert(entries).values(id=bindparam("id")))


@pytest.mark.parametrize(
    ("ids", "found"), [([2, 3], [2, 3]), ({1}, [1]), ([], [])], ids=["two", "one", "none"]
)
async def test_a_list_holds_as_many_values_as_there_are(
    database: Database, ids: Any, found: list[int]
) -> None:
    query = Query(things(THINGS.c.id.in_(bindparam("ids", expanding=True))))

    rows = await database.rows(query, {"ids": ids})

    assert [row["id"] for row in rows] == found


async def test_a_value_that_the_statement_names_needs_no_parameter(database: Database) -> None:
    query = Query(things(THINGS.c.kind == "SMALL", THINGS.c.id == bindparam("id")))

    assert [len(await database.rows(query, {"id": number})) for number in (1, 2)] == [0, 1]


async def test_what_the_server_warns_of_repeats_no_value_in_the_log(
    database: Database, restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """S-07"""
    configure_logging("test_service", "INFO")
    number = Query(select((bindparam("text", type_=Integer) + 0).label("number")))

    await database.rows(number, {"text": "ann@example.com"})
    logging.getLogger("asyncmy").error("this one is seen")

    assert "this one is seen" in (written := capsys.readouterr().out)
    assert "ann@example.com" not in written


async def test_listeners_of_the_engine_hear_of_each_query(database: Database) -> None:
    with sent_statements(database) as sent:
        await database.rows(SLEEP, {"seconds": 0})

    assert sent == [(SLEEP.sql, (0,))]


async def test_a_query_survives_a_killed_connection(database: Database, schema_url: str) -> None:
    """D-04"""
    first = (await database.rows(CONNECTION_ID, {}))[0]["id"]
    execute(schema_url, f"KILL {first}")

    assert (await database.rows(CONNECTION_ID, {}))[0]["id"] != first


async def test_pooled_connections_may_all_be_killed(schema_url: str) -> None:
    """D-04: there are more of them than tries."""
    database = Database(schema_url)
    await asyncio.gather(*(database.rows(SLEEP, {"seconds": 0.3}) for _ in range(POOL_SIZE)))
    assert kill_connections(schema_url) >= POOL_SIZE > MAX_ATTEMPTS

    one = await database.rows(SLEEP, {"seconds": 0})
    many = await asyncio.gather(*(database.rows(SLEEP, {"seconds": 0.1}) for _ in range(POOL_SIZE)))

    assert [one, *many] == [[{"slept": 0}]] * (POOL_SIZE + 1)
    await database.close()


async def test_an_abandoned_query_leaves_no_answer_to_the_next(database: Database) -> None:
    """The pool has one connection: had it been kept, the next query would read the row of `SLEEP`."""
    waiting = asyncio.create_task(database.rows(SLEEP, {"seconds": 1}))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    rows = await database.rows(Query(things(THINGS.c.id == bindparam("id"))), {"id": 2})

    assert [row["id"] for row in rows] == [2]


async def test_a_mistake_in_a_query_is_not_taken_for_an_absent_server(database: Database) -> None:
    wrong = Query(select(literal_column("absent_column", Integer).label("id")))

    with sent_statements(database) as sent, pytest.raises(DBAPIError) as raised:
        await database.rows(wrong, {})

    assert not raised.value.connection_invalidated
    assert len(sent) == 1
    assert len(await database.rows(Query(things()), {})) == 3


async def test_a_server_that_is_away_is_reported_within_three_seconds() -> None:
    """D-04"""
    database = Database("mysql://nobody:nothing@127.0.0.1:1/absent")

    async with asyncio.timeout(3):
        with pytest.raises(DatabaseUnavailable):
            await database.rows(CONNECTION_ID, {})


async def test_an_exhausted_pool_is_reported_within_three_seconds(database: Database) -> None:
    """D-04"""
    holder = asyncio.create_task(database.rows(SLEEP, {"seconds": 2.6}))
    await asyncio.sleep(0.2)

    async with asyncio.timeout(3):
        with pytest.raises(DatabaseUnavailable):
            await database.rows(CONNECTION_ID, {})
    await holder


async def test_a_server_that_hangs_is_given_up_in_time(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with start_mysql(tmp_path_factory.mktemp("hanging")) as server:
        if server.pid is None:
            pytest.skip("this server is not ours to stop")
        database = Database(f"{server.url()}/mysql", timeout_seconds=1)
        before = (await database.rows(CONNECTION_ID, {}))[0]["id"]
        os.kill(server.pid, signal.SIGSTOP)
        # A thread that was at work may still answer until all have stopped.
        await asyncio.to_thread(os.waitid, os.P_PID, server.pid, os.WSTOPPED)
        try:
            async with asyncio.timeout(3):
                with pytest.raises(DatabaseUnavailable):
                    await database.rows(CONNECTION_ID, {})
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert (await database.rows(CONNECTION_ID, {}))[0]["id"] != before
        await database.close()


@pytest.fixture
def notes(schema_url: str) -> Iterator[str]:
    yield schema_url
    execute(schema_url, "DELETE FROM notes")


async def test_a_unit_of_work_reads_what_it_wrote_as_sqlalchemy_would(
    database: Database, notes: str
) -> None:
    said = {"title": "과제 'A' %s", "steps": [1, None]}

    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        await NOTE.run(session, {"id": 1, "said": said, "is_read": True})
        through_sqlalchemy = (await session.execute(select(*NOTES.c))).mappings().all()
        rows = await ALL_NOTES.fetch(session, {})
        assert rows == [dict(row) for row in through_sqlalchemy]
        return rows

    assert await database.transaction(work) == [{"id": 1, "said": said, "is_read": True}]


async def test_a_unit_of_work_that_fails_leaves_nothing(database: Database, notes: str) -> None:
    async def work(session: AsyncSession) -> None:
        await NOTE.run(session, {"id": 1, "said": 1, "is_read": False})
        raise LookupError

    with pytest.raises(LookupError):
        await database.transaction(work)

    assert await database.rows(ALL_NOTES, {}) == []


async def test_a_refused_statement_is_told_as_sqlalchemy_tells_it_and_ends_no_connection(
    database: Database, notes: str
) -> None:
    row = {"id": 1, "said": 1, "is_read": False}

    async def work(session: AsyncSession) -> None:
        await NOTE.run(session, row)
        with pytest.raises(IntegrityError) as raised:
            await NOTE.run(session, row)
        assert is_duplicate_key(raised.value)
        assert not raised.value.connection_invalidated

    await database.transaction(work)

    assert len(await database.rows(ALL_NOTES, {})) == 1


async def test_a_unit_of_work_is_done_again_when_its_connection_is_killed(
    database: Database, notes: str
) -> None:
    """D-01, D-04"""
    seen: list[int] = []

    async def work(session: AsyncSession) -> None:
        await NOTE.run(session, {"id": 1, "said": 1, "is_read": False})
        seen.append((await CONNECTION_ID.fetch(session, {}))[0]["id"])
        if len(seen) == 1:
            execute(notes, f"KILL {seen[0]}")
        await NOTE.run(session, {"id": 2, "said": 2, "is_read": False})

    await database.transaction(work)

    assert len(set(seen)) == 2
    assert [row["id"] for row in await database.rows(ALL_NOTES, {})] == [1, 2]


async def test_units_of_work_survive_the_loss_of_every_pooled_connection(schema_url: str) -> None:
    """D-04: there are more of them than tries."""
    database = Database(schema_url)

    def sleep(seconds: float) -> Any:
        return database.transaction(lambda session: SLEEP.fetch(session, {"seconds": seconds}))

    await asyncio.gather(*(sleep(0.3) for _ in range(POOL_SIZE)))
    assert kill_connections(schema_url) >= POOL_SIZE > MAX_ATTEMPTS

    rows = [await sleep(0), *await asyncio.gather(*(sleep(0.1) for _ in range(POOL_SIZE)))]

    assert rows == [[{"slept": 0}]] * (POOL_SIZE + 1)
    await database.close()


async def test_one_of_two_that_deadlock_is_done_again(notes: str) -> None:
    """D-01"""
    database = Database(notes)
    execute(notes, "INSERT INTO notes VALUES (1, '0', 0), (2, '0', 0)")
    move = Statement(update(NOTES).where(NOTES.c.id == bindparam("note")).values(is_read=True))
    have_first = asyncio.Barrier(2)
    tries = 0

    async def lock(first: int, second: int) -> None:
        async def work(session: AsyncSession) -> None:
            nonlocal tries
            tries += 1
            await move.run(session, {"note": first})
            if tries <= 2:
                await have_first.wait()
            await move.run(session, {"note": second})

        await database.transaction(work)

    await asyncio.gather(lock(1, 2), lock(2, 1))

    assert tries == 3
    assert [row["is_read"] for row in await database.rows(ALL_NOTES, {})] == [True, True]
    await database.close()


async def test_an_abandoned_unit_of_work_leaves_no_answer_and_no_row(
    database: Database, notes: str
) -> None:
    async def work(session: AsyncSession) -> None:
        await NOTE.run(session, {"id": 1, "said": 1, "is_read": False})
        await SLEEP.fetch(session, {"seconds": 1})

    waiting = asyncio.create_task(database.transaction(work))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    rows = await database.transaction(lambda session: ALL_NOTES.fetch(session, {}))

    assert rows == []
