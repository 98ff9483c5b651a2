"""What runs within callbacks behaves as a task would, but for beginning at once."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from services.api_gateway.server.eager import Eager

_name: ContextVar[str] = ContextVar("name", default="outside")


class Started:
    """A coroutine that has been started, and whether it has ended."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.has_ended = False
        self.eager = Eager(coroutine, asyncio.get_running_loop(), self._note_end)
        self.eager.start()

    def _note_end(self) -> None:
        self.has_ended = True


async def _some_turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_need_not_wait_has_ended_at_once() -> None:
    async def work() -> None:
        seen.append("done")

    seen: list[str] = []
    assert Started(work()).has_ended
    assert seen == ["done"]


async def test_waits_for_futures_tasks_and_turns_of_the_loop() -> None:
    async def work() -> None:
        seen.append(await future)
        await asyncio.sleep(0)
        seen.append(await asyncio.create_task(inner()))

    async def inner() -> str:
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
        return "task"

    seen: list[str] = []
    future = asyncio.get_running_loop().create_future()
    started = Started(work())
    await _some_turns()
    assert not started.has_ended
    future.set_result("future")
    while not started.has_ended:
        await asyncio.sleep(0)
    assert seen == ["future", "task"]


@pytest.mark.parametrize("is_answered", [False, True], ids=["still waiting", "answered just then"])
async def test_cancel_reaches_what_waits(is_answered: bool) -> None:
    """G-07: a client that leaves ends its call, also in the moment of its answer."""

    async def work() -> None:
        try:
            await future
        except asyncio.CancelledError:
            seen.append("cancelled")
            # As when a connection is given back; a task would let it happen, too.
            await asyncio.sleep(0)
            seen.append("tidied up")
            raise

    seen: list[str] = []
    future = asyncio.get_running_loop().create_future()
    started = Started(work())
    if is_answered:
        future.set_result(None)
    started.eager.cancel()
    await _some_turns()
    assert seen == ["cancelled", "tidied up"]
    assert not started.has_ended


async def test_failure_is_logged_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError

    assert Started(work()).has_ended
    assert [record.message for record in caplog.records] == ["exchange_failed"]


async def test_variables_are_its_own_from_beginning_to_end() -> None:
    """S-07: a log line never carries the id of somebody else's request."""

    async def work() -> None:
        _name.set("inside")
        await future
        seen.append(_name.get())

    seen: list[str] = []
    future = asyncio.get_running_loop().create_future()
    Started(work())
    assert _name.get() == "outside"
    future.set_result(None)
    await _some_turns()
    assert seen == ["inside"]
    assert _name.get() == "outside"
