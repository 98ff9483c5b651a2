"""Starts processes, waits until they are healthy, restarts dead ones and ends them all."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from local_stack.children import ProcessIdentity, end_with_parent
from local_stack.errors import StackError
from local_stack.health import all_healthy
from local_stack.progress import say
from local_stack.state_directory import REPOSITORY, StateDirectory, read_json, write_private
from local_stack.together import together

RESTART_AFTER_SECONDS = 1.0
HEALTHY_TIMEOUT_SECONDS = 60.0
"""A process needs one to three seconds; a machine that compiles everything anew, more."""

STOP_PATIENCE_SECONDS = 10.0
"""A worker finishes its message, a server its requests; what takes longer is killed."""

POLL_SECONDS = 0.1


async def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Process:
    """One process of the stack: how it is started and how it shows that it is healthy."""

    name: str
    command: tuple[str, ...]
    environment: Callable[[], Mapping[str, str]] = dict
    """Asked at every start, because some settings change when the emulator starts anew."""
    health_checks: tuple[str, ...] = ()
    patience_seconds: float = STOP_PATIENCE_SECONDS
    """How long it may take to end; less for what has nothing to finish."""
    when_restarted: Callable[[], Awaitable[None]] = field(default=_nothing)
    """Run when the process is healthy again, to give it back what it kept in memory only."""


class _Child:
    """A process of the table and what runs for it now."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.popen: subprocess.Popen[bytes]
        self.identity: ProcessIdentity | None = None
        self.restart_at: float | None = None

    def has_ended(self) -> bool:
        return self.popen.poll() is not None

    async def ended(self, *, timeout_seconds: float) -> None:
        """Return when the process has ended, or when the time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not self.has_ended() and time.monotonic() < deadline:  # noqa: ASYNC110 - Popen has no event
            await asyncio.sleep(POLL_SECONDS / 2)


class Supervisor:
    """Owns the child processes of one stack; records each in the state directory as it starts."""

    def __init__(
        self,
        directory: StateDirectory,
        *,
        on_change: Callable[[], None] = lambda: None,
        healthy_timeout_seconds: float = HEALTHY_TIMEOUT_SECONDS,
    ) -> None:
        self._directory = directory
        self._on_change = on_change
        self._healthy_timeout_seconds = healthy_timeout_seconds
        self._children: dict[str, _Child] = {}
        self._restarts: set[asyncio.Task[None]] = set()

    def pids(self) -> dict[str, int]:
        """Return the current pid of every process, and our own."""
        running = {name: child.popen.pid for name, child in self._children.items()}
        return {**running, "supervisor": os.getpid()}

    async def start(self, *processes: Process) -> None:
        """Start processes side by side and return when all are healthy.

        Raises:
            StackError: One ended or did not become healthy; the message has its own last words.
        """
        children = [_Child(process) for process in processes]
        for child in children:
            self._spawn(child)
        await together(*(self._until_healthy(child) for child in children))

    async def run(self, process: Process) -> None:
        """Run a process that ends by itself.

        Raises:
            StackError: It failed; the message has its own last words.
        """
        child = _Child(process)
        self._spawn(child)
        await child.ended(timeout_seconds=self._healthy_timeout_seconds)
        await self.stop(process.name)
        if child.popen.returncode != 0:
            raise StackError(self._last_words(child))

    async def keep_running(self) -> None:
        """Restart whatever dies, one second later, for ever."""
        while True:
            for child in list(self._children.values()):
                if not child.has_ended():
                    continue
                if child.restart_at is None:
                    code = child.popen.returncode
                    say(f"{child.process.name} ended with code {code}, restarting")
                    child.restart_at = time.monotonic() + RESTART_AFTER_SECONDS
                elif time.monotonic() >= child.restart_at:
                    self._restart(child)
            await asyncio.sleep(POLL_SECONDS)

    def end_to_restart(self, *names: str) -> None:
        """Ask processes to end, so that they are started again with their environment of now."""
        for name in names:
            self._children[name].popen.terminate()

    async def stop(self, *names: str) -> None:
        """End processes, all of them when none is named; those that started last end first."""
        if not names:
            for task in self._restarts:
                task.cancel()
        chosen = [child for name, child in self._children.items() if not names or name in names]
        for child in reversed(chosen):
            if not child.has_ended():
                child.popen.terminate()
        asked_at = time.monotonic()
        for child in reversed(chosen):
            deadline = asked_at + child.process.patience_seconds
            await child.ended(timeout_seconds=deadline - time.monotonic())
            self._kill_group(child)
            child.popen.wait()
            del self._children[child.process.name]
        self._record()

    def _spawn(self, child: _Child) -> None:
        process = child.process
        child.restart_at = None
        with self._directory.log_of(process.name).open("ab") as log:
            child.popen = subprocess.Popen(
                process.command,
                cwd=REPOSITORY,
                env=dict(process.environment()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal reaches the supervisor only, which ends the others in order.
                start_new_session=True,
                preexec_fn=end_with_parent(),  # noqa: PLW1509 - one prctl call
            )
        child.identity = ProcessIdentity.of(child.popen.pid)
        self._children[process.name] = child
        self._record()

    def _restart(self, child: _Child) -> None:
        self._kill_group(child)
        self._spawn(child)
        self._on_change()
        task = asyncio.create_task(self._finish_restart(child))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _finish_restart(self, child: _Child) -> None:
        try:
            await self._until_healthy(child)
            await child.process.when_restarted()
        except Exception as problem:
            # Not worth ending the stack for: if the process dies again, it is restarted again.
            say(f"restarting {child.process.name}: {problem}")
        self._on_change()

    async def _until_healthy(self, child: _Child) -> None:
        name = child.process.name
        deadline = time.monotonic() + self._healthy_timeout_seconds
        while not await all_healthy(child.process.health_checks):
            if child.has_ended():
                raise StackError(self._last_words(child))
            if time.monotonic() > deadline:
                log = self._directory.log_of(name)
                raise StackError(
                    f"{name} is not healthy after {self._healthy_timeout_seconds:.0f} s: see {log}"
                )
            await asyncio.sleep(POLL_SECONDS)

    def _last_words(self, child: _Child) -> str:
        """Return the `error:` line a process ended with, or where to look when it left none."""
        name, log = child.process.name, self._directory.log_of(child.process.name)
        errors: list[str] = re.findall(r"^error: (.+)$", log.read_text(errors="replace"), re.M)
        reason = errors[-1] if errors else f"ended with code {child.popen.returncode}; see {log}"
        return f"{name}: {reason}"

    def _kill_group(self, child: _Child) -> None:
        """Kill what a process left behind: each is the leader of a group of its own."""
        with suppress(ProcessLookupError):
            os.killpg(child.popen.pid, signal.SIGKILL)

    def _record(self) -> None:
        """Note who runs, so that `status` can tell and `down` can end what a killed supervisor left."""
        own = ProcessIdentity.of(os.getpid())
        processes = {
            name: {
                "pid": child.identity.pid,
                "start_ticks": child.identity.start_ticks,
                "health_checks": child.process.health_checks,
            }
            for name, child in self._children.items()
            if child.identity
        }
        if own:
            processes["supervisor"] = {
                "pid": own.pid,
                "start_ticks": own.start_ticks,
                "health_checks": (),
            }
        write_private(self._directory.processes_file, json.dumps(processes, indent=2) + "\n")


@dataclass(frozen=True)
class RecordedProcess:
    """A process that some supervisor noted, whether or not it still runs."""

    name: str
    identity: ProcessIdentity
    health_checks: tuple[str, ...]


def recorded_processes(directory: StateDirectory) -> list[RecordedProcess]:
    """Return what the newest supervisor of a directory noted, itself last."""
    noted = read_json(directory.processes_file) or {}
    return [
        RecordedProcess(
            name,
            ProcessIdentity(entry["pid"], entry["start_ticks"]),
            tuple(entry["health_checks"]),
        )
        for name, entry in noted.items()
    ]


def end_recorded_processes(directory: StateDirectory) -> None:
    """End what still runs: first the supervisor, which ends its children, then what is left of them."""
    for process in reversed(recorded_processes(directory)):
        process.identity.end(patience_seconds=2 * STOP_PATIENCE_SECONDS)
