"""What the outbox promises: sent if and only if committed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import update
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateTable

from shared.database import Database, utc_now
from shared.events.routes import TASK_CREATION
from shared.logging import correlation_id
from shared.messaging import outage, parked
from shared.messaging.metrics import OUTBOX_AGE, OUTBOX_DEPTH, OUTBOX_PARKED
from shared.messaging.outbox import OutboxColumns, OutgoingEvent, enqueue
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues
from shared.messaging.relay import MAX_ATTEMPTS, ClaimedEvent, Relay
from shared.testing.collector import Collector
from shared.testing.hostile_sqs import HostileSQS
from shared.testing.schemas import delete_rows, empty_schema, execute
from shared.tracing.spans import flush_spans, span

QUEUE = TASK_CREATION.name


class Base(DeclarativeBase):
    """Tables of this test."""


class Outbox(OutboxColumns, Base):
    """The outbox of this test."""

    __tablename__ = "outbox"


@pytest.fixture(scope="module")
def schema_url(mysql_server_url: str) -> Iterator[str]:
    with empty_schema(mysql_server_url, "outbox") as url:
        execute(url, str(CreateTable(Outbox.__table__).compile(dialect=mysql.dialect())))
        yield url


@pytest.fixture
async def database(schema_url: str) -> AsyncIterator[Database]:
    delete_rows(schema_url)
    database = Database(schema_url)
    yield database
    await database.close()


@pytest.fixture
async def sqs() -> HostileSQS:
    queues = HostileSQS(copies=1)
    await create_queues(queues, {})
    return queues


async def build(event: ClaimedEvent) -> list[bytes]:
    return [orjson.dumps(event.body)]


def event(number: int, unique_key: str | None = None) -> OutgoingEvent:
    return OutgoingEvent("NUMBERED", QUEUE, {"number": number}, unique_key)


async def commit(database: Database, *events: OutgoingEvent) -> None:
    await database.transaction(lambda session: enqueue(session, Outbox, events))


def numbers(sqs: HostileSQS) -> list[Any]:
    return sorted(body["number"] for body in sqs.bodies(QUEUE))


async def test_a_committed_event_is_sent_once(database: Database, sqs: HostileSQS) -> None:
    """Q-04"""
    await commit(database, event(1), event(2))
    relay = Relay(database, Outbox, Publisher(sqs), build)

    claimed = [await relay.relay_once() for _ in range(2)]

    assert (claimed, numbers(sqs)) == ([2, 0], [1, 2])


async def test_an_event_of_rolled_back_work_is_never_sent(
    database: Database, sqs: HostileSQS
) -> None:
    """Q-04"""

    async def work(session: AsyncSession) -> None:
        await enqueue(session, Outbox, [event(1)])
        raise LookupError

    with pytest.raises(LookupError):
        await database.transaction(work)
    await Relay(database, Outbox, Publisher(sqs), build).relay_once()

    assert numbers(sqs) == []


async def test_at_most_one_event_of_a_key_waits_and_it_is_the_newest(
    database: Database, sqs: HostileSQS
) -> None:
    for number in range(3):
        await commit(database, event(number, "snapshot:a"))

    await Relay(database, Outbox, Publisher(sqs), build).relay_once()

    assert numbers(sqs) == [2]


async def test_an_event_renewed_while_it_is_sent_is_sent_again(
    database: Database, sqs: HostileSQS
) -> None:
    """What is newer than the body that was built must not be lost."""
    await commit(database, event(1, "snapshot:a"))

    async def build_while_renewed(claimed: ClaimedEvent) -> list[bytes]:
        if claimed.body["number"] == 1:
            await commit(database, event(2, "snapshot:a"))
        return [orjson.dumps(claimed.body)]

    relay = Relay(database, Outbox, Publisher(sqs), build_while_renewed)
    await relay.relay_once()
    await relay.relay_once()

    assert numbers(sqs) == [1, 2]


async def test_an_event_waits_for_a_broker_that_is_away(
    database: Database, sqs: HostileSQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-04"""
    monkeypatch.setattr(outage, "BACKOFF_SECONDS", (0.01,))
    await commit(database, event(1))
    sqs.is_away = True
    relay = Relay(database, Outbox, Publisher(sqs), build)
    for _ in range(2 * MAX_ATTEMPTS):
        await relay.relay_once()
        await asyncio.sleep(0.02)
    sqs.is_away = False
    await relay.relay_once()

    assert numbers(sqs) == [1], "an outage is nobody's failure: nothing is parked"


