"""What the consumer promises, on the hostile queue."""

import asyncio
import random
from collections import Counter
from collections.abc import Collection
from typing import Any

import orjson
import pytest

from shared.database import DatabaseUnavailable, utc_now
from shared.events.routes import ASSIGNMENT_EVENTS
from shared.logging import correlation_id
from shared.messaging import consumer, outage, window
from shared.messaging.consumer import Consumer, MalformedMessage, Unavailable
from shared.messaging.failures import FailedMessage
from shared.messaging.publisher import Publisher
from shared.messaging.queues import MAX_BATCH, create_queues
from shared.testing.hostile_sqs import HostileSQS

QUEUE = ASSIGNMENT_EVENTS.name
DEAD_LETTERS = ASSIGNMENT_EVENTS.dead_letter_name


@pytest.fixture
async def sqs() -> HostileSQS:
    """Queues whose visibility timeout is 0.1 s, for tests whose handlers are quick."""
    queues = HostileSQS(copies=1, second=0.1)
    await create_queues(queues, {}, visibility_seconds=1)
    return queues


@pytest.fixture
async def real_time_sqs() -> HostileSQS:
    """Queues whose visibility timeout is 1 s, for tests in which it is extended."""
    queues = HostileSQS(copies=1)
    await create_queues(queues, {}, visibility_seconds=1)
    return queues


class RecordInMemory:
    """What a database keeps of failures, for one test."""

    def __init__(self) -> None:
        self.failed: list[FailedMessage] = []
        self.is_away = False

    async def record(self, failed: FailedMessage) -> None:
        if self.is_away:
            raise OSError("no place to keep it")
        self.failed.append(failed)

    async def recorded(self, message_ids: Collection[str]) -> set[str]:
        if self.is_away:
            raise OSError("nobody to ask")
        return {failed.message_id for failed in self.failed} & set(message_ids)


@pytest.fixture
def record() -> RecordInMemory:
    return RecordInMemory()


async def send(sqs: HostileSQS, *events: Any) -> None:
    await Publisher(sqs).send(QUEUE, [orjson.dumps(event) for event in events])


async def consume_until(
    sqs: HostileSQS, handle: Any, done: Any, seconds: float = 8, **options: Any
) -> None:
    stopping = asyncio.Event()
    options = {"visibility_seconds": 1, "long_poll_seconds": 1, **options}
    running = asyncio.create_task(Consumer(sqs, QUEUE, handle, **options).run(stopping))
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)
    stopping.set()
    await running


