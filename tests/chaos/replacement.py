"""O-04 as a story: a release, a bad one, and the way back, while students go on working."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.testing.schemas import execute
from tests.chaos.instances import Fleet, NeverReady, Start, fork, running_fleet
from tests.chaos.load import Load, sign_up

PER_SECOND = 100
BAD_RELEASE = {
    "DATABASE_URL": "mysql://nobody:nothing@127.0.0.1:9/nowhere",
    "COGNITO_USER_POOL_ID": "none",
    "COGNITO_CLIENT_IDS": "",
}
"""Its course_service and schedule_service run, listen and are never ready; its gateway ends at once."""

BAD_PATIENCE_SECONDS = 5.0
"""How long a bad instance is given; two good ones have long been ready by then."""

NEXT_SCHEMA = {
    "user_service": ("users", "nickname"),
    "course_service": ("assignments", "colour"),
    "schedule_service": ("todos", "estimate"),
}
"""A column that the next release's migration adds to a table in use."""


@dataclass(frozen=True)
class Replaced:
    """What the students noticed, what callers met at addresses that they remembered, and how the instances ended."""

    requests: int
    failures: dict[str, int]
    writes: int
    todos: int
    bad_releases: int
    connections_of_bad_releases: int
    addresses_missed: int
    rollback_seconds: float
    exit_codes: dict[int, int]
    slowest_stop_seconds: float
    instances_replaced: int


async def replace_under_load(
    stack: Mapping[str, Any], directory: Path, requests: int, *, start: Start = fork
) -> Replaced:
    """Roll a release out and back, again and again until so many requests were sent.

    Args:
        stack: A running stack's `stack.json`.
        directory: For a log per process.
        requests: How many at least.
        start: How instances are started.
    """
    student = await sign_up(stack)
    rollbacks: list[float] = []
    async with running_fleet(stack, directory, start=start) as fleet:
        async with (
            Load(fleet.gateways, student, PER_SECOND) as load,
            next_schema(stack),
        ):
            while len(load.results) < requests or not rollbacks:
                await fleet.replace_all({"LOG_LEVEL": "WARNING"})
                await try_bad_release(fleet)
                began_at = time.monotonic()
                await fleet.replace_all({"LOG_LEVEL": "INFO"})
                rollbacks.append(time.monotonic() - began_at)
        groups = fleet.groups.values()
        stops = [stop for group in groups for stop in group.stops]
        bad = [(group, instance) for group in groups for instance in group.refused]
    todos = await on_schema(
        stack,
        "schedule_service",
        f"SELECT COUNT(*) FROM todos WHERE category_id = {student.category_id}",
    )
    return Replaced(
        requests=len(load.results),
        failures=dict(Counter(result.what for result in load.failed())),
        writes=load.written,
        todos=int(str(todos[0][0])),
        bad_releases=len(bad),
        connections_of_bad_releases=sum(
            group.balancer.connections[instance.port] for group, instance in bad
        ),
        addresses_missed=sum(group.balancer.misses.total() for group in groups),
        rollback_seconds=max(rollbacks),
        exit_codes=dict(Counter(code for code, _ in stops)),
        slowest_stop_seconds=max(seconds for _, seconds in stops),
        instances_replaced=len(stops),
    )


async def try_bad_release(fleet: Fleet) -> None:
    """Begin to roll out a release that does not become ready; nothing of what runs is touched."""
    for name in ("course_service", "schedule_service", "gateway"):
        group = fleet.groups[name]
        before = list(group.registered)
        with pytest.raises(NeverReady):
            await group.replace_all(BAD_RELEASE, ready_seconds=BAD_PATIENCE_SECONDS)
        assert group.registered == before


@asynccontextmanager
async def next_schema(stack: Mapping[str, Any]) -> AsyncIterator[None]:
    """Do to the schemas in use what the next release's migration will: everything here is old code then."""
    found: dict[str, object] = {}
    for service, (table, column) in NEXT_SCHEMA.items():
        found[service] = (await on_schema(stack, service, "SELECT * FROM alembic_version"))[0][0]
        await on_schema(stack, service, f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(40)")
        await on_schema(stack, service, "CREATE TABLE next_release (id BIGINT PRIMARY KEY)")
        await on_schema(stack, service, "UPDATE alembic_version SET version_num = '9999'")
    yield
    for service, (table, column) in NEXT_SCHEMA.items():
        await on_schema(
            stack, service, f"UPDATE alembic_version SET version_num = '{found[service]}'"
        )
        await on_schema(stack, service, "DROP TABLE next_release")
        await on_schema(stack, service, f"ALTER TABLE {table} DROP COLUMN {column}")


async def on_schema(
    stack: Mapping[str, Any], service: str, statement: str
) -> list[tuple[object, ...]]:
    """Run a statement on a service's schema."""
    mysql = stack["mysql"]
    server = f"mysql://{mysql['user']}:{mysql['password']}@{mysql['host']}:{mysql['port']}"
    return await asyncio.to_thread(execute, f"{server}/{mysql['databases'][service]}", statement)
