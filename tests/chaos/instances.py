"""Two instances of each HTTP process beside a running stack, replaced one by one as ECS replaces tasks."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

from local_stack.children import ProcessIdentity
from local_stack.ports import LOOPBACK, free_port
from local_stack.processes import SERVICES
from local_stack.state_directory import StateDirectory, read_json
from tests.chaos.balancer import Balancer
from tests.chaos.forks import Process

INSTANCES = 2
SERVICE_NAMES = ("user_service", "course_service", "schedule_service")
MODULES = {service.name: service.module for service in SERVICES}

DEREGISTRATION_SECONDS = 1.0
"""Between a load balancer's last request to a gateway and SIGTERM: ECS waits for the one before the other."""

REMEMBERED_SECONDS = 0.5
"""After SIGTERM, how long callers remember a service's address: ECS does not wait for what is in caches of names. A
service takes connections for a second more (`shared.web.serving.LEAVING_SECONDS`), which a busy machine may need."""

READY_SECONDS = 60.0
"""An instance is ready within three seconds, on a crowded machine within half a minute."""

Environment = Mapping[str, str]


class Running(Protocol):
    """A process, as asyncio and `Process` have it."""

    @property
    def returncode(self) -> int | None:
        """Return its exit code once it has ended."""

    def send_signal(self, number: int, /) -> None:
        """Send a signal."""

    async def wait(self) -> int:
        """Wait until it has ended."""


Start = Callable[[str, Environment, Path], Awaitable[Running]]
"""Starts a module as a process of this environment with this log."""