async def grown(
    sqs: HostileSQS,
    handle: Any,
    stopping: asyncio.Event,
    *,
    failures: RecordInMemory | None = None,
) -> asyncio.Task[None]:
    """Start a consumer, and let it succeed with as many messages as it takes to receive ten at a time."""

    async def handle_or_succeed(event: dict[str, Any]) -> None:
        if event["number"] >= 0:
            await handle(event)

    consumer = Consumer(
        sqs,
        QUEUE,
        handle_or_succeed,
        visibility_seconds=30,
        long_poll_seconds=1,
        failures=failures,
    )
    await send(sqs, *({"cognitoSub": str(n), "number": -1} for n in range(window.LARGEST**2 // 2)))
    running = asyncio.create_task(consumer.run(stopping))
    async with asyncio.timeout(8):
        while sqs.bodies(QUEUE):
            await asyncio.sleep(0.01)
    return running


async def test_a_message_is_deleted_only_after_its_handler_returned(sqs: HostileSQS) -> None:
    """Q-01"""
    waiting_while_handled: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        waiting_while_handled.append(len(sqs.bodies(QUEUE)))

    await send(sqs, {"cognitoSub": "a"})
    await consume_until(sqs, handle, lambda: not sqs.bodies(QUEUE))

    assert waiting_while_handled == [1]


async def test_one_failing_message_does_not_hold_up_its_batch(sqs: HostileSQS) -> None:
    """Q-05"""
    handled: Counter[int] = Counter()

    async def handle(event: dict[str, Any]) -> None:
        handled[event["number"]] += 1
        if event["number"] == 3:
            raise ValueError("poison")

    await send(sqs, *({"cognitoSub": str(n), "number": n} for n in range(10)))
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS))

    assert handled == {n: 3 if n == 3 else 1 for n in range(10)}


async def test_of_two_hundred_random_batches_only_the_failed_messages_return() -> None:
    """Q-05: the others are done once and deleted, whatever fails beside them."""
    sqs = HostileSQS(copies=1, seed=5)
    await create_queues(sqs, {}, visibility_seconds=1)
    choose = random.Random(5)
    fails = {
        number
        for batch in range(200)
        for number in choose.sample(range(10 * batch, 10 * batch + 10), choose.randint(0, 10))
    }
    handled: Counter[int] = Counter()

    async def handle(event: dict[str, Any]) -> None:
        handled[event["number"]] += 1
        if event["number"] in fails and handled[event["number"]] == 1:
            raise ValueError("the first time")

    await send(sqs, *({"cognitoSub": str(n % 7), "number": n} for n in range(2_000)))
    await consume_until(sqs, handle, lambda: not sqs.bodies(QUEUE), seconds=60)

    wrong = [n for n in range(2_000) if handled[n] != (2 if n in fails else 1)]
    print(f"Q-05: 200 random subsets, {len(fails)} of 2,000 fail: {len(wrong)} done wrongly")  # noqa: T201
    assert wrong == []
    assert sqs.bodies(DEAD_LETTERS) == []


async def test_a_poisoned_message_ends_unchanged_in_its_own_dead_letter_queue(
    sqs: HostileSQS,
) -> None:
    """Q-06, V-1"""

    async def handle(event: dict[str, Any]) -> None:
        raise MalformedMessage("no courses")

    await send(sqs, {"cognitoSub": "a"})
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS))

    assert sqs.bodies(DEAD_LETTERS) == [{"cognitoSub": "a"}]


@pytest.mark.parametrize("body", [b"not json", b"[1]", b'"text"'])
async def test_a_body_that_is_no_object_ends_in_the_dead_letter_queue(
    sqs: HostileSQS, body: bytes
) -> None:
    """V-1"""

    async def handle(event: dict[str, Any]) -> None:
        pytest.fail("such a body has no event to handle")

    await Publisher(sqs).send(QUEUE, [body])
    await consume_until(sqs, handle, lambda: sqs.messages(DEAD_LETTERS))

    assert sqs.messages(DEAD_LETTERS)[0].body == body.decode()


