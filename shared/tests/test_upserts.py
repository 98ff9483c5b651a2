"""What rows that are written many at once promise on a real server."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Integer, Text, column, func, select, table

from shared.database import Database
from shared.queries import Query
from shared.testing.schemas import empty_schema, execute
from shared.testing.statements import sent_statements
from shared.upserts import Upsert

SMALLEST_LIMIT = 16 * 1024 * 1024
"""MariaDB's own max_allowed_packet; MySQL 8's is four times as much."""

LONGEST_TEXT = "과" * (65_535 // 3)
"""All that a TEXT column holds."""

LINES = table("lines_written", column("id", Integer), column("said", Text))

WRITE = Upsert("lines_written", columns=("id", "said"), changing=("said",), long_texts=["said"])
BYTES = Query(
    select(
        func.count().label("rows"), func.sum(func.octet_length(LINES.c.said)).label("bytes")
    ).select_from(LINES)
)
ALL = Query(select(LINES.c.id, LINES.c.said).order_by(LINES.c.id))


@pytest.fixture
def schema_url(mysql_server_url: str) -> Iterator[str]:
    with empty_schema(mysql_server_url, "upserts") as url:
        execute(url, "CREATE TABLE lines_written (id INT PRIMARY KEY, said TEXT)")
        yield url


@pytest.fixture
async def database(schema_url: str) -> AsyncIterator[Database]:
    database = Database(schema_url)
    yield database
    await database.close()


async def test_rows_are_inserted_or_changed_and_texts_come_back_as_they_were(
    database: Database,
) -> None:
    await database.transaction(lambda session: WRITE.write(session, [(1, "old"), (2, "stays")]))

    texts = [(1, "과제 'A' \\ %s\n\x00🎓"), (3, ""), (4, None)]
    await database.transaction(lambda session: WRITE.write(session, texts))

    rows = {row["id"]: row["said"] for row in await database.rows(ALL, {})}
    assert rows == {2: "stays", **dict(texts)}


async def test_a_server_has_nothing_to_warn_of(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """On MySQL, each column whose new value was named in MariaDB's way would be a log line of its own."""
    for _ in range(2):
        await database.transaction(lambda session: WRITE.write(session, [(1, "said"), (2, None)]))

    assert [record.message for record in caplog.records if record.name == "asyncmy"] == []


async def test_no_rows_send_nothing(database: Database) -> None:
    with sent_statements(database) as sent:
        await database.transaction(lambda session: WRITE.write(session, []))

    assert sent == []


async def test_however_many_of_the_longest_rows_fit_what_a_server_takes(
    database: Database,
) -> None:
    """A student's todos are rewritten together when a snapshot moves all their deadlines."""
    rows = [(number, LONGEST_TEXT) for number in range(130)]

    with sent_statements(database) as sent:
        await database.transaction(lambda session: WRITE.write(session, rows))

    (written,) = await database.rows(BYTES, {})
    assert written == {"rows": 130, "bytes": 130 * 65_535}
    largest = max(len(sql) + sum(len(str(value)) + 4 for value in values) for sql, values in sent)
    print(f"\nlargest of {len(sent)} statements: {largest:,} of {SMALLEST_LIMIT:,} bytes")  # noqa: T201
    assert largest < SMALLEST_LIMIT
