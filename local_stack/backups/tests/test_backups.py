"""A backup is of one moment, and a restoration brings exactly it back or changes nothing (O-06)."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest

from local_stack.backups.manifest import Manifest
from local_stack.backups.service import back_up, restore
from local_stack.errors import StackError

SCHEMAS = ["backup_first_db", "backup_second_db"]
AWKWARD = [
    "",
    "NULL",
    'it\'s \\ "quoted"',
    "line\nbreak\r\n\u2028\x1a\x00",
    "과제 🎓",
    "%s %(a)s",
    ");",
]


@contextmanager
def connected(url: str) -> Iterator[Any]:
    server = urlsplit(url)
    connection = pymysql.connect(
        host=server.hostname or "",
        port=server.port or 3306,
        user=server.username or "",
        password=server.password or "",
        charset="utf8mb4",
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def server_url(mysql_server_url: str) -> Iterator[str]:
    """Two schemas, one with a foreign key, awkward values and a sum that every transaction keeps."""
    with connected(mysql_server_url) as cursor:
        for schema in SCHEMAS:
            cursor.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4")
            cursor.execute(
                f"CREATE TABLE {schema}.accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL)"
            )
            cursor.executemany(
                f"INSERT INTO {schema}.accounts VALUES (%s, 1000)", [(i,) for i in range(20)]
            )
        cursor.execute(
            "CREATE TABLE backup_first_db.notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, account_id INT,"
            " body LONGTEXT, raw VARBINARY(40), details JSON, at DATETIME(6), price DECIMAL(12, 4),"
            " ratio DOUBLE, length INT AS (CHAR_LENGTH(body)),"
            " CONSTRAINT fk_note_account FOREIGN KEY (account_id) REFERENCES accounts (id))"
        )
        cursor.executemany(
            "INSERT INTO backup_first_db.notes (account_id, body, raw, details, at, price, ratio)"
            " VALUES (1, %s, %s, %s, '2026-11-21 09:00:00.123456', 1.5000, 0.1)",
            [(text, bytes(range(i, i + 40)), '{"a": [1, null]}') for i, text in enumerate(AWKWARD)],
        )
        cursor.execute("INSERT INTO backup_first_db.notes () VALUES ()")
    yield mysql_server_url
    with connected(mysql_server_url) as cursor:
        for schema in SCHEMAS:
            cursor.execute(f"DROP DATABASE IF EXISTS {schema}")


def contents(url: str) -> list[Any]:
    with connected(url) as cursor:
        found = []
        for table in (
            "backup_first_db.accounts",
            "backup_first_db.notes",
            "backup_second_db.accounts",
        ):
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            found.append(cursor.fetchall())
        return found


def test_what_was_damaged_comes_back_exactly(server_url: str, tmp_path: Path) -> None:
    """O-06"""
    before = contents(server_url)
    back_up(server_url, SCHEMAS, tmp_path / "backup")
    with connected(server_url) as cursor:
        cursor.execute("DROP TABLE backup_first_db.notes")
        cursor.execute("UPDATE backup_first_db.accounts SET balance = 0")
        cursor.execute("CREATE TABLE backup_first_db.made_later (id INT)")
        cursor.execute("DROP DATABASE backup_second_db")

    manifest = restore(tmp_path / "backup", server_url)

    assert contents(server_url) == before
    print(f"{len(manifest.tables)} tables, {sum(t.rows for t in manifest.tables)} rows equal")
    with connected(server_url) as cursor:
        cursor.execute("SHOW DATABASES")
        assert {n for (n,) in cursor.fetchall() if "backup_" in n} == set(SCHEMAS)
        with pytest.raises(pymysql.IntegrityError):
            cursor.execute("INSERT INTO backup_first_db.notes (account_id) VALUES (999)")


def test_a_backup_is_of_one_moment_over_all_schemas(server_url: str, tmp_path: Path) -> None:
    """O-06: under load; money moves between the two schemas and none may be lost or doubled."""
    stopping = threading.Event()
    moved = 0

    def move() -> None:
        nonlocal moved
        with connected(server_url) as cursor:
            while not stopping.is_set():
                cursor.execute("BEGIN")
                for schema, change in zip(SCHEMAS, (-1, 1), strict=True):
                    cursor.execute(
                        f"UPDATE {schema}.accounts SET balance = balance + %s WHERE id = %s",
                        (change, moved % 20),
                    )
                cursor.execute("COMMIT")
                moved += 1

    writer = threading.Thread(target=move)
    writer.start()
    try:
        for attempt in range(5):
            back_up(server_url, SCHEMAS, tmp_path / str(attempt))
    finally:
        stopping.set()
        writer.join()

    assert moved > 5
    for attempt in range(5):
        restore(tmp_path / str(attempt), server_url)
        with connected(server_url) as cursor:
            cursor.execute(
                "SELECT (SELECT SUM(balance) FROM backup_first_db.accounts)"
                " + (SELECT SUM(balance) FROM backup_second_db.accounts)"
            )
            assert cursor.fetchone() == (40_000,)
    print(f"{moved} transactions while five backups were taken")


def test_a_damaged_backup_replaces_nothing(server_url: str, tmp_path: Path) -> None:
    """O-06"""
    back_up(server_url, SCHEMAS, tmp_path)
    path = tmp_path / "backup_second_db.accounts.sql.gz"
    text = gzip.decompress(path.read_bytes()).replace(b"(0, 1000)", b"(0, 1001)")
    path.write_bytes(gzip.compress(text))
    with connected(server_url) as cursor:
        cursor.execute("UPDATE backup_first_db.accounts SET balance = 7")
    before = contents(server_url)

    with pytest.raises(StackError, match="nothing was replaced"):
        restore(tmp_path, server_url)

    assert contents(server_url) == before


def test_an_interrupted_backup_is_none(server_url: str, tmp_path: Path) -> None:
    back_up(server_url, SCHEMAS, tmp_path)
    (tmp_path / "manifest.json").unlink()

    with pytest.raises(StackError, match="no finished backup"):
        restore(tmp_path, server_url)


def test_a_restoration_can_be_repeated_after_an_interruption(
    server_url: str, tmp_path: Path
) -> None:
    before = contents(server_url)
    back_up(server_url, SCHEMAS, tmp_path)
    with connected(server_url) as cursor:
        cursor.execute("CREATE DATABASE restoring_backup_first_db")
        cursor.execute("CREATE TABLE restoring_backup_first_db.accounts (id INT)")

    restore(tmp_path, server_url)
    restore(tmp_path, server_url)

    assert contents(server_url) == before


def test_a_backup_overwrites_no_other(server_url: str, tmp_path: Path) -> None:
    back_up(server_url, SCHEMAS, tmp_path)

    with pytest.raises(StackError, match="not empty"):
        back_up(server_url, SCHEMAS, tmp_path)
    assert Manifest.read(tmp_path).tables
