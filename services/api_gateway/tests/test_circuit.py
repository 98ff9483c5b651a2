"""How a failing service is left alone, found again, and not made worse by second tries."""

import asyncio

import pytest

from services.api_gateway.tests.conftest import StartSystem
from services.api_gateway.tests.doubles import answer, reset
from services.api_gateway.upstream.circuit import FAILURES_TO_OPEN, OPEN_SECONDS, Circuit
from services.api_gateway.upstream.errors import CircuitOpen
from services.api_gateway.upstream.retry_budget import RetryBudget
from shared.testing.clock import Clock

PATH = "/api/v1/todos"


def _admits(circuit: Circuit) -> bool:
    try:
        circuit.admit()
    except CircuitOpen:
        return False
    return True


def test_figures_are_those_of_the_property() -> None:
    """G-07: open after at most 20 failures, closed within 30 s of recovery."""
    assert FAILURES_TO_OPEN <= 20
    assert OPEN_SECONDS <= 30


def test_open_circuit_lets_one_call_through_at_a_time() -> None:
    """G-07: one success closes it; a try that never ends does not keep it open."""
    clock = Clock()
    circuit = Circuit(failures_to_open=3, open_seconds=5, clock=clock)
    for _ in range(3):
        assert _admits(circuit)
        circuit.failed()
    assert not _admits(circuit)
    clock.now = 5.0
    assert [_admits(circuit) for _ in range(3)] == [True, False, False]
    clock.now = 10.0
    assert _admits(circuit)
    circuit.succeeded()
    assert [_admits(circuit) for _ in range(3)] == [True] * 3


def test_service_that_answers_now_and_then_stays_reachable() -> None:
    """G-07: only failures in a row open it."""
    circuit = Circuit(failures_to_open=3)
    for _ in range(100):
        circuit.failed()
        circuit.failed()
        circuit.succeeded()
    assert _admits(circuit)


def test_second_tries_are_a_tenth_at_most() -> None:
    """G-08: of a thousand failing calls in a row, with what was saved before."""
    budget = RetryBudget()
    spent = 0
    for _ in range(1000):
        budget.earn()
        spent += budget.spend()
    assert spent <= 100


async def test_failing_service_is_left_alone_and_found_again(start_system: StartSystem) -> None:
    """G-07: 503 with Retry-After without a call; the others go on; after recovery the next try closes it."""
    async with start_system(failures_to_open=10) as system:
        bearer = system.bearer()
        system.schedule.answer = reset
        first = [await system.client.send("POST", PATH, [bearer]) for _ in range(30)]
        assert {response.status for response in first} == {503}
        arrived = len(system.schedule.requests)
        print(f"G-07: {arrived} of 30 calls reached the failing service")  # noqa: T201
        assert arrived == 10
        assert 1 <= int(first[-1].one("retry-after") or 0) <= OPEN_SECONDS
        assert set(first[-1].json()) == {"error"}
        assert (await system.client.send("GET", "/api/v1/courses", [bearer])).status == 200
        system.schedule.answer = answer()
        async with asyncio.timeout(OPEN_SECONDS + 2):
            while (await system.client.send("GET", PATH, [bearer])).status != 200:
                await asyncio.sleep(0.1)
        answers = await asyncio.gather(
            *(system.client.send("GET", PATH, [bearer]) for _ in range(5))
        )
        assert {response.status for response in answers} == {200}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_outage_sees_few_second_tries(start_system: StartSystem, method: str) -> None:
    """G-08: with a circuit that never opens, GETs cost a tenth more at most, everything else nothing."""
    async with start_system() as system:
        system.schedule.answer = reset
        for _ in range(200):
            assert (await system.client.send(method, PATH, [system.bearer()])).status == 503
        arrived = len(system.schedule.requests)
        print(f"G-08: {arrived} arrivals of 200 {method}")  # noqa: T201
        assert arrived <= (220 if method == "GET" else 200)
