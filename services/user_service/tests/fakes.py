"""Doubles of what user_service talks to: a user pool, Canvas, the function, and a server on loopback."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import uvicorn

from services.user_service.auth.user_pool import (
    PasswordBreaksPolicy,
    PoolRefused,
    PoolSession,
    PoolUnavailable,
    UsernameTaken,
    UserNotConfirmed,
    WrongCredentials,
)
from services.user_service.integrations.canvas import CanvasProfile, SyncCounts, SyncMode

POLICY = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d).{8,}", re.DOTALL)


@dataclass
class PoolUser:
    cognito_sub: str
    password: str
    is_confirmed: bool = False
    is_disabled: bool = False


class FakeUserPool:
    """A user pool in memory; `unavailable` names the calls that fail."""

    def __init__(self) -> None:
        self.users: dict[str, PoolUser] = {}
        self.unavailable: set[str] = set()
        self.refused: set[str] = set()

    async def sign_up(self, *, email: str, password: str, name: str) -> str:
        await self._answer("sign_up")
        if email in self.users:
            raise UsernameTaken
        if not POLICY.fullmatch(password):
            raise PasswordBreaksPolicy
        self.users[email] = PoolUser(str(uuid4()), password)
        return self.users[email].cognito_sub

    async def confirm(self, email: str) -> None:
        await self._answer("confirm")
        self.users[email].is_confirmed = True

    async def sign_in(self, *, email: str, password: str) -> PoolSession:
        await self._answer("sign_in")
        user = self.users.get(email)
        if user is not None and user.is_disabled:
            raise PoolRefused
        if user is None or user.password != password:
            raise WrongCredentials
        if not user.is_confirmed:
            raise UserNotConfirmed
        return PoolSession(user.cognito_sub, "access", "refresh", "id", 3600, "Bearer")

    async def delete(self, email: str) -> None:
        await self._answer("delete")
        self.users.pop(email, None)

    async def _answer(self, operation: str) -> None:
        await asyncio.sleep(0)
        if operation in self.unavailable:
            raise PoolUnavailable
        if operation in self.refused:
            raise PoolRefused


class FakeCanvas:
    """Knows the owners of tokens; raises `failure` instead when it is set."""

    def __init__(self) -> None:
        self.profile = CanvasProfile("4711", "hong@univ.example")
        self.failure: Exception | None = None
        self.asked: list[str] = []

    async def read_profile(self, token: str) -> CanvasProfile:
        self.asked.append(token)
        if self.failure is not None:
            raise self.failure
        return self.profile


class FakeCanvasSync:
    """Counts invocations; raises `failure` instead of answering when it is set."""

    def __init__(self) -> None:
        self.counts = SyncCounts(2, 7, "2026-11-20T03:04:05.678901")
        self.failure: Exception | None = None
        self.invoked: list[tuple[str, SyncMode]] = []
        self.while_running: Any = None

    async def sync(self, cognito_sub: str, mode: SyncMode) -> SyncCounts:
        self.invoked.append((cognito_sub, mode))
        if self.while_running is not None:
            await self.while_running()
        if self.failure is not None:
            raise self.failure
        return self.counts


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port of loopback and yield its base URL."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none")
    )
    server.config.timeout_graceful_shutdown = 1
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
