"""A gateway on a free port between recording services and a key server."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from services.api_gateway.process import GatewayProcess
from services.api_gateway.routes import ROUTES
from services.api_gateway.server.limits import Patience
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.tests.doubles import (
    CLIENT_ID,
    POOL_ID,
    Client,
    EndedSessions,
    SigningKey,
    Upstream,
    answer,
    id_claims,
    key_set,
    serving,
)

ALLOWED_ORIGIN = "https://planner.example.org"

QUICK_SECONDS = 0.4
"""What the tests' table lets a service take to answer; the real one is checked in test_routes."""

QUICK_PATIENCE = Patience(
    first_byte=1, head=0.6, body=1.2, stall=0.5, reading=1, lingering=0.3, draining=0.2
)
"""What the tests' clients get; the real one is checked in test_slow_clients."""


@dataclass
class System:
    """The gateway and everything around it."""

    client: Client
    user: Upstream
    course: Upstream
    schedule: Upstream
    keys: Upstream
    signing_key: SigningKey
    ended_sessions: EndedSessions

    @property
    def services(self) -> tuple[Upstream, ...]:
        return (self.user, self.course, self.schedule)

    @property
    def arrivals(self) -> int:
        return sum(len(service.requests) for service in self.services)

    def bearer(self, **claims: object) -> tuple[str, str]:
        return ("Authorization", f"Bearer {self.signing_key.token(id_claims(**claims))}")


StartSystem = Callable[..., contextlib.AbstractAsyncContextManager[System]]


def gateway_settings(system: dict[str, Upstream], **changes: object) -> GatewaySettings:
    values = {
        "environment": "local",
        "user_service_url": system["user"].url,
        "course_service_url": system["course"].url,
        "schedule_service_url": system["schedule"].url,
        "cognito_user_pool_id": POOL_ID,
        "cognito_client_ids": f"another-client, {CLIENT_ID}",
        "cognito_jwks_url": f"{system['keys'].url}/{POOL_ID}/.well-known/jwks.json",
        "cors_allowed_origin": ALLOWED_ORIGIN,
        **changes,
    }
    return GatewaySettings(**values)


@contextlib.asynccontextmanager
async def running_system(
    signing_key: SigningKey,
    answer_within_seconds: float = QUICK_SECONDS,
    ended_sessions: EndedSessions | None = None,
    patience: Patience = QUICK_PATIENCE,
    failures_to_open: int = 1_000_000,
    **changes: object,
) -> AsyncIterator[System]:
    async with contextlib.AsyncExitStack() as stack:
        parts = {
            name: await stack.enter_async_context(Upstream().listening())
            for name in ("user", "course", "schedule", "keys")
        }
        ended_sessions = ended_sessions or EndedSessions()
        parts["user"].background["/internal/v1/revocations"] = ended_sessions
        parts["keys"].answer = answer(key_set(signing_key.jwk()))
        routes = tuple(
            replace(route, answer_within_seconds=answer_within_seconds) for route in ROUTES
        )
        gateway = GatewayProcess(
            gateway_settings(parts, **changes),
            routes=routes,
            patience=patience,
            failures_to_open=failures_to_open,
        )
        port = await stack.enter_async_context(serving(gateway))
        yield System(Client(port), signing_key=signing_key, ended_sessions=ended_sessions, **parts)


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey()


@pytest.fixture(scope="session")
def other_key() -> SigningKey:
    """A good key that is not the pool's."""
    return SigningKey()


@pytest_asyncio.fixture(scope="session")
async def shared_system(signing_key: SigningKey) -> AsyncIterator[System]:
    async with running_system(signing_key) as system:
        yield system


@pytest.fixture
def system(shared_system: System) -> System:
    """The system, with nothing recorded and every service answering `{}`."""
    for service in shared_system.services:
        service.requests.clear()
        service.answer = answer()
        service.cut_off.clear()
        service.background.pop("/v3/api-docs", None)
    shared_system.ended_sessions.ended.clear()
    shared_system.ended_sessions.fails = False
    return shared_system


@pytest.fixture
def start_system(signing_key: SigningKey) -> StartSystem:
    """Start another system with other settings."""
    return lambda **changes: running_system(signing_key, **changes)


@pytest_asyncio.fixture(scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A private Redis; these tests are skipped where Debian's package is not installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is missing: run 'apt-get install redis-server'")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    directory = str(tmp_path_factory.mktemp("redis"))
    server = await asyncio.create_subprocess_exec(
        *command, "--dir", directory, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.02)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        await server.wait()
