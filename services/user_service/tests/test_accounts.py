"""The end of an account through the door."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.user_service.deletions.service import SETTLE, Deletions
from services.user_service.tests.conftest import TABLES
from services.user_service.tests.fakes import FakeService, FakeUserPool

Rows = Callable[..., list[tuple[object, ...]]]

ME = "/v1/users/me"
SIGN_UP = {"email": "hong@example.com", "password": "Passw0rd1", "name": "홍길동"}


@pytest.fixture
async def sub(client: httpx.AsyncClient, people: None, rows: Rows) -> str:
    """Return the sub of somebody with a friend, requests, a block, a token, groups and a past sign-out."""
    signed_up = await client.post("/v1/auth/signup", json=SIGN_UP)
    sub: str = signed_up.json()["cognitoSub"]

    async def call(who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await client.request(method, path, headers={"X-Cognito-Sub": who}, json=body)

    asked = await call("ann", "POST", "/v1/friends/requests", {"friendCognitoSub": sub})
    await call(sub, "POST", f"/v1/friends/requests/{asked.json()['friendshipId']}/accept")
    await call("bob", "POST", "/v1/friends/requests", {"friendCognitoSub": sub})
    await call("cho", "POST", f"/v1/friends/{sub}/block")
    await call(sub, "POST", "/v1/friends/requests", {"friendCognitoSub": "dan"})
    await call(sub, "POST", "/v1/integrations/canvas/credentials", {"canvasToken": "1234~abc"})
    await call(sub, "POST", "/v1/integrations/canvas/sync")
    await call(sub, "POST", "/v1/groups", {"name": "alone"})
    group = (await call("ann", "POST", "/v1/groups", {"name": "of Ann"})).json()["groupId"]
    await call("ann", "POST", f"/v1/groups/{group}/members", {"userCognitoSub": sub})
    rows("INSERT INTO revocations VALUES (%s, '2026-03-04 09:30:00')", sub)
    return sub


@pytest.fixture
def group_ids(rows: Rows) -> Callable[[], dict[object, int]]:
    def read() -> dict[object, int]:
        return {name: int(str(id_)) for id_, name in rows("SELECT id, name FROM `groups`")}

    return read


@pytest.fixture
def age(rows: Rows) -> Callable[[timedelta], None]:
    """Return what lets pending deletions grow older."""

    def let_pass(time: timedelta) -> None:
        seconds = time.total_seconds()
        rows(
            "UPDATE pending_deletions SET created_at = created_at - INTERVAL %s SECOND,"
            " next_attempt_at = next_attempt_at - INTERVAL %s SECOND",
            seconds,
            seconds,
        )

    return let_pass


Age = Callable[[timedelta], None]


async def delete(client: httpx.AsyncClient, sub: str) -> httpx.Response:
    return await client.delete(ME, headers={"X-Cognito-Sub": sub})


def where_is(rows: Rows, sub: str, *more: str) -> set[str]:
    """Return the tables that hold any of the texts."""
    return {
        table
        for table in TABLES
        for text in (sub, *more)
        if text in str(rows(f"SELECT * FROM `{table}`"))
    }


async def test_everything_of_an_account_goes_everywhere(
    client: httpx.AsyncClient,
    sub: str,
    rows: Rows,
    group_ids: Callable[[], dict[object, int]],
    pool: FakeUserPool,
    schedule_service: FakeService,
    course_service: FakeService,
    deletions: Deletions,
    age: Age,
) -> None:
    """S-08: at once, and again for what was under way; only the memory that it is gone stays."""
    ids = group_ids()
    assert where_is(rows, sub) == {
        "users",
        "credentials",
        "sync_runs",
        "friendships",
        "groups",
        "group_members",
        "revocations",
    }
    answer = await delete(client, sub)
    assert (answer.status_code, answer.content) == (204, b"")
    assert where_is(rows, sub, SIGN_UP["email"]) == {"deleted_users", "pending_deletions"}
    assert rows("SELECT name FROM `groups`") == [("of Ann",)]
    assert not pool.users
    assert course_service.deleted_users == [(sub, {ids["of Ann"]: "ann"})]
    assert schedule_service.deleted_users == [(sub, {ids["of Ann"]: "ann"})]
    assert schedule_service.deleted_groups == [ids["alone"]]

    assert await deletions.work_off_due() == 0
    age(SETTLE)
    assert await deletions.work_off_due() == 2
    assert len(schedule_service.deleted_users) == len(course_service.deleted_users) == 2
    assert schedule_service.deleted_groups == [ids["alone"]] * 2
    assert where_is(rows, sub, SIGN_UP["email"]) == {"deleted_users"}
    assert (await client.get(ME, headers={"X-Cognito-Sub": sub})).status_code == 404
    assert (await delete(client, sub)).status_code == 404


@pytest.mark.parametrize("away", ["course_service", "schedule_service", "user_pool"])
async def test_who_is_away_forgets_as_soon_as_they_are_back(
    client: httpx.AsyncClient,
    sub: str,
    rows: Rows,
    pool: FakeUserPool,
    schedule_service: FakeService,
    course_service: FakeService,
    deletions: Deletions,
    age: Age,
    away: str,
) -> None:
    """S-08: retried until done; the account is gone here at once."""
    course_service.is_away = away == "course_service"
    schedule_service.is_away = away == "schedule_service"
    pool.unavailable = {"delete"} if away == "user_pool" else set()
    assert (await delete(client, sub)).status_code == 204
    assert rows("SELECT id FROM users WHERE cognito_sub = %s", sub) == []
    for _ in range(3):
        age(SETTLE)
        assert await deletions.work_off_due() >= 1
    course_service.is_away = schedule_service.is_away = False
    pool.unavailable = set()
    age(SETTLE)
    assert await deletions.work_off_due() >= 1
    assert where_is(rows, sub) == {"deleted_users"}
    assert not pool.users
    assert sub in {each for each, _ in schedule_service.deleted_users}
    assert sub in {each for each, _ in course_service.deleted_users}


async def test_a_pause_between_tries_stays_short(
    client: httpx.AsyncClient,
    sub: str,
    rows: Rows,
    course_service: FakeService,
    deletions: Deletions,
    age: Age,
) -> None:
    """S-08: a service that is back within the minute forgets within the minute."""
    course_service.is_away = True
    await delete(client, sub)
    for _ in range(8):
        age(timedelta(seconds=10))
        assert await deletions.work_off_due() >= 1
    [(attempts,)] = rows("SELECT attempts FROM pending_deletions WHERE kind = 'USER'")
    assert attempts == 9


async def test_an_owner_of_others_keeps_the_account(
    client: httpx.AsyncClient, sub: str, rows: Rows, pool: FakeUserPool
) -> None:
    before = {table: rows(f"SELECT * FROM `{table}`") for table in TABLES}
    answer = await delete(client, "ann")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")
    assert "ownership" in answer.json()["message"].lower()
    assert {table: rows(f"SELECT * FROM `{table}`") for table in TABLES} == before
    assert pool.users


async def test_the_same_email_signs_up_anew_and_inherits_nothing(
    client: httpx.AsyncClient, sub: str, pool: FakeUserPool, deletions: Deletions, age: Age
) -> None:
    """S-08: the second pass of the deletion leaves the new person alone."""
    await delete(client, sub)
    answer = await client.post("/v1/auth/signup", json=SIGN_UP)
    assert answer.status_code == 201
    new = answer.json()["cognitoSub"]
    assert new != sub
    for path in ("/v1/friends", "/v1/groups", "/v1/friends/requests/pending"):
        assert (await client.get(path, headers={"X-Cognito-Sub": new})).json() == []
    age(SETTLE)
    await deletions.work_off_due()
    assert [user.cognito_sub for user in pool.users.values()] == [new]
    assert (await client.get(ME, headers={"X-Cognito-Sub": new})).status_code == 200


async def test_a_sign_up_before_the_pool_has_forgotten_brings_nothing_back(
    client: httpx.AsyncClient,
    sub: str,
    rows: Rows,
    pool: FakeUserPool,
    deletions: Deletions,
    age: Age,
) -> None:
    pool.unavailable = {"delete"}
    await delete(client, sub)
    answer = await client.post("/v1/auth/signup", json=SIGN_UP)
    assert (answer.status_code, answer.json()["errorCode"]) == (409, "DUPLICATE_USER")
    assert (await client.post("/v1/auth/signin", json=SIGN_UP)).status_code == 404
    assert rows("SELECT id FROM users WHERE cognito_sub = %s", sub) == []
    pool.unavailable = set()
    age(SETTLE)
    await deletions.work_off_due()
    assert (await client.post("/v1/auth/signup", json=SIGN_UP)).status_code == 201


async def test_requests_with_a_token_of_the_deleted_account_bring_nothing_back(
    client: httpx.AsyncClient, sub: str, rows: Rows
) -> None:
    """S-08: gateways learn within seconds; until then each write refuses by itself."""
    group = int(str(rows("SELECT id FROM `groups` WHERE name = 'of Ann'")[0][0]))
    await delete(client, sub)
    calls: list[tuple[str, str, str, Any]] = [
        (sub, "POST", "/v1/friends/requests", {"friendCognitoSub": "ann"}),
        ("ann", "POST", "/v1/friends/requests", {"friendCognitoSub": sub}),
        (sub, "POST", "/v1/friends/ann/block", None),
        ("ann", "POST", f"/v1/friends/{sub}/block", None),
        (sub, "POST", "/v1/groups", {"name": "x"}),
        ("ann", "POST", f"/v1/groups/{group}/members", {"userCognitoSub": sub}),
        (sub, "POST", "/v1/integrations/canvas/credentials", {"canvasToken": "1234~abc"}),
        (sub, "PUT", ME, {"name": "x"}),
    ]
    for who, method, path, body in calls:
        answer = await client.request(method, path, headers={"X-Cognito-Sub": who}, json=body)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "USER_NOT_FOUND"), path
    signed_out = await client.post("/v1/auth/signout", headers={"X-Cognito-Sub": sub})
    assert signed_out.status_code == 204
    assert where_is(rows, sub) == {"deleted_users", "pending_deletions"}
    listed = (await client.get("/internal/v1/revocations")).json()["revocations"]
    assert [each["cognitoSub"] for each in listed] == [sub]


async def test_of_fifty_deletions_among_other_requests_one_succeeds_and_nothing_remains(
    client: httpx.AsyncClient, sub: str, rows: Rows
) -> None:
    """D-03: whatever arrives at the same time, before or after."""
    group = int(str(rows("SELECT id FROM `groups` WHERE name = 'of Ann'")[0][0]))
    rows("DELETE FROM friendships")
    calls: list[tuple[str, str, str, Any]] = [
        (sub, "DELETE", ME, None),
        ("bob", "POST", "/v1/friends/requests", {"friendCognitoSub": sub}),
        ("ann", "POST", f"/v1/groups/{group}/members", {"userCognitoSub": sub}),
        (sub, "POST", "/v1/integrations/canvas/credentials", {"canvasToken": "1234~abc"}),
        (sub, "POST", "/v1/groups", {"name": "x"}),
    ]
    answers = await asyncio.gather(
        *(
            client.request(method, path, headers={"X-Cognito-Sub": who}, json=body)
            for _ in range(10)
            for who, method, path, body in calls
        )
    )
    assert [answer.status_code for answer in answers[::5]].count(204) == 1
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 400, 404, 409}
    assert where_is(rows, sub) <= {"deleted_users", "pending_deletions"}


class TestName:
    async def test_a_new_name_shows_to_oneself_and_to_others(
        self, client: httpx.AsyncClient, sub: str
    ) -> None:
        before = (await client.get(ME, headers={"X-Cognito-Sub": sub})).json()
        body = {"name": "김길동", "email": "x@example.com", "cognitoSub": "x", "isActive": False}
        answer = await client.put(ME, headers={"X-Cognito-Sub": sub}, json=body)
        assert answer.status_code == 200
        after = answer.json()
        assert after == {**before, "name": "김길동", "updatedAt": after["updatedAt"]}
        assert after["updatedAt"] > before["updatedAt"]
        assert (await client.get(ME, headers={"X-Cognito-Sub": sub})).json() == after
        [friendship] = (await client.get("/v1/friends", headers={"X-Cognito-Sub": "ann"})).json()
        assert friendship["friend"]["name"] == "김길동"

    @pytest.mark.parametrize("body", [{}, {"name": None}, {"name": "\t"}, {"name": "가" * 101}])
    async def test_a_name_that_breaks_a_rule_is_an_invalid_field(
        self, client: httpx.AsyncClient, people: None, body: dict[str, Any]
    ) -> None:
        answer = await client.put(ME, headers={"X-Cognito-Sub": "ann"}, json=body)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"name"})
