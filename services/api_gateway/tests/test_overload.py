"""What becomes of calls that a service could not answer in time: refused at once, and never waited for."""

import asyncio
import contextlib
import time
from collections import Counter

from services.api_gateway.tests.conftest import StartSystem
from services.api_gateway.tests.doubles import Message
from services.api_gateway.upstream.admission import (
    ENOUGH,
    FEWEST,
    FIRST_LINE,
    LATE_SECONDS,
    LOOK_SECONDS,
    MOST,
    START,
    WAIT_SECONDS,
    Admission,
)
from services.api_gateway.upstream.errors import Overloaded
from shared.testing.clock import Clock

PATH = "/api/v1/todos"


def _filled(clock: Clock) -> Admission:
    admission = Admission(clock=clock)
    while admission.admits_at_once():
        pass
    return admission


def _answers(admission: Admission, clock: Clock, seconds: float, looks: int) -> None:
    """Answer in so many seconds, with another call behind each, for so many looks."""
    for _ in range(looks):
        clock.now += LOOK_SECONDS
        for _ in range(max(ENOUGH, admission.at_once)):
            admission.leave(seconds)
            while admission.admits_at_once():
                pass


def test_late_answers_let_fewer_calls_begin_and_quick_ones_more() -> None:
    """O-03: within two seconds to what a service answers in time, and back within eight."""
    clock = Clock()
    admission = _filled(clock)
    assert admission.at_once == START
    _answers(admission, clock, LATE_SECONDS * 2, looks=20)
    assert admission.at_once == FEWEST
    _answers(admission, clock, LATE_SECONDS / 2, looks=80)
    assert admission.at_once == MOST


def test_few_slow_calls_among_quick_ones_change_nothing() -> None:
    """O-03: a slow route is not an overload."""
    clock = Clock()
    admission = Admission(clock=clock)
    for number in range(1000):
        clock.now += LOOK_SECONDS
        assert admission.admits_at_once()
        admission.leave(LATE_SECONDS * 4 if number % 3 == 0 else LATE_SECONDS / 4)
    assert admission.at_once == START


async def _waiting_of(admission: Admission, newcomers: int) -> int:
    """Let calls come at once, and return how many of them waited; all end refused."""
    turns = [asyncio.create_task(admission.turn()) for _ in range(newcomers)]
    await asyncio.sleep(0)
    waiting = admission.waiting
    ended = await asyncio.gather(*turns, return_exceptions=True)
    assert all(isinstance(each, Overloaded) for each in ended)
    assert admission.waiting == 0
    return waiting


async def test_no_more_wait_than_get_their_turn_in_time() -> None:
    """O-03: whoever would only wait to be refused is refused at once, by how fast the service is while it is busy."""
    clock = Clock()
    admission = _filled(clock)
    assert await _waiting_of(admission, 2 * FIRST_LINE) == FIRST_LINE
    for answers_a_second in (200, 2000):
        for _ in range(answers_a_second):
            clock.now += 1 / answers_a_second
            admission.leave(LATE_SECONDS / 2)
            while admission.admits_at_once():
                pass
        in_time = answers_a_second * WAIT_SECONDS
        assert abs(await _waiting_of(admission, 400) - in_time) <= 1


async def test_line_stays_as_long_while_the_service_is_not_busy() -> None:
    """O-03: few answers because few ask say nothing about how fast it is."""
    clock = Clock()
    admission = Admission(clock=clock)
    for _ in range(1000):
        clock.now += LOOK_SECONDS
        assert admission.admits_at_once()
        admission.leave(0.01)
    while admission.admits_at_once():
        pass
    assert await _waiting_of(admission, 2 * FIRST_LINE) == FIRST_LINE


async def test_call_whose_client_left_is_not_waited_for() -> None:
    """O-03: its place in the line is free at once, and a turn that came as it left goes to the next."""
    admission = _filled(Clock())
    left, stays = (asyncio.create_task(admission.turn()) for _ in range(2))
    await asyncio.sleep(0)
    left.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await left
    assert admission.waiting == 1
    late = asyncio.create_task(admission.turn())
    await asyncio.sleep(0)
    admission.leave(0.01)
    stays.cancel()
    await asyncio.wait_for(late, WAIT_SECONDS / 2)


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
