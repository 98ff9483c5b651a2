"""Sign-up and sign-in through the door."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.user_service.auth.service import REFUSAL_SECONDS
from services.user_service.tests.fakes import FakeUserPool, PoolUser
from shared.testing.schemas import execute

Rows = Callable[..., list[tuple[object, ...]]]

EMAIL = "a-b-1@example.com"
PASSWORD = "Passw0rd1"
SIGN_UP = {"email": EMAIL, "password": PASSWORD, "name": "홍길동"}
SIGN_IN = {"email": EMAIL, "password": PASSWORD}


async def sign_up(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/v1/auth/signup", json={**SIGN_UP, **changes})


async def sign_in(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/v1/auth/signin", json={**SIGN_IN, **changes})


class TestSignUp:
    async def test_a_new_user_is_confirmed_stored_and_signed_in_at_once(
        self, client: httpx.AsyncClient, pool: FakeUserPool, rows: Rows
    ) -> None:
        answer = await sign_up(client)
        assert answer.status_code == 201
        assert answer.json() == {
            "accessToken": "access",
            "refreshToken": "refresh-1",
            "idToken": "id",
            "expiresIn": 3600,
            "tokenType": "Bearer",
            "cognitoSub": pool.users[EMAIL].cognito_sub,
            "email": EMAIL,
            "name": "홍길동",
            "message": None,
        }
        assert answer.headers["cache-control"] == "no-store"
        assert rows("SELECT email, name, cognito_sub, is_active FROM users") == [
            (EMAIL, "홍길동", pool.users[EMAIL].cognito_sub, 1)
        ]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": None}, "email"),
            ({"email": " "}, "email"),
            ({"email": "nobody"}, "email"),
            ({"email": "a@b@example.com"}, "email"),
            ({"email": "a" * 65 + "@example.com"}, "email"),
            ({"email": "a@" + "b." * 150 + "com"}, "email"),
            ({"email": "a" * 1_000_000 + "@example.com"}, "email"),
            ({"password": None}, "password"),
            ({"password": "Passw0r"}, "password"),
            ({"password": " " * 9}, "password"),
            ({"name": None}, "name"),
            ({"name": "  "}, "name"),
            ({"name": "가" * 101}, "name"),
        ],
    )
    async def test_a_field_that_breaks_a_rule_is_named_and_nothing_happens(
        self,
        client: httpx.AsyncClient,
        pool: FakeUserPool,
        changes: dict[str, Any],
        field: str,
    ) -> None:
        """R-1: what the column cannot hold is a 400."""
        answer = await sign_up(client, **changes)
        assert answer.status_code == 400
        assert answer.json().keys() == {"status", "message", "errors"}
        assert answer.json()["errors"].keys() == {field}
        assert not pool.users

    @pytest.mark.parametrize(
        "email", ["x@localhost.test", "x@host.local", "x@a.invalid", "x@intranet", "é@학교.kr"]
    )
    async def test_unusual_and_reserved_domains_are_welcome(
        self, client: httpx.AsyncClient, email: str
    ) -> None:
        answer = await sign_up(client, email=email)
        assert (answer.status_code, answer.json()["email"]) == (201, email)

    async def test_the_longest_name_fits(self, client: httpx.AsyncClient, rows: Rows) -> None:
        assert (await sign_up(client, name="😀" * 100)).status_code == 201
        assert rows("SELECT name FROM users") == [("😀" * 100,)]

    async def test_a_password_that_the_pool_refuses_leaves_nothing_behind(
        self, client: httpx.AsyncClient, pool: FakeUserPool, rows: Rows
    ) -> None:
        answer = await sign_up(client, password="passw0rd1")
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "AUTHENTICATION_ERROR")
        assert not pool.users
        assert not rows("SELECT id FROM users")

    async def test_a_known_email_is_a_duplicate_in_any_spelling(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        await sign_up(client)
        answer = await sign_up(client, email=EMAIL.upper())
        assert (answer.status_code, answer.json()["errorCode"]) == (409, "DUPLICATE_USER")
        assert answer.json().keys() == {"errorCode", "message", "timestamp"}
        assert len(rows("SELECT id FROM users")) == 1

    async def test_emails_reach_the_pool_in_lower_case(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        await sign_up(client, email="Hong@Example.COM")
        assert list(pool.users) == ["hong@example.com"]
        assert (await sign_in(client, email="HONG@example.com")).status_code == 200

    async def test_a_pool_user_without_a_row_is_completed_by_the_right_password(
        self, client: httpx.AsyncClient, pool: FakeUserPool, rows: Rows
    ) -> None:
        """S-06: a crash between Cognito and our row heals on retry."""
        pool.users[EMAIL] = PoolUser("sub-1", PASSWORD, is_confirmed=True)
        answer = await sign_up(client)
        assert (answer.status_code, answer.json()["cognitoSub"]) == (201, "sub-1")
        assert rows("SELECT cognito_sub FROM users") == [("sub-1",)]

    async def test_a_pool_user_that_was_never_confirmed_is_completed_too(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        """S-06: a crash between the pool's two steps heals on retry."""
        pool.unavailable = {"confirm"}
        assert (await sign_up(client)).status_code == 503
        pool.unavailable = set()
        assert (await sign_up(client)).status_code == 201
        assert (await sign_in(client)).status_code == 200

    @pytest.mark.parametrize("is_confirmed", [True, False])
    async def test_a_pool_user_without_a_row_is_a_duplicate_for_another_password(
        self, client: httpx.AsyncClient, pool: FakeUserPool, rows: Rows, is_confirmed: bool
    ) -> None:
        """R-5: nobody takes over a half-made user, and it stays for its owner."""
        pool.users[EMAIL] = PoolUser("sub-1", "Another0ne", is_confirmed=is_confirmed)
        answer = await sign_up(client)
        assert (answer.status_code, answer.json()["errorCode"]) == (409, "DUPLICATE_USER")
        assert EMAIL in pool.users
        assert not rows("SELECT id FROM users")

    async def test_a_refused_confirmation_takes_the_pool_user_back(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        """R-5: no orphan, and no swallowed failure."""
        pool.refused = {"confirm"}
        answer = await sign_up(client)
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "AUTHENTICATION_ERROR")
        assert not pool.users

    async def test_an_email_that_the_column_takes_for_another_leaves_no_orphan(
        self, client: httpx.AsyncClient, pool: FakeUserPool, database_url: str
    ) -> None:
        """D-03: the unique key decides; the pool user nobody could use goes."""

        async def be_overtaken() -> None:
            execute(
                database_url,
                "INSERT INTO users (email, name, cognito_sub, created_at, updated_at)"
                " VALUES ('jose@example.com', 'x', 'other', NOW(), NOW())",
            )

        confirm = pool.confirm

        async def confirm_late(email: str) -> None:
            await be_overtaken()
            await confirm(email)

        pool.confirm = confirm_late  # type: ignore[method-assign]
        answer = await sign_up(client, email="josé@example.com")
        assert (answer.status_code, answer.json()["errorCode"]) == (409, "DUPLICATE_USER")
        assert not pool.users

    async def test_of_fifty_at_once_one_signs_up(
        self, client: httpx.AsyncClient, pool: FakeUserPool, rows: Rows
    ) -> None:
        """D-03: one success, others 409, no orphan, never 500."""
        answers = await asyncio.gather(*(sign_up(client) for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
        assert rows("SELECT cognito_sub FROM users") == [(pool.users[EMAIL].cognito_sub,)]
        assert pool.users[EMAIL].is_confirmed

    async def test_an_absent_pool_is_unavailable(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        pool.unavailable = {"sign_up", "sign_in"}
        for answer in (await sign_up(client), await sign_in(client)):
            assert (answer.status_code, answer.json()["errorCode"]) == (503, "SERVICE_UNAVAILABLE")


class TestSignIn:
    async def test_the_right_password_opens_a_session(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        signed_up = await sign_up(client)
        answer = await sign_in(client)
        assert answer.status_code == 200
        assert answer.json() == {**signed_up.json(), "refreshToken": "refresh-2"}
        assert answer.headers["cache-control"] == "no-store"

    async def test_unknown_email_and_wrong_password_look_the_same(
        self, client: httpx.AsyncClient
    ) -> None:
        """S-06, R-5: in status, words, headers and time."""
        await sign_up(client)
        seen = []
        for changes in ({"password": "Wrong0ne1"}, {"email": "nobody@example.com"}):
            started = time.monotonic()
            answer = await sign_in(client, **changes)
            assert time.monotonic() - started >= REFUSAL_SECONDS
            body = answer.json()
            body.pop("timestamp")
            headers = {k: v for k, v in answer.headers.items() if k != "x-request-id"}
            headers.pop("content-length")
            seen.append((answer.status_code, body, headers))
        assert seen[0] == seen[1]
        assert seen[0][0] == 401
        assert seen[0][1]["errorCode"] == "INVALID_CREDENTIALS"

    async def test_an_unconfirmed_user_is_told_that_it_is_not_the_password(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        pool.users[EMAIL] = PoolUser("sub-1", PASSWORD)
        answer = await sign_in(client)
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "AUTHENTICATION_ERROR")

    @pytest.mark.parametrize("where", ["pool", "row"])
    async def test_a_deactivated_user_stays_out(
        self, client: httpx.AsyncClient, pool: FakeUserPool, rows: Rows, where: str
    ) -> None:
        await sign_up(client)
        if where == "pool":
            pool.users[EMAIL].is_disabled = True
        else:
            rows("UPDATE users SET is_active = 0")
        answer = await sign_in(client)
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "AUTHENTICATION_ERROR")

    async def test_a_pool_user_without_a_row_is_not_found(
        self, client: httpx.AsyncClient, pool: FakeUserPool
    ) -> None:
        pool.users[EMAIL] = PoolUser("sub-1", PASSWORD, is_confirmed=True)
        answer = await sign_in(client)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "USER_NOT_FOUND")

    @pytest.mark.parametrize(
        ("body", "fields"),
        [({}, {"email", "password"}), ({**SIGN_IN, "password": ""}, {"password"})],
    )
    async def test_missing_fields_are_named(
        self, client: httpx.AsyncClient, body: dict[str, str], fields: set[str]
    ) -> None:
        answer = await client.post("/v1/auth/signin", json=body)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, fields)


async def test_passwords_names_emails_and_tokens_reach_no_log_and_no_table(
    client: httpx.AsyncClient, rows: Rows, log_lines: Callable[[], str]
) -> None:
    """S-06, S-07."""
    await sign_up(client)
    await sign_up(client, password="Another0ne")
    await sign_in(client)
    await sign_in(client, password="Wrong0ne1")
    logged = log_lines()
    assert "request_served" in logged
    for secret in (PASSWORD, "Another0ne", "Wrong0ne1", EMAIL, "홍길동"):
        assert secret not in logged
    assert PASSWORD not in str(rows("SELECT * FROM users"))


async def test_health_tells_the_time(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v1/auth/health")).json()
    assert (answer["status"], answer["service"]) == ("UP", "user-service")
    assert abs(answer["timestamp"] - time.time() * 1000) < 60_000
    assert answer.keys() == {"status", "service", "timestamp"}
