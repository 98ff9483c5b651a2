"""Measures `GET /v1/schedules` of 50 rows against a bare asyncmy + orjson loop in one process, in turns."""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncmy
import httpx
import orjson
from asyncmy.cursors import Cursor

from local_stack.mysql_server import MySQLServer, start_mysql
from local_stack.ports import free_port
from shared.settings import exit_with_error
from shared.testing.schemas import connect, migrated_schema

ROWS = 50
CLIENTS = 16
SECONDS = 5
TURNS = 3
TARGET = 0.35
STUDENT = "7b0e0f6a-1111-4222-8333-944455556666"
MIGRATIONS = Path("services/schedule_service/migrations")

QUERY = (
    "SELECT schedule_id AS scheduleId, cognito_sub AS cognitoSub, group_id AS groupId,"
    " category_id AS categoryId, title, description, location, start_time AS startTime,"
    " end_time AS endTime, is_all_day AS isAllDay, status, recurrence_rule AS recurrenceRule,"
    " source, source_id AS sourceId, created_at AS createdAt, updated_at AS updatedAt"
    " FROM schedules WHERE cognito_sub = %s AND group_id IS NULL ORDER BY schedule_id"
)


def main() -> None:
    """Print both rates and their ratio; end with 1 when it is under the target."""
    if shutil.which("wrk") is None:
        exit_with_error("wrk is missing: run 'apt-get install wrk'")
    with (
        tempfile.TemporaryDirectory() as directory,
        start_mysql(Path(directory)) as server,
        migrated_schema(server.url(), MIGRATIONS) as database_url,
    ):
        fill(database_url)
        with running_service(database_url) as url:
            # The server is still purging and flushing what was inserted.
            service_rate(url)
            pairs = [
                (service_rate(url), asyncio.run(bare_rate(server, database_url)))
                for _ in range(TURNS)
            ]
    ratios = [service / bare for service, bare in pairs]
    print("| turn | service, requests/s | bare loop, lists/s | ratio |\n|---|---|---|---|")
    for turn, ((service, bare), ratio) in enumerate(zip(pairs, ratios, strict=True), start=1):
        print(f"| {turn} | {service:.0f} | {bare:.0f} | {ratio:.2f} |")
    ratio = statistics.median(ratios)
    print(f"\nmedian ratio {ratio:.2f}, target {TARGET}")
    sys.exit(ratio < TARGET)


def fill(database_url: str) -> None:
    """Give the student 50 schedules among 20,000 of others."""
    students = [STUDENT] + [f"student-{number}" for number in range(400)]
    with connect(database_url) as connection, connection.cursor() as cursor:
        for student in students:
            cursor.execute(
                "INSERT INTO categories (cognito_sub, name, color, created_at, updated_at)"
                " VALUES (%s, 'Operating Systems', '#FF6B6B', NOW(6), NOW(6))",
                (student,),
            )
            category = cursor.lastrowid
            cursor.executemany(
                "INSERT INTO schedules (cognito_sub, category_id, title, description, start_time,"
                " end_time, source, source_id, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, '2026-03-04 14:59:00', '2026-03-04 14:59:00', 'CANVAS',"
                " %s, NOW(6), NOW(6))",
                [
                    (
                        student,
                        category,
                        f"과제 {number}: Scheduler lab",
                        "<p>Part A and B</p>" * 10,
                        f"canvas-assignment-{number}-{student}",
                    )
                    for number in range(ROWS)
                ],
            )


@contextmanager
def running_service(database_url: str) -> Iterator[str]:
    """Run schedule_service in a process of its own and yield its URL."""
    port, management_port = free_port(), free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "MANAGEMENT_PORT": str(management_port),
        "DATABASE_URL": database_url,
        "ENVIRONMENT": "local",
        "USER_SERVICE_URL": "http://127.0.0.1:9",
        "CANVAS_SYNC_API_KEY": "not-used-here",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.schedule_service"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                answer = httpx.get(f"{url}/v1/schedules", headers={"X-Cognito-Sub": STUDENT})
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        assert len(answer.json()) == ROWS
        yield url
    finally:
        process.terminate()
        process.wait()


def service_rate(url: str) -> float:
    """Return requests/s of the service with 16 connections."""
    load = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "-H", f"X-Cognito-Sub: {STUDENT}"]
    printed = subprocess.run(
        [*load, f"{url}/v1/schedules"], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        exit_with_error(f"not every request was answered:\n{printed}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert rate is not None
    return float(rate[1])


async def bare_rate(server: MySQLServer, database_url: str) -> float:
    """Return lists/s of 16 coroutines that read and dump the same rows, each on its own connection."""
    done = 0
    deadline = time.perf_counter() + SECONDS

    async def work() -> None:
        nonlocal done
        connection: Any = await asyncmy.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=database_url.rpartition("/")[2],
            autocommit=True,
        )
        async with connection.cursor(Cursor) as cursor:
            while time.perf_counter() < deadline:
                await cursor.execute(QUERY, (STUDENT,))
                names = [column[0] for column in cursor.description]
                rows = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
                orjson.dumps(rows)
                done += 1
        connection.close()

    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    return done / SECONDS


if __name__ == "__main__":
    main()
