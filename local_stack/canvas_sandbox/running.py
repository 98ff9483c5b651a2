"""Runs a sandbox beside the caller, for tests that need a real HTTP server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

from local_stack.canvas_sandbox.main import SandboxServer, create_sandbox, listen

START_SECONDS = 10.0


@contextmanager
def running_sandbox(app: Starlette | None = None) -> Iterator[str]:
    """Serve a sandbox on a free loopback port from a thread of its own, and end it afterwards.

    Args:
        app: What `create_sandbox` built; a default one unless given.

    Yields:
        The base URL, without `/api/v1`.

    Raises:
        TimeoutError: The server did not start.
    """
    listener = listen("127.0.0.1", 0)
    server = SandboxServer(app or create_sandbox())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    give_up_at = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > give_up_at:
            raise TimeoutError("the canvas sandbox did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()