async def test_what_a_killed_relay_held_is_sent_by_another(
    database: Database, sqs: HostileSQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-04: the lease of a relay that vanished between claim and send runs out."""
    monkeypatch.setattr("shared.messaging.relay.LEASE_SECONDS", 0.2)
    await commit(database, event(1))

    async def vanish(claimed: ClaimedEvent) -> list[bytes]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Relay(database, Outbox, Publisher(sqs), vanish).relay_once()
    other = Relay(database, Outbox, Publisher(sqs), build)
    while_leased = await other.relay_once()
    await asyncio.sleep(0.25)
    await other.relay_once()

    assert (while_leased, numbers(sqs)) == (0, [1])


async def test_relays_side_by_side_send_nothing_twice(database: Database, sqs: HostileSQS) -> None:
    await commit(database, *(event(number) for number in range(60)))
    relays = [Relay(database, Outbox, Publisher(sqs), build) for _ in range(4)]

    while any(await asyncio.gather(*(relay.relay_once() for relay in relays))):
        pass

    assert numbers(sqs) == list(range(60))


async def test_an_event_that_cannot_be_built_does_not_hold_up_the_others(
    database: Database, sqs: HostileSQS
) -> None:
    await commit(database, event(1), event(2))

    async def build_all_but_one(claimed: ClaimedEvent) -> list[bytes]:
        if claimed.body["number"] == 1:
            raise LookupError
        return [orjson.dumps(claimed.body)]

    await Relay(database, Outbox, Publisher(sqs), build_all_but_one).relay_once()

    assert numbers(sqs) == [2]


async def fail_until_parked(database: Database, relay: Relay) -> None:
    while (await parked.run(database, "list", None)) == ["0 parked"]:
        await relay.relay_once()
        await database.transaction(
            lambda session: session.execute(
                update(Outbox).where(Outbox.parked_at.is_(None)).values(due_at=utc_now())
            )
        )


async def build_all_but_13(claimed: ClaimedEvent) -> list[bytes]:
    if claimed.body["number"] == 13:
        raise LookupError("a student's words")
    return [orjson.dumps(claimed.body)]


async def test_an_event_that_fails_too_often_is_parked_and_in_nobodys_way(
    database: Database, sqs: HostileSQS, caplog: pytest.LogCaptureFixture
) -> None:
    await commit(database, *(event(number) for number in range(25)))
    relay = Relay(database, Outbox, Publisher(sqs), build_all_but_13)

    await fail_until_parked(database, relay)
    await relay._measure()

    [line, total] = await parked.run(database, "list", None)
    assert numbers(sqs) == [n for n in range(25) if n != 13]
    assert ("NUMBERED" in line, "LookupError" in line, "words" in line) == (True, True, False)
    assert total == "1 parked"
    assert OUTBOX_PARKED._value.get() == 1
    assert (OUTBOX_DEPTH._value.get(), OUTBOX_AGE._value.get()) == (0, 0)
    assert "event_parked" in {record.message for record in caplog.records}
    assert await relay.relay_once() == 0


async def test_a_parked_event_that_is_put_back_is_sent(database: Database, sqs: HostileSQS) -> None:
    await commit(database, event(13))
    await fail_until_parked(database, Relay(database, Outbox, Publisher(sqs), build_all_but_13))

    assert await parked.run(database, "retry", [0]) == ["0 put back"]
    assert await parked.run(database, "retry", None) == ["1 put back"]
    await Relay(database, Outbox, Publisher(sqs), build).relay_once()

    assert numbers(sqs) == [13]


async def test_a_newer_event_of_its_key_takes_the_place_of_a_parked_one(
    database: Database, sqs: HostileSQS
) -> None:
    await commit(database, event(13, "snapshot:a"))
    relay = Relay(database, Outbox, Publisher(sqs), build_all_but_13)
    await fail_until_parked(database, relay)

    await commit(database, event(14, "snapshot:a"))
    await relay.relay_once()

    assert numbers(sqs) == [14]
    assert await parked.run(database, "list", None) == ["0 parked"]


async def test_an_event_that_takes_its_relay_with_it_is_parked(
    database: Database, sqs: HostileSQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its tries was claimed by a process that is gone."""
    monkeypatch.setattr("shared.messaging.relay.LEASE_SECONDS", 0)
    await commit(database, event(1))

    async def vanish(claimed: ClaimedEvent) -> list[bytes]:
        raise asyncio.CancelledError

    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(asyncio.CancelledError):
            await Relay(database, Outbox, Publisher(sqs), vanish).relay_once()
    await Relay(database, Outbox, Publisher(sqs), vanish).relay_once()

    assert (await parked.run(database, "list", None))[-1] == "1 parked"


async def test_an_event_whose_body_the_queue_refuses_is_parked_and_its_neighbours_are_sent(
    database: Database, sqs: HostileSQS
) -> None:
    """Q-10"""
    await commit(database, event(1), event(2))

    async def build_too_long(claimed: ClaimedEvent) -> list[bytes]:
        return [b"1" * 300_000 if claimed.body["number"] == 1 else orjson.dumps(claimed.body)]

    await fail_until_parked(database, Relay(database, Outbox, Publisher(sqs), build_too_long))

    assert numbers(sqs) == [2]
    assert "MessageTooLong" in (await parked.run(database, "list", None))[0]


async def test_events_of_one_batch_share_calls_and_keep_their_correlation_ids(
    database: Database, sqs: HostileSQS
) -> None:
    """G-10"""
    calls = 0
    send = sqs.send_message_batch

    async def count(**request: Any) -> Any:
        nonlocal calls
        calls += 1
        return await send(**request)

    sqs.send_message_batch = count
    for number in range(10):
        token = correlation_id.set(f"request-{number}")
        await commit(database, event(number))
        correlation_id.reset(token)

    await Relay(database, Outbox, Publisher(sqs), build).relay_once()

    carried = {
        orjson.loads(message.body)["number"]: message.attributes["correlationId"]["StringValue"]
        for message in sqs.messages(QUEUE)
    }
    assert carried == {number: f"request-{number}" for number in range(10)}
    assert calls == 1


async def test_a_relay_that_is_told_to_stop_finishes_its_batch(
    database: Database, sqs: HostileSQS
) -> None:
    """Q-09"""
    stopping = asyncio.Event()
    await commit(database, event(1))

    async def build_slowly(claimed: ClaimedEvent) -> list[bytes]:
        stopping.set()
        await asyncio.sleep(0.05)
        return [orjson.dumps(claimed.body)]

    await Relay(database, Outbox, Publisher(sqs), build_slowly).run(stopping)

    assert numbers(sqs) == [1]


async def test_an_event_is_sent_in_the_trace_of_the_work_that_wrote_it_last(
    database: Database, sqs: HostileSQS, collector: Collector
) -> None:
    with span("process a", "consumer"):
        await commit(database, event(1, "student"))
    with span("process b", "consumer"):
        await commit(database, event(2, "student"))
    await Relay(database, Outbox, Publisher(sqs), build).relay_once()
    flush_spans(5)

    _, work, created = collector.spans
    (message,) = sqs.messages(QUEUE)
    told = message.attributes["traceparent"]["StringValue"]
    assert (created.name, created.kind) == (f"create {QUEUE}", "producer")
    assert (created.trace_id, created.parent_id) == (work.trace_id, work.span_id)
    assert told.split("-")[1:3] == [created.trace_id, created.span_id]


async def test_without_a_collector_an_event_has_no_trace(
    database: Database, sqs: HostileSQS
) -> None:
    await commit(database, event(1))
    await Relay(database, Outbox, Publisher(sqs), build).relay_once()

    (message,) = sqs.messages(QUEUE)
    assert "traceparent" not in message.attributes
