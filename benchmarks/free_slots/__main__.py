"""Measures E44 for 100 members with 200 schedules each against the bare SQL that reads their rows, in turns."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncmy
import httpx
import orjson
from asyncmy.cursors import Cursor

from local_stack.mysql_server import MySQLServer, start_mysql
from services.schedule_service.main import build_app
from services.schedule_service.migrate import MIGRATIONS
from shared.database import Database
from shared.testing.schemas import connect, migrated_schema

MEMBERS = [f"7b0e0f6a-1111-4222-8333-{number:012}" for number in range(100)]
SCHEDULES = 200
OTHERS = 100
GROUP = 7
TURNS = 15
TARGET = 10.0
FIRST_DAY = datetime(2026, 1, 1)
LAST_DAY = FIRST_DAY + timedelta(days=299)

WANTED: dict[str, Any] = {
    "groupId": GROUP,
    "startDate": f"{FIRST_DAY:%Y-%m-%d}",
    "endDate": f"{LAST_DAY:%Y-%m-%d}",
    "minDurationMinutes": 30,
    "workingHoursStart": "09:00",
    "workingHoursEnd": "19:00",
    "daysOfWeek": [1, 2, 3, 4, 5],
}

_WITHIN = "start_time < %s AND (end_time > %s OR recurrence_rule IS NOT NULL)"
_FIELDS = "SELECT start_time, end_time, is_all_day, recurrence_rule, time_zone FROM schedules WHERE"
_MEMBERS = ", ".join(["%s"] * len(MEMBERS))
QUERY = (
    f"{_FIELDS} cognito_sub IN ({_MEMBERS}) AND {_WITHIN} UNION ALL"
    f" {_FIELDS} group_id = %s AND cognito_sub NOT IN ({_MEMBERS}) AND {_WITHIN}"
)
PERIOD = (LAST_DAY + timedelta(days=2), FIRST_DAY - timedelta(days=1))
PARAMETERS = (*MEMBERS, *PERIOD, GROUP, *MEMBERS, *PERIOD)


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    recurring_share: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    is_promised: bool = True


CASES = (
    Case("plain schedules"),
    Case("plain schedules, in Seoul", headers=(("X-Time-Zone", "Asia/Seoul"),)),
    Case("one in twenty recurs weekly", recurring_share=0.05, is_promised=False),
)


def main() -> None:
    """Print the times and their ratio for each case; end with 1 when a promised one is over the target."""
    with tempfile.TemporaryDirectory() as directory, start_mysql(Path(directory)) as server:
        print("| case | rows | SQL alone | search | **ratio** | slots |\n|---|---|---|---|---|---|")
        ratios = [asyncio.run(_measure(case, server)) for case in CASES]
    worst = max(ratio for case, ratio in zip(CASES, ratios, strict=True) if case.is_promised)
    print(f"\nworst promised ratio {worst:.1f}, target under {TARGET:.0f}")
    sys.exit(worst >= TARGET)


async def _measure(case: Case, server: MySQLServer) -> float:
    with migrated_schema(server.url(), MIGRATIONS) as database_url:
        fill(database_url, case.recurring_share)
        connection: Any = await asyncmy.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=database_url.rpartition("/")[2],
            autocommit=True,
        )
        async with connection.cursor(Cursor) as cursor, opened_api(database_url) as api:

            async def read() -> int:
                await cursor.execute(QUERY, PARAMETERS)
                return len(await cursor.fetchall())

            async def search() -> int:
                answer = await api.post(
                    "/v1/schedules/find-free-slots", json=WANTED, headers=dict(case.headers)
                )
                answer.raise_for_status()
                return int(answer.json()["totalFreeSlotsFound"])

            rows, slots = await read(), await search()
            # In turns, so that both meet the same load of the machine.
            pairs = [(await _seconds(read), await _seconds(search)) for _ in range(TURNS)]
        connection.close()
    alone, whole = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(search / read for read, search in pairs)
    print(
        f"| {case.name} | {rows} | {alone * 1000:.0f} ms | {whole * 1000:.0f} ms "
        f"| **{ratio:.1f}** | {slots} |"
    )
    return ratio


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


def fill(database_url: str, recurring_share: float) -> None:
    """Give 100 members and 100 strangers 200 schedules each, spread over 300 days."""
    every = round(1 / recurring_share) if recurring_share else SCHEDULES + 1
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO categories (cognito_sub, name, color, created_at, updated_at)"
            " VALUES (%s, 'Operating Systems', '#FF6B6B', NOW(6), NOW(6))",
            (MEMBERS[0],),
        )
        category = cursor.lastrowid
        for person, sub in enumerate([*MEMBERS, *(f"stranger-{n}" for n in range(OTHERS))]):
            # One hour each, so that the members leave some of the working hours free.
            starts = [
                FIRST_DAY + timedelta(days=(number * 3 + person) % 300, hours=8 + person % 9)
                for number in range(SCHEDULES)
            ]
            cursor.executemany(
                "INSERT INTO schedules (cognito_sub, category_id, title, start_time, end_time,"
                " recurrence_rule, time_zone, created_at, updated_at)"
                " VALUES (%s, %s, 'Scheduler lab', %s, %s, %s, %s, NOW(6), NOW(6))",
                [
                    (
                        sub,
                        category,
                        start,
                        start + timedelta(hours=1),
                        *(
                            ("FREQ=WEEKLY;COUNT=16", "Asia/Seoul")
                            if number % every == every - 1
                            else (None, None)
                        ),
                    )
                    for number, start in enumerate(starts)
                ],
            )
        cursor.execute("ANALYZE TABLE schedules")


@asynccontextmanager
async def opened_api(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client to the service in this process, with a user_service that knows one group."""

    async def user_service(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=orjson.dumps(MEMBERS))

    database = Database(database_url)
    async with (
        httpx.AsyncClient(
            transport=httpx.MockTransport(user_service), base_url="http://user-service"
        ) as groups,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(
                build_app(database, groups, api_key="bench", analysis_calls_per_day=0)
            ),
            base_url="http://schedule-service",
            headers={"X-Cognito-Sub": MEMBERS[0]},
            timeout=60,
        ) as api,
    ):
        yield api
    await database.close()


if __name__ == "__main__":
    main()
