"""Signing out on one device, seen from every gateway and from other students (J-05)."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.system.conftest import PASSWORD, Stack, until

REPOSITORY = Path(__file__).parents[2]

ME = "/api/v1/users/me"


@dataclass
class Account:
    """A student at the gateway, with the tokens of one session."""

    gateway: httpx.AsyncClient
    email: str
    id_token: str
    access_token: str
    refresh_token: str

    async def sign_in(self) -> "Account":
        """Open another session."""
        body = {"email": self.email, "password": PASSWORD}
        return _account(await self.gateway.post("/api/v1/auth/signin", json=body), self.gateway)

    async def sign_out(self) -> httpx.Response:
        return await self.gateway.post("/api/v1/auth/signout", headers=_bearer(self.id_token))

    async def refresh(self) -> httpx.Response:
        body = {"refreshToken": self.refresh_token}
        return await self.gateway.post("/api/v1/auth/refresh", json=body)

    async def statuses(self, gateway: httpx.AsyncClient) -> list[int]:
        """Return what each kind of token gets at a gateway."""
        tokens = (self.id_token, self.access_token)
        return [(await gateway.get(ME, headers=_bearer(token))).status_code for token in tokens]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _account(answer: httpx.Response, gateway: httpx.AsyncClient) -> Account:
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    tokens = (body["idToken"], body["accessToken"], body["refreshToken"])
    return Account(gateway, body["email"], *tokens)


SignUpAlone = Callable[[], Awaitable[Account]]


@pytest.fixture
async def gateway(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack["gateway"], timeout=20) as client:
        yield client


@pytest.fixture
def new_account(gateway: httpx.AsyncClient) -> SignUpAlone:
    async def sign_up() -> Account:
        email = f"leaver-{uuid4().hex[:12]}@example.com"
        body = {"email": email, "password": PASSWORD, "name": "김유니"}
        return _account(await gateway.post("/api/v1/auth/signup", json=body), gateway)

    return sign_up


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def _another_gateway(stack: Stack, directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Run one more gateway process in front of the same services."""
    port, pool = _free_port(), stack["user_pool_id"]
    settings = {
        "ENVIRONMENT": "local",
        "PORT": str(port),
        "MANAGEMENT_PORT": str(_free_port()),
        "AWS_REGION": stack["region"],
        "COGNITO_USER_POOL_ID": pool,
        "COGNITO_CLIENT_IDS": stack["client_id"],
        "COGNITO_JWKS_URL": f"{stack['aws']}/{pool}/.well-known/jwks.json",
        "USER_SERVICE_URL": stack["user_service"],
        "COURSE_SERVICE_URL": stack["course_service"],
        "SCHEDULE_SERVICE_URL": stack["schedule_service"],
    }
    with (directory / f"gateway-{port}.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.api_gateway",
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], **settings},
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:

            async def is_up() -> bool:
                assert process.returncode is None, "the gateway did not start"
                try:
                    return (await client.get("/actuator/health")).is_success
                except httpx.TransportError:
                    return False

            await until(is_up)
            yield client
    finally:
        process.terminate()
        async with asyncio.timeout(20):
            await process.wait()


async def test_signed_out_session_is_refused_at_once_where_it_ended(
    gateway: httpx.AsyncClient, new_account: SignUpAlone
) -> None:
    """J-05: id and access token, although this gateway has just accepted both."""
    account = await new_account()
    assert await account.statuses(gateway) == [200, 200]
    assert (await account.sign_out()).status_code == 204
    assert await account.statuses(gateway) == [401, 401]
    refused = await gateway.get(ME, headers=_bearer(account.id_token))
    assert set(refused.json()) == {"error"}


async def test_signed_out_sessions_are_refused_on_every_gateway_within_five_seconds(
    stack: Stack, gateway: httpx.AsyncClient, new_account: SignUpAlone, tmp_path: Path
) -> None:
    """J-05: all sessions of the student, on gateways that had accepted their tokens."""
    account, bystander = await new_account(), await new_account()
    on_phone = await account.sign_in()
    async with AsyncExitStack() as processes:
        others = [
            await processes.enter_async_context(_another_gateway(stack, tmp_path)) for _ in range(2)
        ]
        for other in others:
            assert await account.statuses(other) == [200, 200]
            assert await on_phone.statuses(other) == [200, 200]
        assert (await account.sign_out()).status_code == 204

        async def all_are_refused() -> bool:
            seen = [await session.statuses(o) for o in others for session in (account, on_phone)]
            return all(statuses == [401, 401] for statuses in seen)

        await until(all_are_refused, seconds=5)
        assert await on_phone.statuses(gateway) == [401, 401]
        for client in (gateway, *others):
            assert await bystander.statuses(client) == [200, 200]


async def test_gateway_that_starts_later_refuses_from_its_first_request(
    stack: Stack, new_account: SignUpAlone, tmp_path: Path
) -> None:
    """J-05: after restarts, too."""
    account = await new_account()
    assert (await account.sign_out()).status_code == 204
    async with _another_gateway(stack, tmp_path) as started:
        assert await account.statuses(started) == [401, 401]


async def test_signed_out_session_cannot_be_refreshed(new_account: SignUpAlone) -> None:
    """additions.md F: refresh refuses likewise."""
    account = await new_account()
    assert (await account.refresh()).status_code == 200
    assert (await account.sign_out()).status_code == 204
    refused = await account.refresh()
    assert refused.status_code == 401
    assert refused.json()["errorCode"] == "INVALID_CREDENTIALS"


async def test_student_may_sign_in_again_at_once(
    gateway: httpx.AsyncClient, new_account: SignUpAlone
) -> None:
    """J-05: what began after the sign-out lives, now and after the next polls."""
    account = await new_account()
    assert (await account.sign_out()).status_code == 204
    again = await account.sign_in()
    assert await again.statuses(gateway) == [200, 200]
    await asyncio.sleep(2.5)
    assert await again.statuses(gateway) == [200, 200]
    assert await account.statuses(gateway) == [401, 401]


async def test_signing_out_needs_a_token(gateway: httpx.AsyncClient) -> None:
    """additions.md B: the one protected path under /api/v1/auth/."""
    answer = await gateway.post("/api/v1/auth/signout")
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}
