"""Puts the sandbox together and runs it as a process."""

import errno
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import date

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from local_stack.canvas_sandbox import canvas_api, control_api
from local_stack.canvas_sandbox.canvas_gate import CanvasGate
from local_stack.canvas_sandbox.sandbox import Sandbox
from local_stack.canvas_sandbox.semester import (
    DEFAULT_ASSIGNMENTS_PER_COURSE,
    DEFAULT_COURSES,
    DEFAULT_SEED,
    Shape,
)
from local_stack.canvas_sandbox.settings import SandboxSettings
from shared.settings import exit_with_error, load_settings

KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep idle connections, so none is closed in a client's face."""

STOP_SECONDS = 2
"""How long a client may take to read its answer after SIGTERM."""


def create_sandbox(
    seed: int = DEFAULT_SEED,
    *,
    courses: int = DEFAULT_COURSES,
    assignments_per_course: int = DEFAULT_ASSIGNMENTS_PER_COURSE,
    description_bytes: int | None = None,
    today: date | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """Build a sandbox as an ASGI application; its state is `app.state.sandbox`.

    Args:
        seed: Which semester to make up.
        courses: Courses besides the one that is restricted by date.
        assignments_per_course: Assignments in each of them.
        description_bytes: Size of every description in UTF-8; natural sizes unless given.
        today: The day the semester lies around; the present one unless given.
        clock: Monotonic seconds, by which the throttling buckets leak.
    """
    shape = Shape(seed, courses, assignments_per_course, description_bytes)
    sandbox = Sandbox(shape, today=today, clock=clock)
    app = Starlette(
        routes=[*canvas_api.ROUTES, *control_api.ROUTES],
        middleware=[Middleware(CanvasGate, sandbox=sandbox)],
        exception_handlers={**canvas_api.REFUSALS, **control_api.REFUSALS},
    )
    app.router.redirect_slashes = False
    app.state.sandbox = sandbox
    return app


class SandboxServer(uvicorn.Server):
    """Ends at once: calls held back by injected latency are answered when it is told to stop."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._sandbox: Sandbox = app.state.sandbox

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of what is held back, then stop as usual."""
        self._sandbox.delays.let_go()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; port 0 takes a free one.

    Raises:
        OSError: The port is taken or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def run() -> None:
    """Serve until SIGTERM or SIGINT; a taken port ends the process with an `error:` line."""
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda *_: sys.exit(0))
    settings = load_settings(SandboxSettings)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            exit_with_error(
                f"port {settings.port} is taken: stop the process that listens on it, "
                "or set PORT to a free one"
            )
        exit_with_error(
            f"cannot listen on {settings.host} port {settings.port}: {problem.strerror}"
        )
    app = create_sandbox(settings.sandbox_seed)
    address = listener.getsockname()
    print(f"canvas sandbox on http://{settings.host}:{address[1]}", flush=True)
    SandboxServer(app).run(sockets=[listener])
