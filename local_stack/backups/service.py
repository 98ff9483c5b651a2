"""Takes a backup from one snapshot of all schemas, and restores one beside what is there before it takes its place."""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.converters import escape_item
from pymysql.cursors import SSCursor

from local_stack.backups.manifest import Checksum, Manifest, TableBackup
from local_stack.errors import StackError

ROWS_PER_STATEMENT = 500
"""Half a megabyte of long rows: far below the server's packet limit, large enough not to wait for round trips."""

RESTORING = "restoring_"
REPLACED = "replaced_"
"""Prefixes of the schemas that exist only while a restoration runs."""


def back_up(server_url: str, schemas: Sequence[str], folder: Path) -> Manifest:
    """Write every table of the schemas as it was at one moment, while others go on writing.

    Args:
        server_url: `mysql://user:password@host:port` of a user who may read them.
        schemas: Which ones; the moment is the same for all.
        folder: Where; created, and must not hold a backup.

    Raises:
        StackError: The folder is not empty.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what students wrote
    if any(folder.iterdir()):
        raise StackError(f"{folder} is not empty: name another folder")
    with _connected(server_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        taken_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        tables = [
            _write_table(connection, schema, name, folder)
            for schema in schemas
            for name in _table_names(connection, schema)
        ]
    manifest = Manifest(taken_at, tables)
    manifest.write(folder)
    return manifest


def restore(folder: Path, server_url: str) -> Manifest:
    """Put a backup in the place of the schemas that it is of.

    It is loaded beside them and compared with its checksums first. Then one statement exchanges all tables, so that
    whoever reads sees everything as before or everything as restored, and nothing is lost when this is interrupted.

    Args:
        folder: Of the backup.
        server_url: `mysql://user:password@host:port` of a user who may make schemas.

    Raises:
        StackError: There is no finished backup, or what was loaded differs from it; nothing was replaced then.
    """
    manifest = Manifest.read(folder)
    schemas = sorted({table.schema for table in manifest.tables})
    with _connected(server_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        _drop(cursor, schemas)  # what an interrupted one left
        try:
            for schema in schemas:
                for name in (schema, RESTORING + schema, REPLACED + schema):
                    cursor.execute(
                        f"CREATE DATABASE IF NOT EXISTS `{name}`"
                        " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
                    )
            for table in manifest.tables:
                _load_table(connection, table, folder)
                _compare(connection, table, folder)
            connection.commit()
            cursor.execute(_exchange(connection, manifest, schemas))
        finally:
            _drop(cursor, schemas)
    return manifest


@contextmanager
def _connected(server_url: str) -> Iterator[Any]:
    server = urlsplit(server_url)
    connection = pymysql.connect(
        host=server.hostname or "",
        port=server.port or 3306,
        user=unquote(server.username or ""),
        password=unquote(server.password or ""),
        charset="utf8mb4",
        init_command="SET SESSION time_zone = '+00:00'",
    )
    with connection:
        yield connection


def _table_names(connection: Any, schema: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name",
            (schema,),
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _write_table(connection: Any, schema: str, name: str, folder: Path) -> TableBackup:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW CREATE TABLE `{schema}`.`{name}`")
        definition = str(cursor.fetchone()[1])
    columns = _columns(connection, schema, name)
    listed = ", ".join(f"`{column}`" for column in columns)
    checksum = Checksum()
    table = TableBackup(schema, name, definition, columns, 0, "")
    with gzip.open(folder / table.file_name, "wt", encoding="utf-8", compresslevel=1) as file:
        for rows in _batches(_rows(connection, schema, name, columns)):
            for row in rows:
                checksum.add(row)
            values = ",".join(_literals(row) for row in rows)
            # One statement a line: text columns hold their line breaks escaped.
            file.write(f"INSERT INTO `{name}` ({listed}) VALUES {values}\n")  # noqa: S608
    return TableBackup(schema, name, definition, columns, checksum.rows, checksum.value())


def _literals(row: tuple[Any, ...]) -> str:
    written = (
        f"X'{value.hex()}'" if isinstance(value, bytes) else str(escape_item(value, "utf8mb4"))
        for value in row
    )
    return f"({', '.join(written)})"


def _columns(connection: Any, schema: str, name: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position",
            (schema, name),
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _rows(
    connection: Any, schema: str, name: str, columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """Yield a table's rows by primary key without holding them all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = %s"
            " AND table_name = %s AND constraint_name = 'PRIMARY' ORDER BY ordinal_position",
            (schema, name),
        )
        key = [str(row[0]) for row in cursor.fetchall()] or list(columns)
    listed, order = (", ".join(f"`{column}`" for column in part) for part in (columns, key))
    with connection.cursor(SSCursor) as cursor:
        cursor.execute(f"SELECT {listed} FROM `{schema}`.`{name}` ORDER BY {order}")  # noqa: S608
        yield from cursor


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_PER_STATEMENT:
            yield batch
            batch = []
    if batch:
        yield batch


def _load_table(connection: Any, table: TableBackup, folder: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"USE `{RESTORING}{table.schema}`")
        cursor.execute(table.definition)
        with gzip.open(folder / table.file_name, "rt", encoding="utf-8", newline="\n") as file:
            for statement in file:
                cursor.execute(statement)
    connection.commit()


def _compare(connection: Any, table: TableBackup, folder: Path) -> None:
    checksum = Checksum()
    for row in _rows(connection, RESTORING + table.schema, table.name, table.columns):
        checksum.add(row)
    if (checksum.rows, checksum.value()) != (table.rows, table.checksum):
        raise StackError(
            f"{table.schema}.{table.name} has {checksum.rows} rows that differ from the"
            f" {table.rows} of {folder}: the backup is damaged; nothing was replaced"
        )


def _exchange(connection: Any, manifest: Manifest, schemas: Sequence[str]) -> str:
    """Return the one statement that takes the old tables out and puts the restored ones in."""
    moves = [
        f"`{schema}`.`{name}` TO `{REPLACED}{schema}`.`{name}`"
        for schema in schemas
        for name in _table_names(connection, schema)
    ]
    moves += [
        f"`{RESTORING}{table.schema}`.`{table.name}` TO `{table.schema}`.`{table.name}`"
        for table in manifest.tables
    ]
    return "RENAME TABLE " + ", ".join(moves)


def _drop(cursor: Any, schemas: Sequence[str]) -> None:
    for schema in schemas:
        for prefix in (RESTORING, REPLACED):
            cursor.execute(f"DROP DATABASE IF EXISTS `{prefix}{schema}`")
