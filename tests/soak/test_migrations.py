"""D-06 and O-06 on a million rows."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_stack.backups.service import back_up, restore
from shared.migrations import migrate, newest_revision
from shared.testing.schemas import empty_schema, execute, migrated_schema
from tests.soak.old_release import RELEASES, OldRelease, Traffic, fill

pytestmark = pytest.mark.soak

IDLE_RUNS = 5
"""Of migrators with nothing to do, to compare with: two Python processes that start take more of two cores than most
changes of a schema, and on AWS they run elsewhere."""

UNNOTICED_SECONDS = 0.01
"""A p95 below this is no disturbance, whatever it is the double of."""

AFTERWARDS_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 1.5
"""The one second for which a migration waits for a table, and what the machine adds."""

RESTORE_SECONDS = 600


@contextmanager
def filled_schema(server_url: str, release: OldRelease, rows: int) -> Iterator[tuple[str, Path]]:
    migrations = Path("services", release.service, "migrations")
    with empty_schema(server_url, "soak") as url:
        migrate(migrations, url, "0001")
        fill(url, release, rows)
        yield url, migrations


def percentile_95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * len(seconds))]


def two_migrators(service: str, url: str) -> list[int]:
    """Migrate a schema by two processes at once, and return their exit codes."""
    migrators = [
        subprocess.Popen(
            [sys.executable, "-m", f"services.{service}.migrate"],
            env={"DATABASE_URL": url, "ENVIRONMENT": "local"},
        )
        for _ in range(2)
    ]
    return [migrator.wait(timeout=900) for migrator in migrators]


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.service)
def test_two_migrators_at_once_disturb_the_first_release_little(
    mysql_server_url: str, soak_rows: int, release: OldRelease
) -> None:
    """D-06: from the first revision to the newest, which passes every one between them."""
    with (
        filled_schema(mysql_server_url, release, soak_rows) as (url, migrations),
        migrated_schema(mysql_server_url, migrations) as finished_url,
        Traffic(url, release) as traffic,
    ):
        for _ in range(IDLE_RUNS):
            two_migrators(release.service, finished_url)
        idle = traffic.take()
        began_at = time.monotonic()
        codes = two_migrators(release.service, url)
        seconds = time.monotonic() - began_at
        during = traffic.take()
        time.sleep(AFTERWARDS_SECONDS)
        revision = execute(url, "SELECT version_num FROM alembic_version")[0][0]
    print(
        f"\nD-06: {release.service}, {soak_rows} rows, 0001 to {revision} in {seconds:.1f} s by two at once:"
        f" {len(traffic.failures)} of {len(idle) + len(during) + len(traffic.seconds)} statements of the first"
        f" release failed; p95 {percentile_95(during) * 1000:.1f} ms, {percentile_95(idle) * 1000:.1f} ms beside"
        f" two that find nothing to do; longest {max(during) * 1000:.0f} ms"
    )
    assert codes == [0, 0]
    assert revision == newest_revision(migrations)
    assert traffic.failures == []
    assert percentile_95(during) <= max(2 * percentile_95(idle), UNNOTICED_SECONDS)
    assert max(during) <= LONGEST_WAIT_SECONDS


def test_a_million_rows_are_backed_up_under_load_and_restored_within_ten_minutes(
    mysql_server_url: str, soak_rows: int, tmp_path: Path
) -> None:
    """O-06: what was written after the moment is gone; `local_stack/backups/tests/test_replay.py` brings it back."""
    release = RELEASES[2]
    with filled_schema(mysql_server_url, release, soak_rows) as (url, _):
        schema = url.rsplit("/", 1)[1]
        began_at = time.monotonic()
        with Traffic(url, release) as traffic:
            written = back_up(mysql_server_url, [schema], tmp_path / "backup")
        backup_seconds = time.monotonic() - began_at
        began_at = time.monotonic()
        restored = restore(tmp_path / "backup", mysql_server_url)
        restore_seconds = time.monotonic() - began_at
        found = {
            table.name: execute(url, f"SELECT COUNT(*) FROM `{table.name}`")[0][0]
            for table in written.tables
        }
    rows = sum(table.rows for table in written.tables)
    print(
        f"\nO-06: {rows} rows backed up in {backup_seconds:.0f} s beside {len(traffic.seconds)} statements,"
        f" restored and compared in {restore_seconds:.0f} s"
    )
    assert traffic.failures == []
    assert rows >= soak_rows
    assert restored == written
    assert found == {table.name: table.rows for table in written.tables}
    assert restore_seconds <= RESTORE_SECONDS
