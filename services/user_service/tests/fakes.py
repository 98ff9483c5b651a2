"""Doubles of what user_service talks to: user pool, Canvas, the function, other services; and a loopback server."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
from shared.web.errors import Unavailable

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
        self.sessions: dict[str, tuple[str, int]] = {}
        """Whose a refresh token is, and when that session began."""
        self.sessions_opened = 0
        self.ignores_sign_out = False
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
        self.sessions_opened += 1
        refresh_token = f"refresh-{self.sessions_opened}"
        self.sessions[refresh_token] = (user.cognito_sub, int(time.time()))
        return self._session(refresh_token)

    async def refresh(self, refresh_token: str) -> PoolSession:
        await self._answer("refresh")
        if refresh_token not in self.sessions:
            raise WrongCredentials
        return self._session(refresh_token)

    async def sign_out(self, cognito_sub: str) -> None:
        await self._answer("sign_out")
        if not self.ignores_sign_out:
            self.sessions = {k: v for k, v in self.sessions.items() if v[0] != cognito_sub}

    async def delete(self, cognito_sub: str) -> None:
        await self._answer("delete")
        self.users = {k: v for k, v in self.users.items() if v.cognito_sub != cognito_sub}
        self.sessions = {k: v for k, v in self.sessions.items() if v[0] != cognito_sub}

    def _session(self, refresh_token: str) -> PoolSession:
        sub, began_at = self.sessions[refresh_token]
        return PoolSession(sub, began_at, "access", refresh_token, "id", 3600, "Bearer")

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


@dataclass
class FakeService:
    """A service that keeps data of groups and users; unavailable while `is_away`."""

    is_away: bool = False
    while_deleting: Callable[[], Awaitable[None]] | None = None
    deleted_groups: list[int] = field(default_factory=list)
    deleted_users: list[tuple[str, dict[int, str]]] = field(default_factory=list)

    async def delete_group_data(self, group_id: int) -> None:
        await self._answer()
        self.deleted_groups.append(group_id)

    async def delete_user_data(self, cognito_sub: str, group_owners: Mapping[int, str]) -> None:
        await self._answer()
        self.deleted_users.append((cognito_sub, dict(group_owners)))

    async def _answer(self) -> None:
        if self.while_deleting is not None:
            await self.while_deleting()
        if self.is_away:
            raise Unavailable


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
