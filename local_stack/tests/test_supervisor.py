"""The supervisor with small stand-ins for the real processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local_stack.children import ProcessIdentity
from local_stack.errors import StackError
from local_stack.ports import free_port
from local_stack.state_directory import StateDirectory
from local_stack.supervisor import (
    Process,
    Supervisor,
    end_recorded_processes,
    recorded_processes,
)

HTTP_SERVER = """
import http.server, os
class Up(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Up).serve_forever()
"""


def http_process(name: str = "web") -> Process:
    port = free_port()
    return Process(
        name,
        (sys.executable, "-c", HTTP_SERVER),
        lambda: {"PORT": str(port)},
        (f"http://127.0.0.1:{port}/",),
    )


def script(name: str, source: str, **options) -> Process:
    return Process(name, (sys.executable, "-c", source), **options)


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    state = StateDirectory(tmp_path)
    state.clear()
    return state


@pytest.fixture
async def supervisor(directory: StateDirectory) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(directory, healthy_timeout_seconds=5)
    yield supervisor
    await supervisor.stop()


def identity_of(supervisor: Supervisor, name: str) -> ProcessIdentity:
    identity = ProcessIdentity.of(supervisor.pids()[name])
    assert identity is not None
    return identity


async def until(condition, *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_starting_returns_when_the_process_answers(supervisor: Supervisor) -> None:
    await supervisor.start(http_process())

    assert identity_of(supervisor, "web").is_running()


async def test_a_killed_process_is_restarted_after_a_second(supervisor: Supervisor) -> None:
    await supervisor.start(http_process())
    first = supervisor.pids()["web"]
    keeper = asyncio.create_task(supervisor.keep_running())

    os.kill(first, signal.SIGKILL)
    killed_at = time.monotonic()
    await until(lambda: supervisor.pids()["web"] != first)
    keeper.cancel()

    assert 0.9 < time.monotonic() - killed_at < 2.5


async def test_a_restarted_process_gets_its_memory_back(supervisor: Supervisor) -> None:
    reminded = asyncio.Event()
    web = http_process()

    async def remind() -> None:
        reminded.set()

    await supervisor.start(
        Process(web.name, web.command, web.environment, web.health_checks, when_restarted=remind)
    )
    keeper = asyncio.create_task(supervisor.keep_running())
    os.kill(supervisor.pids()["web"], signal.SIGKILL)

    await asyncio.wait_for(reminded.wait(), 10)
    keeper.cancel()


async def test_a_process_that_fails_at_the_start_passes_its_error_line_on(
    supervisor: Supervisor,
) -> None:
    failing = script(
        "user_service",
        "import sys; print('starting'); sys.exit('error: missing setting DATABASE_URL')",
        health_checks=("http://127.0.0.1:1/",),
    )

    with pytest.raises(StackError, match=r"^user_service: missing setting DATABASE_URL$"):
        await supervisor.start(failing)


async def test_a_process_that_dies_silently_is_named_with_its_log(
    supervisor: Supervisor, directory: StateDirectory
) -> None:
    silent = script("gateway", "raise SystemExit(3)", health_checks=("http://127.0.0.1:1/",))

    with pytest.raises(StackError) as problem:
        await supervisor.start(silent)

    assert str(problem.value) == f"gateway: ended with code 3; see {directory.log_of('gateway')}"


async def test_a_process_that_never_answers_is_an_error(directory: StateDirectory) -> None:
    supervisor = Supervisor(directory, healthy_timeout_seconds=0.3)
    try:
        with pytest.raises(StackError, match="mute is not healthy after"):
            await supervisor.start(
                script(
                    "mute", "import time; time.sleep(60)", health_checks=("http://127.0.0.1:1/",)
                )
            )
    finally:
        await supervisor.stop()


async def test_a_failed_migration_passes_its_error_line_on(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match=r"^user_service_migrate: the database"):
        await supervisor.run(
            script("user_service_migrate", "import sys; sys.exit('error: the database is gone')")
        )


async def test_stopping_ends_a_process_that_ignores_sigterm(directory: StateDirectory) -> None:
    supervisor = Supervisor(directory)
    await supervisor.start(
        script(
            "stubborn",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
            patience_seconds=0.2,
        )
    )
    identity = identity_of(supervisor, "stubborn")
    await asyncio.sleep(0.3)

    await supervisor.stop()

    assert not identity.is_running()


async def test_stopping_ends_what_a_process_started_itself(
    supervisor: Supervisor, directory: StateDirectory
) -> None:
    await supervisor.start(
        script(
            "parent",
            "import subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "print(child.pid, flush=True)\n"
            "child.wait()",
        )
    )
    log = directory.log_of("parent")
    await until(lambda: log.read_text().strip())
    grandchild = ProcessIdentity.of(int(log.read_text()))
    assert grandchild is not None

    await supervisor.stop()

    await until(lambda: not grandchild.is_running())


async def test_every_process_is_noted_from_the_moment_it_starts(
    supervisor: Supervisor, directory: StateDirectory
) -> None:
    await supervisor.start(http_process("web"), http_process("worker"))

    noted = {process.name: process.identity.pid for process in recorded_processes(directory)}

    assert noted == supervisor.pids()


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from local_stack.state_directory import StateDirectory
from local_stack.supervisor import Process, Supervisor
async def main():
    supervisor = Supervisor(StateDirectory(Path(sys.argv[1])))
    await supervisor.start(Process("sleeper", (sys.executable, "-c", sys.argv[2])))
    await supervisor.keep_running()
asyncio.run(main())
"""
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
)


async def killed_supervisor(directory: StateDirectory, source: str) -> ProcessIdentity:
    """Kill a supervisor the hard way; return who was its child."""
    command = [sys.executable, "-c", SUPERVISOR, str(directory.path), source]
    process = subprocess.Popen(command)  # noqa: ASYNC220 - a fork, no waiting
    await until(directory.processes_file.exists)
    await asyncio.sleep(0.5)
    child = recorded_processes(directory)[0].identity
    assert child.is_running()
    process.kill()
    process.wait()
    return child


async def test_no_process_outlives_a_killed_supervisor(directory: StateDirectory) -> None:
    child = await killed_supervisor(directory, "import time; time.sleep(60)")

    await until(lambda: not child.is_running(), seconds=2)


async def test_what_outlives_a_killed_supervisor_is_ended_by_its_recorded_pid(
    directory: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_stack.supervisor.STOP_PATIENCE_SECONDS", 0.1)
    child = await killed_supervisor(directory, IGNORES_SIGTERM)

    end_recorded_processes(directory)

    assert not child.is_running()


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(
    directory: StateDirectory,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        directory.processes_file.write_text(
            json.dumps({"gateway": {"pid": other.pid, "start_ticks": 1, "health_checks": []}})
        )

        end_recorded_processes(directory)

        assert other.poll() is None
        other.kill()
