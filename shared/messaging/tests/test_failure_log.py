"""What is kept of messages that failed, on a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import DeclarativeBase

from shared.database import Database, DatabaseUnavailable, utc_now
from shared.events.routes import DEAD_LETTER_RETENTION_SECONDS
from shared.messaging.failure_log import FailureColumns, FailureLog, read_failures
from shared.messaging.failures import FailedMessage
from shared.testing.schemas import empty_schema

MAX_ROWS = 20


class Base(DeclarativeBase):
    pass


class FailedMessageRow(FailureColumns, Base):
    pass


@pytest.fixture
async def database(mysql_server_url: str) -> AsyncIterator[Database]:
    with empty_schema(mysql_server_url, "failures") as url:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield database
        await database.close()


@pytest.fixture
def failures(database: Database) -> FailureLog:
    return FailureLog(database, FailedMessageRow, max_rows=MAX_ROWS)


def failure(message_id: str = "m-1", receive_count: int = 1, **fields: object) -> FailedMessage:
    given = {
        "queue_name": "task-creation-queue",
        "event_type": "COURSE_DISABLED",
        "reason": "MalformedMessage: unusable fields: courseId",
        "failed_at": utc_now(),
        **fields,
    }
    return FailedMessage(message_id=message_id, receive_count=receive_count, **given)


async def test_every_receive_keeps_its_reason(database: Database, failures: FailureLog) -> None:
    """Q-06"""
    told = [failure(receive_count=count, reason=f"reason {count}") for count in (1, 2, 3)]
    for failed in told:
        await failures.record(failed)
    await failures.record(failure("m-2"))

    assert await read_failures(database, ["m-1", "m-unknown"]) == {"m-1": told}


async def test_a_consumer_learns_what_failed_at_any_of_its_fellows(failures: FailureLog) -> None:
    """Q-06"""
    for message_id, count in (("m-1", 1), ("m-1", 2), ("m-2", 1)):
        await failures.record(failure(message_id, count))

    assert await failures.recorded({"m-1", "m-2", "m-3"}) == {"m-1", "m-2"}


async def test_a_receive_that_is_delivered_twice_keeps_its_last_reason(
    database: Database, failures: FailureLog
) -> None:
    await failures.record(failure(reason="first"))
    await failures.record(failure(reason="second"))

    found = await read_failures(database, ["m-1"])
    assert [failed.reason for failed in found["m-1"]] == ["second"]


async def test_a_reason_of_any_length_and_script_is_kept(
    database: Database, failures: FailureLog
) -> None:
    await failures.record(failure(reason="까닭🗓" * 200, event_type=None))

    found = await read_failures(database, ["m-1"])
    assert found["m-1"][0].reason.startswith("까닭🗓까닭🗓")


async def test_what_no_dead_letter_queue_can_hold_any_more_is_removed(
    database: Database, failures: FailureLog
) -> None:
    retention = timedelta(seconds=DEAD_LETTER_RETENTION_SECONDS)
    await failures.record(failure("old", failed_at=utc_now() - retention - timedelta(minutes=1)))
    await failures.record(failure("kept", failed_at=utc_now() - retention + timedelta(minutes=1)))

    assert await failures.prune() == 1
    assert set(await read_failures(database, ["old", "kept"])) == {"kept"}


async def test_the_newest_stay_when_there_are_too_many(
    database: Database, failures: FailureLog
) -> None:
    now = utc_now()
    ids = [f"m-{number}" for number in range(MAX_ROWS + 15)]
    for age, message_id in enumerate(ids):
        await failures.record(failure(message_id, failed_at=now - timedelta(seconds=age)))

    assert await failures.prune() == 15
    assert set(await read_failures(database, ids)) == set(ids[:MAX_ROWS])


async def test_without_a_database_recording_fails_soon(mysql_server_url: str) -> None:
    nowhere = Database("mysql://nobody:nothing@127.0.0.1:1/nowhere")

    with pytest.raises((DatabaseUnavailable, TimeoutError)):
        await FailureLog(nowhere, FailedMessageRow).record(failure())
    await nowhere.close()
