"""O-05 as a story: students read while instances die, the database is restarted and the broker is away."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.chaos.instances import Fleet, running_fleet
from tests.chaos.load import READS, Load, sign_up
from tests.chaos.proxy import Proxy

PER_SECOND = 50
WATCH_SECONDS = 0.2
"""How soon a dead instance is seen and another started; ECS takes seconds, and has two of each meanwhile."""

BROKER_AWAY_SECONDS = 3.0


@dataclass(frozen=True)
class Availability:
    """How many reads succeeded, and what was done meanwhile."""

    reads: int
    failures: dict[str, int]
    killed: dict[str, int]
    replaced: int

    @property
    def share(self) -> float:
        return 1 - sum(self.failures.values()) / self.reads


async def read_while_instances_die(
    stack: Mapping[str, Any], directory: Path, *, seconds: float, kill_every_seconds: float
) -> Availability:
    """Kill (-9) one instance after another; restart database and broker once each on the way.

    The broker is all of AWS that the processes call; where gateways get their keys is left alone.
    """
    student = await sign_up(stack)
    broker = Proxy(urlsplit(stack["aws"]).port or 80)
    await broker.open()
    killed: Counter[str] = Counter()
    try:
        changes = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{broker.port}"}
        async with running_fleet(stack, directory, changes) as fleet:
            watching = asyncio.create_task(_replace_dead(fleet))
            async with Load(fleet.gateways, student, PER_SECOND, writes=False) as load:
                ends_at = time.monotonic() + seconds
                restarts = [_restart_database(stack), _restart_broker(broker)]
                await asyncio.sleep(kill_every_seconds / 2)
                while time.monotonic() < ends_at:
                    killed[_kill_one(fleet)] += 1
                    await asyncio.sleep(kill_every_seconds / 2)
                    if restarts:
                        await restarts.pop()
                    await asyncio.sleep(kill_every_seconds / 2)
            watching.cancel()
            await asyncio.wait({watching})
            replaced = sum(group.deaths for group in fleet.groups.values())
    finally:
        await broker.close()
    return Availability(
        reads=len(load.results),
        failures=dict(Counter(result.what for result in load.failed())),
        killed=dict(killed),
        replaced=replaced,
    )


def _kill_one(fleet: Fleet) -> str:
    """Kill an instance that has a partner."""
    groups = [group for group in fleet.groups.values() if len(group.registered) > 1]
    group = random.choice(groups)
    random.choice(group.registered).kill()
    return group.name


async def _replace_dead(fleet: Fleet) -> None:
    async def of_one(name: str) -> None:
        while True:
            await fleet.groups[name].replace_dead()
            await asyncio.sleep(WATCH_SECONDS)

    async with asyncio.TaskGroup() as group:
        for name in fleet.groups:
            group.create_task(of_one(name))


async def _restart_database(stack: Mapping[str, Any]) -> None:
    """End it as a power cut would; the stack starts it again a second later."""
    os.kill(stack["pids"]["mysql"], signal.SIGKILL)


async def _restart_broker(broker: Proxy) -> None:
    await broker.close()
    await asyncio.sleep(BROKER_AWAY_SECONDS)
    await broker.open()


async def seconds_to_recover(stack: Mapping[str, Any], name: str) -> float:
    """Kill (-9) one of the stack's own single processes; returns how long students or operators miss it."""
    student = await sign_up(stack)
    path = {"user_service": READS[0], "schedule_service": READS[1], "course_service": READS[2]}
    async with httpx.AsyncClient(base_url=stack["gateway"], timeout=5, trust_env=False) as client:
        os.kill(stack["pids"][name], signal.SIGKILL)
        killed_at = time.monotonic()
        while True:
            await asyncio.sleep(0.05)
            try:
                answer = await client.get(path.get(name, READS[0]), headers=student.headers)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                return time.monotonic() - killed_at
