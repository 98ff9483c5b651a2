"""What the consumer promises, on the hostile queue."""

import asyncio
from collections import Counter
from typing import Any

import orjson
import pytest

from shared.events.routes import ASSIGNMENT_EVENTS
from shared.logging import correlation_id
from shared.messaging.consumer import Consumer, FailedMessage, MalformedMessage, Unavailable
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues
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


async def send(sqs: HostileSQS, *events: Any) -> None:
    await Publisher(sqs).send(QUEUE, [orjson.dumps(event) for event in events])


async def consume_until(
    sqs: HostileSQS, handle: Any, done: Any, seconds: float = 8, **options: Any
) -> None:
    stopping = asyncio.Event()
    consumer = Consumer(sqs, QUEUE, handle, visibility_seconds=1, long_poll_seconds=1, **options)
    running = asyncio.create_task(consumer.run(stopping))
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)
    stopping.set()
    await running


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
    await consume_until(sqs, handle, lambda: sqs._queues[DEAD_LETTERS].messages)

    assert sqs._queues[DEAD_LETTERS].messages[0].body == body.decode()


async def test_each_failed_receive_is_told_with_its_count_and_nothing_of_the_body(
    sqs: HostileSQS,
) -> None:
    """Q-06, S-07"""
    told: list[FailedMessage] = []

    async def handle(event: dict[str, Any]) -> None:
        raise ValueError(f"cannot apply {event}")

    async def note(failed: FailedMessage) -> None:
        told.append(failed)

    await send(sqs, {"cognitoSub": "a-student", "eventType": "NUMBERED"})
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS), on_failure=note)

    assert [failed.receive_count for failed in told] == [1, 2, 3]
    assert {(failed.queue_name, failed.event_type, failed.reason) for failed in told} == {
        (QUEUE, "NUMBERED", "ValueError")
    }
    assert {failed.message_id for failed in told} == {
        sqs._queues[DEAD_LETTERS].messages[0].message_id
    }


async def test_a_malformed_body_is_told_with_what_is_wrong_with_it(sqs: HostileSQS) -> None:
    """Q-06"""
    told: list[FailedMessage] = []

    async def handle(event: dict[str, Any]) -> None:
        pytest.fail("such a body has no event to handle")

    async def note(failed: FailedMessage) -> None:
        told.append(failed)

    await Publisher(sqs).send(QUEUE, [b"not json"])
    await consume_until(sqs, handle, lambda: len(told) == 3, on_failure=note)

    assert {failed.reason for failed in told} == {"MalformedMessage: not JSON"}


async def test_an_error_while_telling_of_a_failure_disturbs_nothing(sqs: HostileSQS) -> None:
    """Q-05"""
    applied: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        if event["number"] == 0:
            raise ValueError
        applied.append(event["number"])

    async def note(failed: FailedMessage) -> None:
        raise OSError("no place to keep it")

    await send(sqs, *({"cognitoSub": "a", "number": n} for n in range(4)))
    await consume_until(sqs, handle, lambda: sqs.bodies(DEAD_LETTERS), on_failure=note)

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

    await send(sqs, *({"cognitoSub": "a", "number": n} for n in range(5)))
    await Consumer(sqs, QUEUE, handle, visibility_seconds=30, long_poll_seconds=1).run(stopping)
    handed_back = await sqs.receive_message(QueueUrl=f"memory://{QUEUE}", MaxNumberOfMessages=10)

    numbers = [orjson.loads(message["Body"])["number"] for message in handed_back["Messages"]]
    assert sorted(handled + numbers) == [0, 1, 2, 3, 4]
    assert len(handled) == 1


async def test_an_idle_consumer_stops_at_once(sqs: HostileSQS) -> None:
    """Q-09: a long poll in progress is not waited for."""
    stopping = asyncio.Event()

    async def handle(event: dict[str, Any]) -> None:
        pytest.fail("nothing was sent")

    consumer = Consumer(sqs, QUEUE, handle, visibility_seconds=1, long_poll_seconds=10)
    running = asyncio.create_task(consumer.run(stopping))
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
