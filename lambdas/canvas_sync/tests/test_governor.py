"""C-01: calls in flight follow the allowance of the token."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from lambdas.canvas_sync.canvas.governor import Governor, Governors
from local_stack.canvas_sandbox.rate_limit import LeakyBucket
from shared.testing.clock import Clock


async def _answer_one(
    governor: Governor, remaining: float | None, *, throttled: bool = False
) -> None:
    async with governor.call() as call:
        call.remaining, call.was_throttled = remaining, throttled


async def _startable(governor: Governor, stack: AsyncExitStack) -> int:
    """Start calls until one would have to wait, and return how many there are."""
    count = 0
    while True:
        try:
            async with asyncio.timeout(0.005):
                await stack.enter_async_context(governor.call())
        except TimeoutError:
            return count
        count += 1


@pytest.mark.parametrize(
    ("remaining", "in_flight"),
    [
        (600, 8),
        (550, 8),
        (549, 7),
        (400, 5),
        (300, 3),
        (250, 2),
        (249, 1),
        (200, 1),
        (149, 1),
        (80, 1),
    ],
)
async def test_calls_in_flight_leave_a_quarter_of_the_allowance(
    remaining: float, in_flight: int
) -> None:
    """C-01: each reserves 50, never more than 8, one at a time below a quarter."""
    governor = Governor()
    await _answer_one(governor, remaining)
    async with AsyncExitStack() as stack:
        assert await _startable(governor, stack) == in_flight


async def test_the_first_call_is_alone_until_its_answer_says_what_is_left() -> None:
    """C-01: another function may have used the same token a second ago."""
    governor = Governor()
    async with AsyncExitStack() as stack:
        assert await _startable(governor, stack) == 1


async def test_an_answer_that_did_not_know_of_the_calls_in_flight_does_not_let_more_start() -> None:
    """C-01: answers overtake requests."""
    governor = Governor()
    await _answer_one(governor, 400)
    async with AsyncExitStack() as stack:
        assert await _startable(governor, stack) == 5
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(governor.call())
        await _answer_one(governor, 400)
        assert await _startable(governor, stack) == 1


async def test_a_throttled_call_leaves_one_at_a_time_and_each_success_allows_one_more() -> None:
    """C-01: adapts, whatever the allowance says."""
    governor = Governor()
    await _answer_one(governor, 600, throttled=True)
    async with AsyncExitStack() as stack:
        assert await _startable(governor, stack) == 1
    async with AsyncExitStack() as stack:
        assert await _startable(governor, stack) == 2


async def test_calls_refused_together_count_as_one_refusal() -> None:
    """C-05: otherwise the first burst would use up every try."""
    governor = Governor()
    await _answer_one(governor, 600)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            call = await stack.enter_async_context(governor.call())
            call.remaining, call.was_throttled = 600, True
    assert governor.refusals_in_a_row == 1

    await _answer_one(governor, 600, throttled=True)
    assert governor.refusals_in_a_row == 2

    await _answer_one(governor, 600)
    assert governor.refusals_in_a_row == 0


async def test_an_exhausted_allowance_pauses_until_one_call_fits_again() -> None:
    """C-01: a call that finds less than it reserves is refused."""
    clock = Clock(1_000.0)
    governor = Governor(clock)
    await _answer_one(governor, -25)
    async with AsyncExitStack() as stack:
        clock.now += 9.9
        assert await _startable(governor, stack) == 0
        clock.now += 0.2
        assert await _startable(governor, stack) == 1


async def test_answers_without_the_header_keep_eight_in_flight() -> None:
    governor = Governor()
    for _ in range(20):
        await _answer_one(governor, None)
    async with AsyncExitStack() as stack:
        assert await _startable(governor, stack) == 8


async def test_a_cancelled_wait_does_not_block_those_behind_it() -> None:
    governor = Governor()
    async with governor.call():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005), governor.call():
                pass
    async with asyncio.timeout(1), governor.call():
        pass


@pytest.mark.parametrize("level", [0, 150, 300, 400, 440])
async def test_a_real_bucket_never_refuses_and_keeps_its_quarter(level: int) -> None:
    """C-01: against Canvas's own arithmetic, with calls that cost something and answers that take turns."""
    bucket = LeakyBucket()
    for _ in range(level // 50):
        bucket.reserve()
    governor = Governor()
    lowest = 600.0
    refused = in_flight = most_in_flight = 0

    async def call(number: int) -> None:
        nonlocal lowest, refused, in_flight, most_in_flight
        async with governor.call() as current:
            await asyncio.sleep(0.001 * (number % 3))
            reservation = bucket.reserve()
            refused += reservation.is_refused
            in_flight += 1
            most_in_flight = max(most_in_flight, in_flight)
            if in_flight > 1:
                lowest = min(lowest, bucket.remaining)
            await asyncio.sleep(0.002 + 0.001 * (number % 5))
            reservation.settle(0.6)
            in_flight -= 1
            current.remaining = bucket.remaining
            await asyncio.sleep(0.001 * (number % 2))

    await asyncio.gather(*(call(number) for number in range(60)))

    print(  # noqa: T201
        f"\nC-01: {level} of 600 used up before: {refused} of 60 calls refused,"
        f" at most {most_in_flight} in flight, never below {lowest:.0f} with more than one"
    )
    assert refused == 0
    assert most_in_flight <= 8
    assert lowest >= 149


def test_synchronisations_of_one_token_share_its_allowance() -> None:
    """C-01: per token, not per synchronisation."""
    governors = Governors()
    governor = governors.of("token")

    assert governors.of("token") is governor
    assert governors.of("another token") is not governor
