"""D-06: migrations run under traffic, may be cut short anywhere, and leave the release before able to run."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import Engine, event

from services.course_service.migrate import MIGRATIONS as COURSE
from services.schedule_service.migrate import MIGRATIONS as SCHEDULE
from services.user_service.migrate import MIGRATIONS as USER
from shared.database import Database
from shared.migrations import migrate, newest_revision
from shared.testing.schemas import connect, empty_schema, execute

ALL = pytest.mark.parametrize("migrations", [USER, COURSE, SCHEDULE], ids=lambda m: m.parent.name)

ROWS = 20_000

NOT_ONLY_ADDED = {
    (
        "schedule_service",
        "0004",
    ): "puts a wider unique key in the place of one, before the first release"
}
"""Revisions that do more than add, with the reason why no release in use is hurt by it."""


class CutShort(Exception):
    """Ends a migration as a killed process would: what was not committed is rolled back."""


@contextmanager
def heard(listener: Callable[[str], None]) -> Iterator[None]:
    """Tell a listener each statement that changes something, after it was carried out."""

    def after(_c: object, _k: object, statement: str, *_: object) -> None:
        if statement.lstrip().split(None, 1)[0].upper() in {"CREATE", "ALTER", "INSERT", "UPDATE"}:
            listener(" ".join(statement.split()))

    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", after)


def described(database_url: str) -> dict[str, object]:
    """Return how each table would be made, without how far its ids have come."""
    tables = [str(name) for (name,) in execute(database_url, "SHOW TABLES")]
    return {
        table: re.sub(
            r" AUTO_INCREMENT=\d+",
            "",
            str(execute(database_url, f"SHOW CREATE TABLE `{table}`")[0][1]),
        )
        for table in tables
    }


def revision_of(database_url: str) -> object:
    return execute(database_url, "SELECT version_num FROM alembic_version")[0][0]


@ALL
def test_a_migration_cut_short_after_any_statement_is_started_again(
    mysql_server_url: str, migrations: Path
) -> None:
    """D-06"""
    seen: set[str] = set()

    def cut_after_each_once(statement: str) -> None:
        if statement not in seen:
            seen.add(statement)
            raise CutShort

    with (
        empty_schema(mysql_server_url, "migrations") as whole,
        empty_schema(mysql_server_url, "migrations") as cut,
    ):
        migrate(migrations, whole)
        with heard(cut_after_each_once):
            while True:
                try:
                    migrate(migrations, cut)
                    break
                except CutShort:
                    pass
        print(f"\nD-06: {migrations.parent.name} cut short {len(seen)} times")
        assert len(seen) > len(list(Path(migrations, "versions").glob("*.py")))
        assert described(cut) == described(whole)
        assert revision_of(cut) == newest_revision(migrations)


def clauses(statement: str) -> list[str]:
    """Split what an ALTER TABLE does at the commas outside of brackets."""
    _, does = re.split(r"ALTER TABLE \S+ ", statement, maxsplit=1)
    return [clause.strip() for clause in re.split(r",(?![^(]*\))", does)]


def only_adds(statement: str) -> bool:
    """Tell whether code that does not know of the change reads and writes as before."""
    if statement.startswith("CREATE TABLE"):
        return True
    if not statement.startswith("ALTER TABLE"):
        return (
            re.match(r"CREATE INDEX |(INSERT INTO|UPDATE) alembic_version ", statement) is not None
        )
    return all(
        re.match(r"ADD (INDEX|KEY) ", clause)
        or (
            re.match(r"ADD (COLUMN )?(?!UNIQUE|PRIMARY|CONSTRAINT|FOREIGN|CHECK)", clause)
            and ("NOT NULL" not in clause or "DEFAULT" in clause)
        )
        for clause in clauses(statement)
    )


@ALL
def test_migrations_only_add_so_that_the_release_before_runs_on_the_new_schema(
    mysql_server_url: str, migrations: Path
) -> None:
    """D-06, O-04: tables, indexes, and columns that may be left out."""
    pending: list[str] = []
    removing: dict[str, list[str]] = {}

    def sort_by_revision(statement: str) -> None:
        if "INTO alembic_version" not in statement and "UPDATE alembic_version" not in statement:
            pending.append(statement)
            return
        found = re.search(r"'(\d{4})'", statement)
        assert found is not None, statement
        removing[found[1]] = [each for each in pending if not only_adds(each)]
        pending.clear()

    with empty_schema(mysql_server_url, "migrations") as url, heard(sort_by_revision):
        migrate(migrations, url)
    service = migrations.parent.name
    excused = {revision for name, revision in NOT_ONLY_ADDED if name == service}
    assert list(removing)[-1] == newest_revision(migrations)
    assert {revision for revision, found in removing.items() if found} == excused


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE todos ADD COLUMN a INT NOT NULL",
        "ALTER TABLE todos ADD COLUMN a INT, DROP COLUMN title",
        "ALTER TABLE todos ADD UNIQUE INDEX uk_title (title, due_date)",
        "ALTER TABLE todos MODIFY title VARCHAR(10)",
        "CREATE UNIQUE INDEX uk_title ON todos (title)",
        "DROP TABLE todos",
        "UPDATE todos SET title = ''",
    ],
)
def test_what_would_hurt_the_release_before_is_recognised(statement: str) -> None:
    assert not only_adds(statement)


@ALL
def test_revisions_are_numbered_in_their_order(migrations: Path) -> None:
    """Code tells by the number whether a schema is ahead of it."""
    names = sorted(path.name for path in Path(migrations, "versions").glob("*.py"))
    assert [name[:4] for name in names] == [f"{n + 1:04d}" for n in range(len(names))]
    assert newest_revision(migrations) == names[-1][:4]


async def test_code_starts_and_migrates_nothing_on_a_schema_that_is_ahead_of_it(
    mysql_server_url: str,
) -> None:
    """D-06, O-04: what a rollback needs."""
    with empty_schema(mysql_server_url, "migrations") as url:
        migrate(USER, url)
        execute(url, "UPDATE alembic_version SET version_num = '9999'")
        before = described(url)
        migrate(USER, url)
        database = Database(url)
        try:
            await database.wait_until_migrated(newest_revision(USER))
        finally:
            await database.close()
        assert (described(url), revision_of(url)) == (before, "9999")


def fill(database_url: str, rows: int) -> None:
    """Put schedules and todos of a thousand students into a planner at its first revision."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO categories (cognito_sub, name, color, created_at, updated_at)"
            " VALUES ('student-0', 'Operating Systems', '#FF6B6B', NOW(6), NOW(6))"
        )
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        for table, columns, values in (
            ("schedules", "start_time, end_time", "NOW(6), NOW(6)"),
            ("todos", "start_date, due_date", "CURRENT_DATE, CURRENT_DATE"),
        ):
            for _ in range(rows // 2 // 1000):
                cursor.execute(
                    f"INSERT INTO {table} (cognito_sub, category_id, title, {columns}, created_at,"
                    f" updated_at) {numbers} SELECT CONCAT('student-', i), 1, 'Scheduler lab',"
                    f" {values}, NOW(6), NOW(6) FROM n"
                )


def start_migrator(service: str, database_url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", f"services.{service}.migrate"],
        env={"DATABASE_URL": database_url, "ENVIRONMENT": "local"},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_migrators_at_once_end_well_and_lose_no_row(mysql_server_url: str) -> None:
    """D-06: and a third one finds nothing to do."""
    with empty_schema(mysql_server_url, "migrations") as url:
        migrate(SCHEDULE, url, "0001")
        fill(url, ROWS)
        both = [start_migrator("schedule_service", url) for _ in range(2)]
        ends = [process.communicate(timeout=60)[1] for process in both]
        assert [process.returncode for process in both] == [0, 0], ends
        assert revision_of(url) == newest_revision(SCHEDULE)
        assert execute(url, "SELECT COUNT(*) FROM schedules") == [(ROWS // 2,)]
        assert execute(url, "SELECT COUNT(*) FROM todos") == [(ROWS // 2,)]
        before = described(url)
        migrate(SCHEDULE, url)
        assert described(url) == before


def test_a_migration_that_waits_for_a_table_holds_nobody_up_for_long(mysql_server_url: str) -> None:
    """D-06: a transaction uses the table; without a limit, every later query waits behind the migration."""
    slowest = 0.0
    with empty_schema(mysql_server_url, "migrations") as url:
        migrate(SCHEDULE, url, "0001")
        fill(url, 2_000)
        holder = connect(url)
        holder.begin()
        with holder.cursor() as cursor:
            cursor.execute("SELECT * FROM schedules LIMIT 1")
        migrating = threading.Thread(target=migrate, args=(SCHEDULE, url))
        migrating.start()
        try:
            held_until = time.monotonic() + 1.8
            while time.monotonic() < held_until:
                began_at = time.monotonic()
                execute(url, "SELECT title FROM schedules WHERE cognito_sub = 'student-1'")
                slowest = max(slowest, time.monotonic() - began_at)
        finally:
            holder.rollback()
            holder.close()
            migrating.join(30)
        print(f"\nD-06: longest wait of a reader {slowest:.2f} s")
        assert revision_of(url) == newest_revision(SCHEDULE)
    assert 0.5 < slowest < 1.5, "either nobody waited, or for too long"


def test_a_statement_that_fails_for_another_reason_is_not_tried_again(
    mysql_server_url: str,
) -> None:
    with empty_schema(mysql_server_url, "migrations") as url:
        migrate(USER, url, "0001")
        execute(url, "CREATE TABLE revocations (something INT)")
        with pytest.raises(Exception, match="revoked_before") as raised:
            migrate(USER, url)
        assert isinstance(raised.value.__cause__, pymysql.MySQLError)
