"""What a person asks of the stack: run, up, down, status, logs, token, dlq."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from local_stack.children import ProcessIdentity
from local_stack.demo import API_PAGE_PATH, open_gateway, run_demo, sign_in
from local_stack.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from local_stack.errors import StackError
from local_stack.health import all_healthy
from local_stack.progress import say
from local_stack.state_directory import REPOSITORY, StateDirectory, read_json, write_private
from local_stack.supervisor import (
    RecordedProcess,
    end_recorded_processes,
    recorded_processes,
)

if TYPE_CHECKING:
    # The stack's imports take longer than most commands, which need none of them.
    from local_stack.stack import LocalStack

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

CONSUMING_SERVICES = ("course_service", "schedule_service")
"""Those that keep the reasons of failed messages."""

TAIL_LINES = 20
ERROR = "error: "
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(directory: StateDirectory) -> int:
    """Start the system, do the demo and stay until a signal; returns the exit code."""

    async def demonstrate(stack: "LocalStack") -> None:
        async with open_gateway(stack.gateway_url) as gateway:
            user = await run_demo(gateway, _described(directory)["canvas_token"])
        write_private(directory.token_file, f"{user.token}\n")
        say(f"token of the demo user: {directory.token_file} (`make token` renews it)")
        say("Ctrl-C stops everything")
        say(f"ready: {stack.gateway_url}{API_PAGE_PATH}")

    return asyncio.run(_supervise(directory, demonstrate))


def serve(directory: StateDirectory) -> int:
    """Be the supervisor that `up` starts in the background; returns the exit code."""

    async def do_nothing(_: "LocalStack") -> None:
        pass

    return asyncio.run(_supervise(directory, do_nothing))


async def _supervise(
    directory: StateDirectory, when_ready: Callable[["LocalStack"], Awaitable[None]]
) -> int:
    """Start a stack, keep it running until a signal, and end every process it started."""
    from local_stack.stack import LocalStack, port_offset

    stack = LocalStack(directory, port_offset())
    work = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def stop_once() -> None:
        for number in SIGNALS:
            loop.add_signal_handler(number, lambda: None)
        if work:
            work.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop_once)
    # The shell's AWS profile is not for the emulator.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    is_ready = False
    try:
        await stack.start()
        # What dies during the demo is restarted like at any other time.
        keeping = asyncio.create_task(stack.keep_running())
        try:
            await when_ready(stack)
            is_ready = True
            await keeping
        finally:
            keeping.cancel()
    except asyncio.CancelledError:
        return 0 if is_ready else INTERRUPTED
    finally:
        await stack.stop()
        say("stopped")
    return 0


def up(directory: StateDirectory) -> int:
    """Start the system in the background and return once it is healthy; a healthy one is left as it is."""
    if _supervisor(directory):
        _complain_unless_healthy(directory)
        print("already running")
        return 0
    directory.logs.mkdir(parents=True, exist_ok=True)
    log = directory.log_of("supervisor")
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "local_stack", "serve"],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    reported = 0
    try:
        while True:
            has_ended = server.poll() is not None
            described = read_json(directory.stack_file)
            lines = log.read_text().splitlines()
            if has_ended:
                errors = [line for line in lines if line.startswith(ERROR)]
                raise StackError(
                    errors[-1].removeprefix(ERROR) if errors else f"the supervisor ended; see {log}"
                )
            for line in lines[reported:]:
                if not line.startswith(ERROR):
                    say(line)
            reported = len(lines)
            if described and described["pids"]["supervisor"] == server.pid:
                print(f"ready: {described['gateway']}{API_PAGE_PATH}")
                return 0
            time.sleep(0.1)
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        return INTERRUPTED


def down(directory: StateDirectory) -> int:
    """Stop the system; nothing to do when nothing runs."""
    was_running = any(process.identity.is_running() for process in recorded_processes(directory))
    end_recorded_processes(directory)
    for path in (directory.stack_file, directory.token_file, directory.processes_file):
        path.unlink(missing_ok=True)
    print("stopped" if was_running else "nothing runs")
    return 0


def status(directory: StateDirectory) -> int:
    """Print every process with its pid and health; fails when one of a running stack is not healthy."""
    if not _supervisor(directory):
        print("nothing runs")
        return 0
    for process, state in _states(directory):
        print(f"{process.name:24} {process.identity.pid:>8}  {state}")
    _complain_unless_healthy(directory)
    return 0


def logs(directory: StateDirectory, name: str | None, *, follow: bool) -> int:
    """Print the newest log lines of one process or of all, and go on printing when asked to."""
    files = sorted(directory.logs.glob(f"{name or '*'}.log"))
    if not files:
        what = f"a process called {name}" if name else "any process"
        raise StackError(f"there is no log of {what} in {directory.logs}: start with `make up`")
    options = ["--lines", str(TAIL_LINES), *(["--follow"] if follow else [])]
    try:
        return subprocess.run(["tail", *options, *map(str, files)], check=False).returncode
    except KeyboardInterrupt:
        return 0


def token(directory: StateDirectory) -> int:
    """Sign the demo user in again and keep the new token."""
    gateway_url = _described(directory)["gateway"]

    async def renew() -> str:
        async with open_gateway(gateway_url) as gateway:
            return (await sign_in(gateway)).token

    write_private(directory.token_file, f"{asyncio.run(renew())}\n")
    print(directory.token_file)
    return 0


def dlq(directory: StateDirectory, arguments: argparse.Namespace) -> int:
    """See, replay and remove dead letters of the running system; returns the exit code."""
    from shared.messaging import dead_letters_command

    described = _described(directory)
    os.environ |= {
        "AWS_ENDPOINT_URL": described["aws"],
        "AWS_REGION": described["region"],
        "AWS_ACCESS_KEY_ID": described["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": described["aws_secret_access_key"],
    }
    # `list | head` ends quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    mysql = described["mysql"]
    server = f"mysql://{mysql['user']}:{mysql['password']}@{mysql['host']}:{mysql['port']}"
    return dead_letters_command.run(
        arguments, [f"{server}/{mysql['databases'][name]}" for name in CONSUMING_SERVICES]
    )


def _described(directory: StateDirectory) -> dict[str, Any]:
    described = read_json(directory.stack_file)
    # The file of a killed supervisor describes nothing that runs.
    if described is None or _supervisor(directory) is None:
        raise StackError("the system is not running: start it with `make up`")
    return described


def _supervisor(directory: StateDirectory) -> ProcessIdentity | None:
    """Return the supervisor of this directory if it runs."""
    for process in recorded_processes(directory):
        if process.name == "supervisor" and process.identity.is_running():
            return process.identity
    return None


def _states(directory: StateDirectory) -> list[tuple[RecordedProcess, str]]:
    async def state_of(process: RecordedProcess) -> str:
        if not process.identity.is_running():
            return "ended"
        return "healthy" if await all_healthy(process.health_checks) else "not healthy"

    async def ask() -> list[tuple[RecordedProcess, str]]:
        processes = recorded_processes(directory)
        return list(zip(processes, await asyncio.gather(*map(state_of, processes)), strict=True))

    return asyncio.run(ask())


def _complain_unless_healthy(directory: StateDirectory) -> None:
    ill = [process.name for process, state in _states(directory) if state != "healthy"]
    if not ill and directory.stack_file.exists():
        return
    what = f"{', '.join(ill)} not healthy" if ill else "still starting"
    raise StackError(f"the running stack is {what}: see `make logs`, or stop it with `make down`")
