"""A real HTTP server on loopback whose answers a test writes."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from local_stack.canvas_sandbox.main import listen


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Server:
    """A real HTTP server on loopback whose answers a test writes; it remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.forget()

    def forget(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Response] = lambda call: Response(status_code=404)
        self.is_hanging = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        content = await request.body()
        path = scope["raw_path"].decode()
        call = Call(
            request.method, path, dict(request.headers), json.loads(content) if content else None
        )
        self.calls.append(call)
        while self.is_hanging:
            await asyncio.sleep(0.01)
        await self.answer(call)(scope, receive, send)


@contextmanager
def serve(app: Server) -> Iterator[Server]:
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield app
    finally:
        app.is_hanging = False
        server.should_exit = True
        thread.join(5)
        listener.close()
