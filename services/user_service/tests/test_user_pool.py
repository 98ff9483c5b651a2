"""The fake pool and the Cognito client pass the same scenarios; the client keeps the provider's texts inside."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from jose import jwt

from services.user_service.auth.cognito import CognitoUserPool
from services.user_service.auth.user_pool import (
    PasswordBreaksPolicy,
    PoolRefused,
    PoolSession,
    PoolUnavailable,
    UsernameTaken,
    UserNotConfirmed,
    UserPool,
    WrongCredentials,
)
from services.user_service.tests.cognito_stub import CognitoError, CognitoStub
from services.user_service.tests.fakes import FakeUserPool, serve
from shared.aws import aws_client
from shared.settings import Settings

EMAIL = "hong@example.com"
PASSWORD = "Passw0rd1"


@pytest.fixture(scope="session")
async def served(aws_credentials: None) -> AsyncIterator[tuple[CognitoStub, CognitoUserPool]]:
    stub = CognitoStub()
    async with serve(stub.app) as url, _client(url) as client:
        yield stub, CognitoUserPool(client, user_pool_id="region_pool", client_id="client")


@pytest.fixture
def stub(served: tuple[CognitoStub, CognitoUserPool]) -> CognitoStub:
    served[0].forget()
    return served[0]


@pytest.fixture
def cognito(served: tuple[CognitoStub, CognitoUserPool]) -> CognitoUserPool:
    return served[1]


def _client(url: str) -> Any:
    return aws_client("cognito-idp", Settings(aws_endpoint_url=url), max_attempts=1)


@pytest.fixture(params=["fake", "cognito"])
def either(
    request: pytest.FixtureRequest, stub: CognitoStub, cognito: CognitoUserPool
) -> tuple[UserPool, Any]:
    """Return a pool and what holds its users."""
    if request.param == "cognito":
        return cognito, stub
    fake = FakeUserPool()
    return fake, fake


async def _sign_up(pool: UserPool) -> str:
    return await pool.sign_up(email=EMAIL, password=PASSWORD, name="홍길동")


async def test_a_confirmed_user_signs_in(either: tuple[UserPool, Any]) -> None:
    pool, _ = either
    cognito_sub = await _sign_up(pool)
    await pool.confirm(EMAIL)
    session = await pool.sign_in(email=EMAIL, password=PASSWORD)
    assert session.cognito_sub == cognito_sub
    assert (session.access_token, session.refresh_token) == ("access", "refresh-1")
    assert (session.expires_in_seconds, session.token_type) == (3600, "Bearer")


async def test_a_user_signs_up_once(either: tuple[UserPool, Any]) -> None:
    pool, _ = either
    await _sign_up(pool)
    with pytest.raises(UsernameTaken):
        await _sign_up(pool)


async def test_a_weak_password_is_refused(either: tuple[UserPool, Any]) -> None:
    pool, _ = either
    with pytest.raises(PasswordBreaksPolicy):
        await pool.sign_up(email=EMAIL, password="password", name="x")


async def test_confirming_again_changes_nothing(either: tuple[UserPool, Any]) -> None:
    pool, _ = either
    await _sign_up(pool)
    await pool.confirm(EMAIL)
    await pool.confirm(EMAIL)
    assert await pool.sign_in(email=EMAIL, password=PASSWORD)


async def test_an_unconfirmed_user_stays_out(either: tuple[UserPool, Any]) -> None:
    pool, _ = either
    await _sign_up(pool)
    with pytest.raises(UserNotConfirmed):
        await pool.sign_in(email=EMAIL, password=PASSWORD)


async def test_unknown_email_and_wrong_password_are_one_error(
    either: tuple[UserPool, Any],
) -> None:
    """S-06."""
    pool, _ = either
    await _sign_up(pool)
    await pool.confirm(EMAIL)
    for email, password in ((EMAIL, "Wrong0ne1"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(PoolRefused) as refusal:
            await pool.sign_in(email=email, password=password)
        assert refusal.type is WrongCredentials


async def test_a_disabled_user_is_refused_but_not_for_the_password(
    either: tuple[UserPool, Any],
) -> None:
    pool, holder = either
    await _sign_up(pool)
    await pool.confirm(EMAIL)
    holder.users[EMAIL].is_disabled = True
    with pytest.raises(PoolRefused) as refusal:
        await pool.sign_in(email=EMAIL, password=PASSWORD)
    assert refusal.type is PoolRefused


async def test_a_deleted_user_may_be_deleted_again(either: tuple[UserPool, Any]) -> None:
    pool, holder = either
    cognito_sub = await _sign_up(pool)
    await pool.delete(cognito_sub)
    await pool.delete(cognito_sub)
    assert not holder.users


async def _open_session(pool: UserPool) -> PoolSession:
    await _sign_up(pool)
    await pool.confirm(EMAIL)
    return await pool.sign_in(email=EMAIL, password=PASSWORD)


async def test_a_session_is_refreshed_and_keeps_its_beginning(
    either: tuple[UserPool, Any],
) -> None:
    """J-05: what a sign-out covers is told by when the password was given."""
    pool, holder = either
    session = await _open_session(pool)
    assert abs(session.began_at - time.time()) < 5
    [(token, (user, began_at))] = holder.sessions.items()
    holder.sessions[token] = (user, began_at - 1000)
    refreshed = await pool.refresh(session.refresh_token)
    assert refreshed.refresh_token == session.refresh_token
    assert refreshed.cognito_sub == session.cognito_sub
    assert refreshed.began_at == session.began_at - 1000


async def test_a_signed_out_or_unknown_session_is_not_refreshed(
    either: tuple[UserPool, Any],
) -> None:
    pool, _ = either
    session = await _open_session(pool)
    await pool.sign_out(session.cognito_sub)
    for token in (session.refresh_token, "unknown"):
        with pytest.raises(WrongCredentials):
            await pool.refresh(token)


async def test_signing_out_somebody_who_is_gone_is_no_error(either: tuple[UserPool, Any]) -> None:
    pool, _ = either
    await pool.sign_out("nobody")


async def test_deleting_by_sub_spares_a_new_user_with_the_same_email(
    either: tuple[UserPool, Any],
) -> None:
    """S-08: a deletion is repeated, perhaps after the same e-mail has signed up again."""
    pool, holder = either
    old = await _sign_up(pool)
    await pool.delete(old)
    new = await _sign_up(pool)
    await pool.delete(old)
    assert holder.users[EMAIL].cognito_sub == new


async def test_a_pool_that_starts_sessions_anew_on_refresh_is_seen_through(
    cognito: CognitoUserPool, stub: CognitoStub
) -> None:
    """ministack sets `auth_time` on every refresh; its refresh tokens tell when they were issued."""
    session = await _open_session(cognito)
    token = jwt.encode({"iat": session.began_at - 1000}, "key", "HS256")
    stub.sessions[token] = stub.sessions[session.refresh_token]
    assert (await cognito.refresh(token)).began_at == session.began_at - 1000


@pytest.mark.parametrize("token", ["a.b.c", "a.b.c.d.e", "eyJ9.e30.x", "opaque"])
async def test_an_opaque_refresh_token_says_nothing_about_the_beginning(
    cognito: CognitoUserPool, stub: CognitoStub, token: str
) -> None:
    session = await _open_session(cognito)
    stub.sessions[token] = stub.sessions[session.refresh_token]
    assert (await cognito.refresh(token)).began_at == session.began_at


async def test_a_token_that_does_not_say_when_its_session_began_counts_as_the_earliest(
    cognito: CognitoUserPool, stub: CognitoStub
) -> None:
    stub.extra_claims = {"auth_time": 0}
    assert (await _open_session(cognito)).began_at == 0


async def test_sign_up_sends_email_and_name_as_attributes(
    cognito: CognitoUserPool, stub: CognitoStub
) -> None:
    await _sign_up(cognito)
    operation, body = stub.requests[0]
    assert operation == "SignUp"
    assert body == {
        "ClientId": "client",
        "Username": EMAIL,
        "Password": PASSWORD,
        "UserAttributes": [
            {"Name": "email", "Value": EMAIL},
            {"Name": "name", "Value": "홍길동"},
        ],
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalErrorException", 500),
        ("ServiceUnavailable", 503),
        ("TooManyRequestsException", 400),
        ("UnrecognizedClientException", 400),
        ("ResourceNotFoundException", 400),
    ],
)
async def test_trouble_on_our_side_or_theirs_is_an_outage(
    cognito: CognitoUserPool, stub: CognitoStub, code: str, status: int
) -> None:
    stub.failure = CognitoError(code, "arn:aws:internal", status)
    with pytest.raises(PoolUnavailable) as outage:
        await cognito.sign_in(email=EMAIL, password=PASSWORD)
    assert "arn" not in outage.value.text


async def test_a_refusal_of_another_kind_is_not_about_the_password(
    cognito: CognitoUserPool, stub: CognitoStub
) -> None:
    stub.failure = CognitoError("PasswordResetRequiredException", "reset")
    with pytest.raises(PoolRefused) as refusal:
        await cognito.sign_in(email=EMAIL, password=PASSWORD)
    assert refusal.type is PoolRefused


async def test_a_challenge_is_a_refusal(cognito: CognitoUserPool, stub: CognitoStub) -> None:
    await _sign_up(cognito)
    await cognito.confirm(EMAIL)
    stub.challenge = "NEW_PASSWORD_REQUIRED"
    with pytest.raises(PoolRefused):
        await cognito.sign_in(email=EMAIL, password=PASSWORD)


@pytest.mark.usefixtures("aws_credentials")
async def test_an_endpoint_that_nobody_serves_is_an_outage() -> None:
    async with serve(CognitoStub().app) as url:
        pass
    async with _client(url) as client:
        pool = CognitoUserPool(client, user_pool_id="region_pool", client_id="client")
        with pytest.raises(PoolUnavailable):
            await asyncio.wait_for(pool.sign_in(email=EMAIL, password=PASSWORD), 5)
