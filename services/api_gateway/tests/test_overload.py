"""What becomes of calls that a service could not answer in time: refused at once, and never waited for."""

import asyncio
import time
from collections import Counter

import pytest

from services.api_gateway.tests.conftest import StartSystem
from services.api_gateway.tests.doubles import Message
from services.api_gateway.upstream.admission import (
    ENOUGH,
    FEWEST,
    LATE_BELOW_SECONDS,
    LATE_SECONDS,
    LOOK_SECONDS,
    MOST,
    START,
    Admission,
)
from shared.testing.clock import Clock

PATH = "/api/v1/todos"


def _filled(clock: Clock) -> Admission:
    admission = Admission(clock=clock)
    _fill(admission)
    return admission


def _fill(admission: Admission) -> None:
    while not admission.is_full():
        admission.enter()


def _answers(admission: Admission, clock: Clock, seconds: float, looks: int) -> None:
    """Answer in so many seconds, with another call behind each, for so many looks."""
    for _ in range(looks):
        clock.now += LOOK_SECONDS
        for _ in range(max(ENOUGH, admission.at_once)):
            admission.leave(seconds)
            _fill(admission)


def test_late_answers_let_fewer_calls_begin_and_quick_ones_more() -> None:
    """O-03: within two seconds to what a service answers in time, and back within eight."""
    clock = Clock()
    admission = _filled(clock)
    assert admission.at_once == START
    _answers(admission, clock, LATE_SECONDS * 2, looks=20)
    assert admission.at_once == FEWEST
    _answers(admission, clock, LATE_SECONDS / 2, looks=80)
    assert admission.at_once == MOST


@pytest.mark.parametrize(
    ("seconds", "at_once"), [(LATE_BELOW_SECONDS * 0.9, START), (LATE_BELOW_SECONDS * 1.1, FEWEST)]
)
def test_a_burst_below_the_limit_may_take_longer(seconds: float, at_once: int) -> None:
    """O-03: a hundred calls on new connections are no overload."""
    clock = Clock()
    admission = Admission(clock=clock)
    for _ in range(100):
        clock.now += LOOK_SECONDS
        for _ in range(ENOUGH - 1):
            admission.enter()
        for _ in range(ENOUGH - 1):
            admission.leave(seconds)
    assert admission.at_once == at_once


def test_few_slow_calls_among_quick_ones_change_nothing() -> None:
    """O-03: a slow route is not an overload."""
    clock = Clock()
    admission = Admission(clock=clock)
    for number in range(1000):
        clock.now += LOOK_SECONDS
        assert not admission.is_full()
        admission.enter()
        admission.leave(LATE_SECONDS * 4 if number % 3 == 0 else LATE_SECONDS / 4)
    assert admission.at_once == START


async def test_sign_ins_that_wait_for_cognito_are_no_sign_of_load(
    start_system: StartSystem,
) -> None:
    """O-03: hundreds of them, each slower than a service that is not busy, leave room for the next."""

    async def wait_for_cognito(_: Message, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(LATE_SECONDS * 1.5)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with start_system(answer_within_seconds=5) as system:
        system.user.answer = wait_for_cognito
        for _ in range(6):
            answers = await asyncio.gather(
                *(system.client.send("POST", "/api/v1/auth/signin") for _ in range(START // 2))
            )
            assert {each.status for each in answers} == {200}


async def test_overloaded_service_refuses_quickly_and_stays_busy(start_system: StartSystem) -> None:
    """O-03: far more calls than it can take: the first are answered, the rest hear 503 with Retry-After in 0.1 s."""

    async def slow(_: Message, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2.5)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with start_system(answer_within_seconds=5) as system:
        bearer = system.bearer()
        await system.client.send("GET", PATH, [bearer])
        system.schedule.answer = slow
        began_at = time.monotonic()
        calls = [
            asyncio.create_task(system.client.send("GET", PATH, [bearer])) for _ in range(2 * START)
        ]
        ended, _ = await asyncio.wait(calls, timeout=2.0)
        answers = [call.result() for call in ended]
        assert time.monotonic() - began_at < 2.5
        assert [each.status for each in answers] == [503] * START
        assert all(each.one("retry-after") == "1" for each in answers)
        everything = Counter(each.status for each in await asyncio.gather(*calls))
        print(f"O-03: {dict(everything)} of {2 * START} at once")  # noqa: T201
        assert everything == {200: START, 503: START}
        assert (await system.client.send("GET", PATH, [bearer])).status == 200
