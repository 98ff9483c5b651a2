"""Runs a service's Alembic migrations: `python -m services.<name>.migrate` calls this and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool
from sqlalchemy.exc import OperationalError

from shared.database import Database, SchemaNotMigrated, driver_url
from shared.database_tls import tls_context
from shared.settings import DatabaseSettings, exit_with_error, load_settings

LOCK_TIMEOUT_SECONDS = 300
"""Two instances may start at once: the second waits for the first and then finds nothing to do."""


class MigrationBlocked(Exception):
    """Another instance has been migrating the same schema for too long."""


def newest_revision(migrations: Path) -> str:
    """Return the revision that the code beside `migrations` was written for."""
    revision = ScriptDirectory(str(migrations)).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {migrations}")
    return revision


def migrate(migrations: Path, database_url: str) -> None:
    """Bring a schema to the newest revision, one instance at a time.

    Args:
        migrations: Folder with `env.py` and `versions/`.
        database_url: `mysql://user:password@host:port/database`.

    Raises:
        MigrationBlocked: Another instance does not finish.
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
        config = Config()
        config.set_main_option("script_location", str(migrations))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def schema_check(
    database: Database, migrations: Path
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Return background work for `run`: wait for the database, then insist on its schema; stops when told to.

    The work raises `SchemaNotMigrated`, naming the command that helps, when the schema is not the one this
    code was written for.
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