async def spawn(module: str, environment: Environment, log: Path) -> Running:
    """Start a process as production does, with all that it has to import."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env=dict(environment), stdout=output, stderr=output
        )


async def fork(module: str, environment: Environment, log: Path) -> Running:
    """Start a process that has its imports already."""
    return Process(module, environment, log)


class NeverReady(Exception):
    """A new instance did not become ready; the old ones were left in place."""


class Instance:
    """One process on ports of its own."""

    def __init__(self, name: str, environment: Environment, log: Path, start: Start = fork) -> None:
        self.name = name
        self._start = start
        self.port = free_port()
        self.management_port = free_port()
        self._environment = {
            **environment,
            "PORT": str(self.port),
            "MANAGEMENT_PORT": str(self.management_port),
        }
        self._log = log
        self.process: Running
        self.client = httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{self.port}", timeout=30, trust_env=False
        )
        self._management = httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{self.management_port}", timeout=5, trust_env=False
        )

    async def start(self) -> None:
        """Start the process; does not wait until it works."""
        self.process = await self._start(MODULES[self.name], self._environment, self._log)

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    async def health(self, kind: str = "readiness") -> int | None:
        """Return the status of a health check, or None when there is no answer."""
        try:
            return (await self._management.get(f"/actuator/health/{kind}")).status_code
        except httpx.HTTPError:
            return None

    async def until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait for it.

        Raises:
            NeverReady: It ended, or the time is over.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.is_running:
                    if await self.health() == 200:
                        return
                    await asyncio.sleep(0.05)
        raise NeverReady(self.name)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.is_running:
            self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> tuple[int, float]:
        """Tell it to stop; returns its exit code and how many seconds it took."""
        began_at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = await self.process.wait()
        return code, time.monotonic() - began_at

    async def gone(self) -> None:
        """Wait until it has ended, and close what was used to talk to it."""
        await self.process.wait()
        await self.client.aclose()
        await self._management.aclose()


class Group:
    """The instances of one process behind one address, and what an orchestrator does with them."""

    def __init__(self, name: str, environment: Environment, log: Path, start: Start) -> None:
        self.name = name
        self._start = start
        self.balancer = Balancer()
        self.registered: list[Instance] = []
        self.stops: list[tuple[int, float]] = []
        """Exit code and seconds of each orderly stop."""
        self.refused: list[Instance] = []
        """Those that never became ready."""
        self.deaths = 0
        """How many died and were replaced."""
        self._environment = dict(environment)
        self._log = log
        self._all: list[Instance] = []
        self._turn = 0

    async def open(self) -> None:
        """Listen at the address; nothing is behind it yet."""
        await self.balancer.open()

    async def fill(self) -> None:
        """Start the instances side by side and wait until all are ready."""
        async with asyncio.TaskGroup() as group:
            for _ in range(INSTANCES):
                group.create_task(self._add(self._environment, READY_SECONDS))

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.balancer.port}"

    def next(self) -> Instance:
        """Return whose turn it is, as a load balancer takes turns."""
        self._turn += 1
        return self.registered[self._turn % len(self.registered)]

    async def replace_all(
        self, changes: Environment | None = None, *, ready_seconds: float = READY_SECONDS
    ) -> None:
        """Put a new instance in the place of each, one after the other, the new one first.

        Raises:
            NeverReady: The first new instance was not; everything is as it was.
        """
        release = {**self._environment, **(changes or {})}
        retiring: list[asyncio.Task[None]] = []
        for old in list(self.registered):
            await self._add(release, ready_seconds)
            retiring.append(asyncio.create_task(self._retire(old)))
        await asyncio.gather(*retiring)
        self._environment = release

    async def replace_dead(self) -> None:
        """Forget instances that have died, and start others."""
        dead = [each for each in self.registered if not each.is_running]
        for each in dead:
            self._deregister(each)
            await each.gone()
        for _ in dead:
            await self._add(self._environment, READY_SECONDS)
        self.deaths += len(dead)

    async def close(self) -> None:
        """End everything."""
        for instance in self._all:
            instance.kill()
            await instance.gone()
        await self.balancer.close()

    async def _add(self, environment: Environment, ready_seconds: float) -> None:
        instance = Instance(self.name, environment, self._log, self._start)
        await instance.start()
        self._all.append(instance)
        try:
            await instance.until_ready(ready_seconds)
        except NeverReady:
            self.refused.append(instance)
            instance.kill()
            await instance.gone()
            raise
        self.registered.append(instance)
        self.balancer.targets.append(instance.port)

    def _deregister(self, instance: Instance) -> None:
        self.registered.remove(instance)
        self.balancer.targets.remove(instance.port)

    async def _retire(self, instance: Instance) -> None:
        if self.name == "gateway":
            self._deregister(instance)
            await asyncio.sleep(DEREGISTRATION_SECONDS)
            stop = await instance.stop()
        else:
            stopping = asyncio.create_task(instance.stop())
            await asyncio.sleep(REMEMBERED_SECONDS)
            self._deregister(instance)
            stop = await stopping
        self.stops.append(stop)
        await instance.gone()


class Fleet:
    """All groups; the gateways reach the services through their groups' addresses."""

    def __init__(self, groups: dict[str, Group]) -> None:
        self.groups = groups
        self.gateways = groups["gateway"]

    async def replace_all(self, changes: Environment | None = None) -> None:
        """Replace every instance, one by one in each group, all groups side by side."""
        async with asyncio.TaskGroup() as replacing:
            for group in self.groups.values():
                replacing.create_task(group.replace_all(changes))


@asynccontextmanager
async def running_fleet(
    stack: Mapping[str, Any],
    directory: Path,
    changes: Environment | None = None,
    *,
    start: Start = fork,
) -> AsyncIterator[Fleet]:
    """Start two instances of each HTTP process, with the settings that the stack's own have.

    Args:
        stack: A running stack's `stack.json`.
        directory: For a log per process.
        changes: Settings that all of them get instead.
        start: How a process is started.
    """
    groups = {
        name: Group(name, environment_of(stack["pids"][name]), directory / f"{name}.log", start)
        for name in (*SERVICE_NAMES, "gateway")
    }
    try:
        for group in groups.values():
            await group.open()
        addresses = {f"{name.upper()}_URL": groups[name].url for name in SERVICE_NAMES}
        for group in groups.values():
            group._environment |= addresses | dict(changes or {})
        async with asyncio.TaskGroup() as starting:
            for group in groups.values():
                starting.create_task(group.fill())
        yield Fleet(groups)
    finally:
        for group in groups.values():
            await group.close()


async def described(directory: Path) -> dict[str, Any]:
    """Return a stack's `stack.json` of now, once every process in it runs: what was killed has another pid."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            found = read_json(StateDirectory(directory).stack_file)
            if found and all(map(ProcessIdentity.of, found["pids"].values())):
                return found
            await asyncio.sleep(0.1)


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment a process was started with (proc(5))."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return {"PATH": os.environ["PATH"], **dict(entry.split("=", 1) for entry in entries if entry)}
