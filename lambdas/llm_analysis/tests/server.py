"""A real HTTP server on loopback whose answers a test writes."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from shared.testing.loopback import served


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
    with served(app) as app.url:
        try:
            yield app
        finally:
            app.is_hanging = False
