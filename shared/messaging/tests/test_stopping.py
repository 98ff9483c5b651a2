"""A process whose loop has ended does not look alive."""

import asyncio

import pytest

from shared.messaging.stopping import LoopEnded, run_until_stopped


async def forever(stopping: asyncio.Event) -> None:
    await stopping.wait()


async def test_loops_run_until_they_are_told_to_stop() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stopping.set)

    async with asyncio.timeout(1):
        await run_until_stopped(stopping, forever, forever)


async def test_a_loop_that_just_ends_is_an_error_and_ends_the_others() -> None:
    """O-05"""

    async def give_up(stopping: asyncio.Event) -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(1):
        with pytest.raises(ExceptionGroup) as problems:
            await run_until_stopped(asyncio.Event(), forever, give_up)

    assert problems.group_contains(LoopEnded)


async def test_a_loop_that_fails_ends_the_others() -> None:
    """O-05"""

    async def fail(stopping: asyncio.Event) -> None:
        raise ZeroDivisionError

    async with asyncio.timeout(1):
        with pytest.raises(ExceptionGroup) as problems:
            await run_until_stopped(asyncio.Event(), forever, fail)

    assert problems.group_contains(ZeroDivisionError)