async def test_each_failed_receive_is_told_with_its_count_and_nothing_of_the_body(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-06, S-07"""

    async def handle(event: dict[str, Any]) -> None:
        raise ValueError(f"cannot apply {event}")

    await send(sqs, {"cognitoSub": "a-student", "eventType": "NUMBERED"})
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS), failures=record)

    assert [failed.receive_count for failed in record.failed] == [1, 2, 3]
    assert {(failed.queue_name, failed.event_type, failed.reason) for failed in record.failed} == {
        (QUEUE, "NUMBERED", "ValueError")
    }
    assert {failed.message_id for failed in record.failed} == {
        sqs.messages(DEAD_LETTERS)[0].message_id
    }


async def test_a_malformed_body_is_told_with_what_is_wrong_with_it(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-06"""

    async def handle(event: dict[str, Any]) -> None:
        pytest.fail("such a body has no event to handle")

    await Publisher(sqs).send(QUEUE, [b"not json"])
    await consume_until(sqs, handle, lambda: len(record.failed) == 3, failures=record)

    assert {failed.reason for failed in record.failed} == {"MalformedMessage: not JSON"}


async def test_an_error_while_telling_of_a_failure_disturbs_nothing(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-05"""
    applied: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        if event["number"] == 0:
            raise ValueError
        applied.append(event["number"])

    record.is_away = True
    await send(sqs, *({"cognitoSub": "a", "number": n} for n in range(4)))
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS), failures=record)

    assert sorted(applied) == [1, 2, 3]


async def test_an_outage_longer_than_all_receives_drains_nothing_into_the_dead_letter_queue(
    real_time_sqs: HostileSQS,
) -> None:
    """Q-08: visibility 1 s, three receives; the outage lasts longer than both together."""
    tries = 0
    started = asyncio.get_running_loop().time()
    applied: list[str] = []

    async def handle(event: dict[str, Any]) -> None:
        nonlocal tries
        tries += 1
        if asyncio.get_running_loop().time() - started < 3.5:
            raise Unavailable("database away")
        applied.append(event["cognitoSub"])

    await send(real_time_sqs, {"cognitoSub": "a"})
    await consume_until(real_time_sqs, handle, lambda: applied, seconds=12)

    assert (applied, real_time_sqs.bodies(DEAD_LETTERS)) == (["a"], [])
    assert tries <= 8, "at most two tries a second while down"


async def test_one_students_messages_are_handled_one_after_another(sqs: HostileSQS) -> None:
    in_work: Counter[str] = Counter()
    most_at_once: Counter[str] = Counter()
    handled = 0

    async def handle(event: dict[str, Any]) -> None:
        nonlocal handled
        student = event["cognitoSub"]
        in_work[student] += 1
        most_at_once[student] = max(most_at_once[student], in_work[student])
        most_at_once["anyone"] = max(most_at_once["anyone"], in_work.total())
        await asyncio.sleep(0.02)
        in_work[student] -= 1
        handled += 1

    await send(sqs, *({"cognitoSub": "ab"[n % 2]} for n in range(10)))
    await consume_until(sqs, handle, lambda: handled == 10)

    assert most_at_once == {"a": 1, "b": 1, "anyone": 2}


async def test_work_longer_than_the_visibility_timeout_is_not_handed_out_twice(
    real_time_sqs: HostileSQS,
) -> None:
    """Q-07"""
    started = 0
    finished = 0

    async def handle(event: dict[str, Any]) -> None:
        nonlocal started, finished
        started += 1
        await asyncio.sleep(2)
        finished += 1

    await send(real_time_sqs, {"cognitoSub": "a"})
    second = asyncio.Event()
    other = asyncio.create_task(
        Consumer(real_time_sqs, QUEUE, handle, visibility_seconds=1, long_poll_seconds=1).run(
            second
        )
    )
    await consume_until(real_time_sqs, handle, lambda: finished)
    second.set()
    await other

    assert started == 1


async def test_stopping_finishes_what_has_begun_and_hands_back_the_rest(sqs: HostileSQS) -> None:
    """Q-09"""
    stopping = asyncio.Event()
    handled: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        stopping.set()
        await asyncio.sleep(0.05)
        handled.append(event["number"])

    running = await grown(sqs, handle, stopping)
    await send(sqs, *({"cognitoSub": "a", "number": n} for n in range(5)))
    await running
    handed_back = await sqs.receive_message(QueueUrl=f"memory://{QUEUE}", MaxNumberOfMessages=10)

    numbers = [orjson.loads(message["Body"])["number"] for message in handed_back["Messages"]]
    assert sorted(handled + numbers) == [0, 1, 2, 3, 4]
    assert len(handled) == 1


async def test_an_idle_consumer_stops_at_once(sqs: HostileSQS) -> None:
    """Q-09: a long poll in progress is not waited for."""
    stopping = asyncio.Event()

    async def handle(event: dict[str, Any]) -> None:
        pytest.fail("nothing was sent")

    idle = Consumer(sqs, QUEUE, handle, visibility_seconds=1, long_poll_seconds=10)
    running = asyncio.create_task(idle.run(stopping))
    await asyncio.sleep(0.05)
    stopping.set()
    async with asyncio.timeout(1):
        await running


async def test_the_consumer_outlives_a_broker_that_is_away(sqs: HostileSQS) -> None:
    """Q-04"""
    applied: list[str] = []

    async def handle(event: dict[str, Any]) -> None:
        applied.append(event["cognitoSub"])

    await send(sqs, {"cognitoSub": "a"})
    sqs.is_away = True
    asyncio.get_running_loop().call_later(0.7, setattr, sqs, "is_away", False)
    await consume_until(sqs, handle, lambda: applied)

    assert applied == ["a"]


@pytest.mark.parametrize("attribute", ["x" * 200, "with\nbreak", "short", "가나다라마바사아"])
async def test_a_malformed_correlation_id_is_replaced_and_the_message_applied(
    sqs: HostileSQS, attribute: str
) -> None:
    """No message attribute is ever needed to process a message."""
    seen: list[str | None] = []

    async def handle(event: dict[str, Any]) -> None:
        seen.append(correlation_id.get())

    token = correlation_id.set(attribute)
    await send(sqs, {"cognitoSub": "a"})
    correlation_id.reset(token)
    await consume_until(sqs, handle, lambda: seen)

    assert len(seen[0] or "") == 32


async def test_a_message_whose_lease_is_lost_is_put_down_and_not_acknowledged(
    real_time_sqs: HostileSQS, caplog: pytest.LogCaptureFixture
) -> None:
    """Q-07: extensions fail, as when the queue cannot be reached; the message comes again."""
    ends: list[str] = []

    async def refuse(**_: Any) -> Any:
        raise TimeoutError

    real_time_sqs.change_message_visibility_batch = refuse

    async def handle(event: dict[str, Any]) -> None:
        ends.append("cut off")
        if len(ends) == 1:
            await asyncio.sleep(5)
        ends[-1] = "done"

    await send(real_time_sqs, {"cognitoSub": "a"})
    await consume_until(real_time_sqs, handle, lambda: not real_time_sqs.bodies(QUEUE))

    assert ends == ["cut off", "done"]
    assert {"visibility_change_failed", "lease_ran_out"} <= {r.message for r in caplog.records}


async def test_an_extension_that_the_queue_refuses_ends_the_work(
    real_time_sqs: HostileSQS, caplog: pytest.LogCaptureFixture
) -> None:
    """Q-07: somebody else has the message, for its receipt handle is stale."""
    was_cut_off = asyncio.Event()

    async def handle(event: dict[str, Any]) -> None:
        real_time_sqs.messages(QUEUE)[0].receipt_handle = "of another receive"
        try:
            await asyncio.sleep(5)
        finally:
            was_cut_off.set()

    await send(real_time_sqs, {"cognitoSub": "a"})
    await consume_until(real_time_sqs, handle, was_cut_off.is_set)

    assert "lease_refused" in {record.message for record in caplog.records}
    assert len(real_time_sqs.bodies(QUEUE)) == 1


async def test_a_stale_delete_is_noticed(sqs: HostileSQS, caplog: pytest.LogCaptureFixture) -> None:
    """Q-07"""
    refused = asyncio.Event()

    async def refuse(*, QueueUrl: str, Entries: list[Any]) -> Any:
        refused.set()
        return {"Failed": [{"Id": e["Id"], "Code": "ReceiptHandleIsInvalid"} for e in Entries]}

    sqs.delete_message_batch = refuse

    async def handle(event: dict[str, Any]) -> None:
        pass

    await send(sqs, {"cognitoSub": "a"})
    await consume_until(sqs, handle, refused.is_set)

    assert "delete_refused" in {record.message for record in caplog.records}


async def test_messages_are_deleted_together_and_each_after_its_own_handler(
    sqs: HostileSQS,
) -> None:
    """Q-01"""
    finished: set[int] = set()
    deleted_early: list[int] = []
    calls: list[int] = []
    delete = sqs.delete_message_batch

    async def watch(*, QueueUrl: str, Entries: list[Any]) -> Any:
        handles = {entry["ReceiptHandle"] for entry in Entries}
        numbers = [
            orjson.loads(message.body)["number"]
            for message in sqs.messages(QUEUE)
            if message.receipt_handle in handles
        ]
        deleted_early.extend(number for number in numbers if number not in finished)
        calls.append(len(Entries))
        return await delete(QueueUrl=QueueUrl, Entries=Entries)

    sqs.delete_message_batch = watch

    async def handle(event: dict[str, Any]) -> None:
        await asyncio.sleep(0.001 * (event["number"] % 3))
        finished.add(event["number"])

    await send(sqs, *({"cognitoSub": str(n), "number": n} for n in range(100)))
    await consume_until(sqs, handle, lambda: not sqs.bodies(QUEUE))

    print(f"100 messages deleted by {len(calls)} calls, {len(deleted_early)} too early")  # noqa: T201
    assert deleted_early == []
    assert sum(calls) == 100
    assert len(calls) <= 40


async def test_the_next_batch_is_received_while_one_is_in_work_but_no_more(
    sqs: HostileSQS,
) -> None:
    stopping = asyncio.Event()
    release = asyncio.Event()
    most_in_hand = 0

    async def handle(event: dict[str, Any]) -> None:
        await release.wait()

    def in_hand() -> int:
        return sum(message.receives > 0 for message in sqs.messages(QUEUE))

    running = await grown(sqs, handle, stopping)
    await send(sqs, *({"cognitoSub": str(n), "number": n} for n in range(50)))
    async with asyncio.timeout(5):
        while in_hand() < 20:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    most_in_hand = in_hand()
    release.set()
    stopping.set()
    await running

    assert most_in_hand == 20


async def test_a_new_consumer_holds_one_message_until_one_succeeds(sqs: HostileSQS) -> None:
    """Q-01: a message that kills its process again and again takes no others with it."""
    in_hand: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        await asyncio.sleep(0.03)
        in_hand.append(sum(message.receives > 0 for message in sqs.messages(QUEUE)))

    await send(sqs, *({"cognitoSub": str(n)} for n in range(50)))
    await consume_until(sqs, handle, lambda: not sqs.bodies(QUEUE), visibility_seconds=30)

    assert in_hand[0] == 1
    assert max(in_hand) > 4


async def batches_asked_for_after_messages_that_somebody_held(
    sqs: HostileSQS, record: RecordInMemory, *, failed_elsewhere: int
) -> set[int]:
    """Let a grown consumer receive twenty messages for the second time, of which so many have failed elsewhere."""
    stopping = asyncio.Event()
    asked: set[int] = set()
    receive = sqs.receive_message

    async def watch(**arguments: Any) -> Any:
        asked.add(arguments["MaxNumberOfMessages"])
        return await receive(**arguments)

    handled: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        handled.append(event["number"])
        if len(handled) == 20:
            stopping.set()

    running = await grown(sqs, handle, stopping, failures=record)
    sqs.receive_message = watch  # type: ignore[method-assign]
    await send(sqs, *({"cognitoSub": str(n), "number": n} for n in range(20)))
    for message in sqs.messages(QUEUE):
        message.receives = 1
    for message in sqs.messages(QUEUE)[:failed_elsewhere]:
        failed = FailedMessage(message.message_id, QUEUE, None, 1, "ValueError", utc_now())
        record.failed.append(failed)
    await running
    return asked


async def test_after_a_message_that_somebody_held_and_nobody_failed_one_at_a_time_is_received(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-01: whoever held it was killed, perhaps by it."""
    asked = await batches_asked_for_after_messages_that_somebody_held(
        sqs, record, failed_elsewhere=10
    )

    assert asked == {1}


async def test_after_messages_that_failed_at_another_consumer_as_many_are_received_as_before(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-06: poison that meets consumer after consumer slows none of them down."""
    asked = await batches_asked_for_after_messages_that_somebody_held(
        sqs, record, failed_elsewhere=20
    )

    assert asked == {MAX_BATCH}


async def test_while_nobody_knows_of_failures_one_at_a_time_is_received(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-01: the cautious answer, as when the database is away."""
    record.is_away = True
    asked = await batches_asked_for_after_messages_that_somebody_held(
        sqs, record, failed_elsewhere=20
    )

    assert asked == {1}


async def test_a_message_that_alone_reports_an_outage_ends_in_the_dead_letter_queue(
    sqs: HostileSQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-06, Q-08: it breaks its connection each time, and holds up nobody."""
    monkeypatch.setattr(outage, "BACKOFF_SECONDS", (0.01,))
    applied: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        if event["number"] == 0:
            raise DatabaseUnavailable("connection lost")
        applied.append(event["number"])

    async def is_available() -> bool:
        return True

    await send(sqs, *({"cognitoSub": str(n), "number": n} for n in range(30)))
    await consume_until(
        sqs,
        handle,
        lambda: sqs.bodies(DEAD_LETTERS) and not sqs.bodies(QUEUE),
        is_available=is_available,
    )

    assert sorted(applied) == list(range(1, 30))
    assert [body["number"] for body in sqs.bodies(DEAD_LETTERS)] == [0]


async def test_during_an_outage_one_asks_for_all_and_nothing_is_received(
    real_time_sqs: HostileSQS,
) -> None:
    """Q-08"""
    loop = asyncio.get_running_loop()
    back_at = loop.time() + 3.5
    asked: list[float] = []
    receives: list[float] = []
    applied: list[str] = []
    receive = real_time_sqs.receive_message

    async def is_available() -> bool:
        asked.append(loop.time())
        return loop.time() >= back_at

    async def handle(event: dict[str, Any]) -> None:
        if loop.time() < back_at:
            raise DatabaseUnavailable("connection refused")
        applied.append(event["cognitoSub"])

    async def count(**options: Any) -> Any:
        receives.append(loop.time())
        return await receive(**options)

    real_time_sqs.receive_message = count
    await send(real_time_sqs, *({"cognitoSub": str(n)} for n in range(40)))
    await consume_until(
        real_time_sqs, handle, lambda: len(applied) == 40, seconds=12, is_available=is_available
    )

    while_down = [at for at in receives if at < back_at]
    print(f"outage of 3.5 s: {len(while_down)} receives, {len(asked)} questions")  # noqa: T201
    assert real_time_sqs.bodies(DEAD_LETTERS) == []
    assert len(while_down) <= 3
    assert len(asked) <= 8, "at most two a second, whatever is in hand"


async def test_a_handler_that_never_ends_is_cancelled_and_its_message_fails(
    sqs: HostileSQS, record: RecordInMemory
) -> None:
    """Q-06"""

    async def handle(event: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    await send(sqs, {"cognitoSub": "a"})
    await consume_until(
        sqs,
        handle,
        lambda: sqs.bodies(DEAD_LETTERS),
        failures=record,
        longest_work_seconds=0.05,
    )

    assert [failed.reason for failed in record.failed] == ["WorkTooLong"] * 3


async def test_a_handler_that_cancels_itself_fails_its_message_and_nothing_else(
    sqs: HostileSQS,
) -> None:
    """Q-06"""
    applied: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        if event["number"] == 0:
            raise asyncio.CancelledError
        applied.append(event["number"])

    await send(sqs, *({"cognitoSub": "a", "number": n} for n in range(4)))
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS))

    assert sorted(applied) == [1, 2, 3]


async def test_a_last_receive_is_not_handed_back_but_finished(sqs: HostileSQS) -> None:
    """Q-09: handed back it would go to the dead-letter queue."""
    stopping = asyncio.Event()
    handled: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        stopping.set()
        await asyncio.sleep(0.02)
        handled.append(event["number"])

    running = await grown(sqs, handle, stopping)
    await send(sqs, *({"cognitoSub": "a", "number": n} for n in range(5)))
    for message in sqs.messages(QUEUE)[:2]:
        message.receives = 2
    await running

    assert sorted(handled) == [0, 1]
    assert sorted(body["number"] for body in sqs.bodies(QUEUE)) == [2, 3, 4]


async def test_work_that_outlasts_the_stop_is_cut_off_and_handed_back(
    sqs: HostileSQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Q-09"""
    monkeypatch.setattr(consumer, "FINISH_SECONDS", 0.1)
    stopping = asyncio.Event()

    async def handle(event: dict[str, Any]) -> None:
        stopping.set()
        await asyncio.sleep(30)

    await send(sqs, {"cognitoSub": "a"})
    async with asyncio.timeout(2):
        await Consumer(sqs, QUEUE, handle, visibility_seconds=30).run(stopping)

    assert len((await sqs.receive_message(QueueUrl=f"memory://{QUEUE}"))["Messages"]) == 1
