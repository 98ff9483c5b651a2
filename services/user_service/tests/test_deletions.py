"""The background work that has others forget."""

import asyncio
from collections.abc import Callable

import pytest

from services.user_service.deletions import service
from services.user_service.deletions.service import SETTLE, Deletions, pending_group
from services.user_service.tests.fakes import FakeService, FakeUserPool
from shared.database import Database

Rows = Callable[..., list[tuple[object, ...]]]


async def _record(database: Database, rows: Rows) -> None:
    async def work(session: service.AsyncSession) -> None:
        session.add(pending_group(7))

    await database.transaction(work)
    rows(
        "UPDATE pending_deletions SET created_at = created_at - INTERVAL %s SECOND,"
        " next_attempt_at = created_at",
        2 * SETTLE.total_seconds(),
    )


async def test_it_works_off_what_is_due_until_told_to_stop(
    deletions: Deletions, database: Database, rows: Rows, schedule_service: FakeService
) -> None:
    await _record(database, rows)
    stopping = asyncio.Event()
    working = asyncio.create_task(deletions.work(stopping))
    async with asyncio.timeout(5):
        while rows("SELECT id FROM pending_deletions"):
            await asyncio.sleep(0.02)
        stopping.set()
        await working
    assert schedule_service.deleted_groups == [7]


async def test_two_processes_share_the_work(
    deletions: Deletions, database: Database, rows: Rows, schedule_service: FakeService
) -> None:
    await _record(database, rows)
    done = await asyncio.gather(*(deletions.work_off_due() for _ in range(10)))
    assert sum(done) == 1
    assert schedule_service.deleted_groups == [7]


async def test_a_part_that_hangs_is_given_up_and_tried_again(
    deletions: Deletions,
    database: Database,
    rows: Rows,
    schedule_service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first try is part of a request."""
    await _record(database, rows)
    monkeypatch.setattr(service, "ATTEMPT_SECONDS", 0.05)
    never = asyncio.Event()

    async def hang() -> None:
        await never.wait()

    schedule_service.while_deleting = hang
    assert await deletions.work_off_due() == 1
    assert rows("SELECT attempts FROM pending_deletions") == [(1,)]


async def test_no_failure_ends_it(
    database: Database,
    rows: Rows,
    pool: FakeUserPool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither an absent database nor a bug of another part."""
    absent = Database("mysql://nobody:nothing@127.0.0.1:9/user_db")
    broken = FakeService()

    async def fail() -> None:
        raise RuntimeError("a bug")

    broken.while_deleting = fail
    await _record(database, rows)
    monkeypatch.setattr(service, "POLL_SECONDS", 0.01)
    stopping = asyncio.Event()
    working = [
        asyncio.create_task(Deletions(each, pool, broken, ()).work(stopping))
        for each in (absent, database)
    ]
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in working)
    stopping.set()
    await asyncio.gather(*working)
    await absent.close()
    assert rows("SELECT attempts FROM pending_deletions") == [(1,)]
