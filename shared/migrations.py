"""Runs a service's Alembic migrations: `python -m services.<name>.migrate` calls this and nothing else."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool
from sqlalchemy.exc import OperationalError

from shared.database import Database, SchemaNotMigrated, driver_url
from shared.database_tls import tls_context
from shared.logging import get_logger
from shared.settings import DatabaseSettings, exit_with_error, load_settings

log = get_logger(__name__)

LOCK_TIMEOUT_SECONDS = 300
"""Two instances may start at once: the second waits for the first and then finds nothing to do."""

TABLE_WAIT_SECONDS = 1
"""A change of a table waits for transactions that use it, and everybody else waits behind it: no longer than
this, whole seconds as the server counts them (D-06)."""

PAUSE_SECONDS = (0.5, 1.5)
"""Between these, at random, until a table is asked for again: whoever waited behind us goes first."""

LOCK_WAIT_TIMEOUT = 1205
"""The server's code for a table that did not come free."""


class MigrationBlocked(Exception):
    """Another instance is migrating the same schema, or a transaction is holding a table, for too long."""


def newest_revision(migrations: Path) -> str:
    """Return the revision that the code beside `migrations` was written for."""
    revision = ScriptDirectory(str(migrations)).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {migrations}")
    return revision


def migrate(migrations: Path, database_url: str, revision: str = "head") -> None:
    """Bring a schema to a revision, under traffic, one instance at a time.

    A schema that is ahead of this code is left as it is. A table that is in use is asked for again and again:
    every migration may be started anew wherever it was cut short.

    Args:
        migrations: Folder with `env.py` and `versions/`.
        database_url: `mysql://user:password@host:port/database`.
        revision: The newest one by default.

    Raises:
        MigrationBlocked: Another instance does not finish, or a transaction does not let go of a table.
    """
    engine = create_engine(
        driver_url(database_url, "pymysql"),
        poolclass=pool.NullPool,
        connect_args={"ssl": tls_context(database_url)},
    )
    with engine.connect() as connection:
        # Lock names are the server's: the schema's name keeps services from waiting for each other.
        lock = f"SELECT GET_LOCK(CONCAT('migrate_', DATABASE()), {LOCK_TIMEOUT_SECONDS})"
        if connection.exec_driver_sql(lock).scalar() != 1:
            raise MigrationBlocked(f"another migration holds the lock for {LOCK_TIMEOUT_SECONDS} s")
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found > newest_revision(migrations):
            log.info("schema_is_ahead", schema=migrations.parent.name, revision=found)
            return
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {TABLE_WAIT_SECONDS}")
        _upgrade(connection, migrations, revision)


def _upgrade(connection: sa.Connection, migrations: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    give_up_at = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            command.upgrade(config, revision)
            connection.commit()
            return
        except OperationalError as problem:
            connection.rollback()
            if problem.orig is None or problem.orig.args[0] != LOCK_WAIT_TIMEOUT:
                raise
            if time.monotonic() > give_up_at:
                raise MigrationBlocked(
                    f"a transaction has held a table for {LOCK_TIMEOUT_SECONDS} s: {problem.orig}"
                ) from problem
        log.info("table_in_use", schema=migrations.parent.name)
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - spreads load


def create_table(name: str, *items: sa.Column[Any] | sa.Constraint | sa.Index) -> None:
    """Create a table of a migration with its indexes, or what is missing of it.

    MySQL commits after each statement, and each index is one of its own: a migration cut short is started again.
    """
    op.create_table(
        name,
        *(item for item in items if not isinstance(item, sa.Index)),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_unicode_ci",
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(name)}
    for item in items:
        if isinstance(item, sa.Index) and item.name not in present:
            op.create_index(str(item.name), name, list(item.expressions))


def schema_check(
    database: Database, migrations: Path
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Return background work for `run`: wait for the database, then insist on its schema; stops when told to.

    The work raises `SchemaNotMigrated`, naming the command that helps, when the schema is older than the one
    this code was written for.
    """
    revision = newest_revision(migrations)

    async def check(stopping: asyncio.Event) -> None:
        checking = asyncio.ensure_future(database.wait_until_migrated(revision))
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({checking, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if checking.done():
                await checking
        except SchemaNotMigrated as problem:
            service = migrations.parent.name
            raise SchemaNotMigrated(
                f"{problem} (python -m services.{service}.migrate)"
            ) from problem
        finally:
            checking.cancel()
            stopped.cancel()

    return check


def main(migrations: Path) -> None:
    """Migrate the schema named by `DATABASE_URL`, or end the process with one `error:` line."""
    settings = load_settings(DatabaseSettings)
    try:
        migrate(migrations, settings.database_url)
    except MigrationBlocked as problem:
        exit_with_error(str(problem))
    except OperationalError as problem:
        exit_with_error(f"the database of DATABASE_URL cannot be reached: {problem.orig}")
