"""Q-09: workers stopped one after another lose nothing, double nothing, and are gone in time."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from shared.events.routes import ASSIGNMENT_EVENTS
from tests.chaos.rolling import NOTHING_LOST_OR_DOUBLED, Rolling, finish, outcome
from tests.chaos.surroundings import COURSE, SCHEDULE, Surroundings, Worker, sync_message

LONGEST_STOP_SECONDS = 25.0
"""Five seconds before Fargate kills."""


def as_process_1() -> list[str] | None:
    """Return what to put before a command to run it as process 1 of its own, if this machine allows it."""
    prefix = ["unshare", "--pid", "--fork", "--kill-child"]
    if os.getuid() != 0:
        prefix[1:1] = ["--user", "--map-root-user"]
    if shutil.which("unshare") is None:
        return None
    return prefix if subprocess.run([*prefix, "true"], check=False).returncode == 0 else None


def only_child(pid: int) -> int:
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


async def stop_and_compare(place: Surroundings, *, stops: int, messages: int) -> None:
    rolling = Rolling(place, stops, messages, students=messages // 10, is_graceful=True, seed=2)
    await rolling.run()
    dead = await finish(place)
    found = await outcome(place, messages)
    slowest = max(ending.seconds for ending in rolling.endings)
    codes = Counter(ending.code for ending in rolling.endings)
    late = sum(ending.late_receives for ending in rolling.endings)
    print(
        f"\nQ-09: {len(rolling.endings)} rolling stops over {messages} messages: {found};"
        f" exit codes {dict(codes)}, slowest {slowest:.1f} s, {late} receives later than 1 s;"
        f" {dead} replayed from dead-letter queues"
    )
    assert len(rolling.endings) == stops
    assert found == NOTHING_LOST_OR_DOUBLED
    assert codes == {0: stops}
    assert slowest <= LONGEST_STOP_SECONDS
    assert late == 0
    assert dead <= messages // 100


@pytest.mark.chaos
async def test_fifty_rolling_stops_lose_and_double_nothing(surroundings: Surroundings) -> None:
    """Q-09"""
    await stop_and_compare(surroundings, stops=50, messages=1_000)


@pytest.mark.chaos
async def test_a_stop_hands_back_what_has_not_begun(surroundings: Surroundings) -> None:
    """Q-09: one student's messages queue up behind one in work, which a held row keeps there."""
    place, students = surroundings, 200
    # A new worker receives few at a time; after so many successes all seven.
    await place.send(ASSIGNMENT_EVENTS, [sync_message(n, students) for n in range(students)])
    worker = await place.started(COURSE)
    await place.until_applied(students)
    await place.until_quiet()
    worker.received.clear()
    async with place.student_held(0):
        await place.send(
            ASSIGNMENT_EVENTS, [sync_message(n * students, students) for n in range(1, 8)]
        )
        async with asyncio.timeout(90):
            while len(set(worker.received)) < 7:
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        stopping = asyncio.create_task(worker.stop())
        told_at = time.monotonic()
        while await place.visible(ASSIGNMENT_EVENTS) < 6:
            await asyncio.sleep(0.02)
            assert time.monotonic() < told_at + 10
        handed_back_after = time.monotonic() - told_at
    code, seconds = await stopping
    applied = place.count(COURSE, "SELECT COUNT(*) FROM assignments")
    print(
        f"\nQ-09: 6 unstarted messages visible again after {handed_back_after:.2f} s, the one in"
        f" work finished, exit {code} after {seconds:.1f} s"
    )
    assert handed_back_after < 1.5
    assert (code, applied) == (0, students + 1)


@pytest.mark.chaos
@pytest.mark.parametrize("module", [COURSE, SCHEDULE])
async def test_a_worker_that_is_process_1_stops(surroundings: Surroundings, module: str) -> None:
    """Q-09: in a process namespace of its own, as in a container."""
    prefix = as_process_1()
    if prefix is None:
        pytest.skip("this machine lets nobody make a process namespace")
    worker = Worker(surroundings, module)
    await worker.open()
    process = await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        "-m",
        module,
        env=worker.environment(),
        stdout=subprocess.DEVNULL,
    )
    async with asyncio.timeout(90):
        while not worker.receives_at:
            await asyncio.sleep(0.05)
    child = only_child(process.pid)
    began_at = time.monotonic()
    os.kill(child, signal.SIGTERM)
    code = await process.wait()
    seconds = time.monotonic() - began_at
    late = sum(at > began_at + 1 for at in worker.receives_at)
    print(f"\nQ-09: {module} as process 1: exit {code} after {seconds:.1f} s, {late} late receives")
    assert (code, late) == (0, 0)
    assert seconds <= LONGEST_STOP_SECONDS
