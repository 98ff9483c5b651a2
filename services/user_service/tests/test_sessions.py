"""Refresh, sign-out everywhere, and the list that gateways poll."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.user_service.tests.fakes import FakeUserPool

Rows = Callable[..., list[tuple[object, ...]]]

SIGN_IN = {"email": "hong@example.com", "password": "Passw0rd1"}
REVOCATIONS = "/internal/v1/revocations"


@pytest.fixture
async def session(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/v1/auth/signup", json={**SIGN_IN, "name": "홍길동"})
    opened: dict[str, Any] = answer.json()
    return opened


async def refresh(client: httpx.AsyncClient, token: Any) -> httpx.Response:
    return await client.post("/v1/auth/refresh", json={"refreshToken": token})


async def sign_out(client: httpx.AsyncClient, session: dict[str, Any]) -> httpx.Response:
    headers = {"X-Cognito-Sub": session["cognitoSub"]}
    return await client.post("/v1/auth/signout", headers=headers)


def is_refused(answer: httpx.Response, status: int, code: str) -> bool:
    assert (answer.status_code, answer.json().get("errorCode")) == (status, code)
    return True


class TestRefresh:
    async def test_a_session_goes_on_with_the_same_refresh_token(
        self, client: httpx.AsyncClient, session: dict[str, Any]
    ) -> None:
        answer = await refresh(client, session["refreshToken"])
        assert (answer.status_code, answer.json()) == (200, session)
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("token", ["unknown", "a.b.c", "😀", "x" * 16_384])
    async def test_an_unknown_token_is_refused(self, client: httpx.AsyncClient, token: str) -> None:
        assert is_refused(await refresh(client, token), 401, "INVALID_CREDENTIALS")

    @pytest.mark.parametrize("token", [None, "", "  ", "x" * 16_385])
    async def test_no_token_is_an_invalid_field(
        self, client: httpx.AsyncClient, token: Any
    ) -> None:
        answer = await refresh(client, token)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"refreshToken"})

    @pytest.mark.parametrize("change", ["DELETE FROM users", "UPDATE users SET is_active = 0"])
    async def test_whoever_is_gone_or_deactivated_is_refused(
        self, client: httpx.AsyncClient, session: dict[str, Any], rows: Rows, change: str
    ) -> None:
        rows(change)
        answer = await refresh(client, session["refreshToken"])
        assert is_refused(answer, 401, "INVALID_CREDENTIALS")

    async def test_an_absent_pool_is_unavailable(
        self, client: httpx.AsyncClient, session: dict[str, Any], pool: FakeUserPool
    ) -> None:
        pool.unavailable = {"refresh", "sign_out"}
        answers = (await refresh(client, "x"), await sign_out(client, session))
        for answer in answers:
            assert is_refused(answer, 503, "SERVICE_UNAVAILABLE")


class TestSignOut:
    @pytest.mark.parametrize("pool_ignores_it", [False, True])
    async def test_every_session_ends_and_the_next_sign_in_holds(
        self,
        client: httpx.AsyncClient,
        session: dict[str, Any],
        pool: FakeUserPool,
        pool_ignores_it: bool,
    ) -> None:
        """J-05: our own record is enough, and the very next sign-in is not caught by it."""
        pool.ignores_sign_out = pool_ignores_it
        second = (await client.post("/v1/auth/signin", json=SIGN_IN)).json()
        answer = await sign_out(client, session)
        assert (answer.status_code, answer.content) == (204, b"")
        new = (await client.post("/v1/auth/signin", json=SIGN_IN)).json()
        for ended in (session, second):
            refused = await refresh(client, ended["refreshToken"])
            assert is_refused(refused, 401, "INVALID_CREDENTIALS")
        assert (await refresh(client, new["refreshToken"])).status_code == 200

    async def test_the_record_covers_its_second_and_the_answer_waits_for_its_end(
        self, client: httpx.AsyncClient, session: dict[str, Any], rows: Rows
    ) -> None:
        """Tokens tell whole seconds: the ended session is covered, a later sign-in never is."""
        began_at = time.time()
        await sign_out(client, session)
        answered_at = time.time()
        [(stored,)] = rows("SELECT revoked_before FROM revocations")
        assert isinstance(stored, datetime)
        revoked_before = stored.replace(tzinfo=UTC).timestamp()
        assert revoked_before >= int(began_at)
        assert int(answered_at) > revoked_before
        assert answered_at - began_at < 2

    async def test_others_live_on(self, client: httpx.AsyncClient, session: dict[str, Any]) -> None:
        other = {**SIGN_IN, "email": "kim@example.com", "name": "김"}
        kim = (await client.post("/v1/auth/signup", json=other)).json()
        await sign_out(client, session)
        assert (await refresh(client, kim["refreshToken"])).status_code == 200

    async def test_a_sign_out_that_the_pool_missed_holds_here(
        self, client: httpx.AsyncClient, session: dict[str, Any], pool: FakeUserPool
    ) -> None:
        pool.unavailable = {"sign_out"}
        assert (await sign_out(client, session)).status_code == 503
        answer = await refresh(client, session["refreshToken"])
        assert is_refused(answer, 401, "INVALID_CREDENTIALS")

    async def test_signing_out_at_once_many_times_leaves_one_record(
        self, client: httpx.AsyncClient, session: dict[str, Any], rows: Rows
    ) -> None:
        answers = await asyncio.gather(*(sign_out(client, session) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {204}
        assert len(rows("SELECT cognito_sub FROM revocations")) == 1

    async def test_nobody_is_unauthorized(self, client: httpx.AsyncClient) -> None:
        assert is_refused(await client.post("/v1/auth/signout"), 401, "UNAUTHORIZED")


class TestRevocations:
    async def test_the_list_says_who_and_up_to_which_beginning(
        self, client: httpx.AsyncClient, session: dict[str, Any]
    ) -> None:
        await sign_out(client, session)
        body = (await client.get(REVOCATIONS)).json()
        [entry] = body["revocations"]
        assert body.keys() == {"revocations", "now"}
        assert entry.keys() == {"cognitoSub", "revokedBefore"}
        assert entry["cognitoSub"] == session["cognitoSub"]
        now = datetime.now(UTC)
        for moment in (entry["revokedBefore"], body["now"]):
            assert moment.endswith("Z")
            assert abs(datetime.fromisoformat(moment) - now) < timedelta(seconds=5)

    async def test_only_what_is_recent_and_asked_for_is_listed(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        for sub, hours in (("new", 0), ("day", 24), ("old", 26)):
            rows("INSERT INTO revocations VALUES (%s, %s)", sub, now - timedelta(hours=hours))
        rows("INSERT INTO deleted_users VALUES ('gone', %s), ('long gone', %s)", now, "2020-01-01")

        async def subs(**query: str) -> set[str]:
            answer = await client.get(REVOCATIONS, params=query)
            assert answer.status_code == 200
            return {each["cognitoSub"] for each in answer.json()["revocations"]}

        assert await subs() == {"new", "day", "gone"}
        assert await subs(since="2000-01-01T00:00:00Z") == {"new", "day", "gone"}
        assert await subs(since=f"{(now - timedelta(seconds=30)).isoformat()}Z") == {"new", "gone"}
        assert await subs(since=f"{now.isoformat()}.999999Z") == {"new"}
        assert await subs(since=f"{(now + timedelta(minutes=1)).isoformat()}Z") == set()

    @pytest.mark.parametrize("since", ["yesterday", "2026-03-04", "1"])
    async def test_a_time_that_is_none_is_a_bad_request(
        self, client: httpx.AsyncClient, since: str
    ) -> None:
        answer = await client.get(REVOCATIONS, params={"since": since})
        assert is_refused(answer, 400, "BAD_REQUEST")


async def test_no_token_reaches_the_log(
    client: httpx.AsyncClient, session: dict[str, Any], log_lines: Callable[[], str]
) -> None:
    """S-07."""
    await refresh(client, session["refreshToken"])
    await refresh(client, "secret-token-of-somebody")
    await sign_out(client, session)
    logged = log_lines()
    assert "request_served" in logged
    for secret in (session["refreshToken"], "secret-token-of-somebody", session["cognitoSub"]):
        assert secret not in logged
