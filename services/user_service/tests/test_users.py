"""The profile."""

import re
from collections.abc import Callable

import httpx
from sqlalchemy import event

from shared.database import Database

Rows = Callable[..., list[tuple[object, ...]]]


async def test_the_profile_is_the_callers_own_row(client: httpx.AsyncClient, rows: Rows) -> None:
    for sub in ("sub-1", "sub-2"):
        rows(
            "INSERT INTO users (id, email, name, cognito_sub, is_active, created_at, updated_at)"
            " VALUES (%s, %s, '홍길동', %s, 1, '2026-03-04 09:30:00', '2026-03-04 09:30:00.000012')",
            int(sub[-1]),
            f"{sub}@example.com",
            sub,
        )
    answer = await client.get("/v1/users/me", headers={"X-Cognito-Sub": "sub-2"})
    assert answer.status_code == 200
    assert answer.json() == {
        "userId": 2,
        "email": "sub-2@example.com",
        "name": "홍길동",
        "cognitoSub": "sub-2",
        "isActive": True,
        "createdAt": "2026-03-04T09:30:00",
        "updatedAt": "2026-03-04T09:30:00.000012",
    }


async def test_a_caller_without_a_row_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/users/me", headers={"X-Cognito-Sub": "nobody"})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "USER_NOT_FOUND")
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{6}", answer.json()["timestamp"])


async def test_no_caller_is_unauthorized(client: httpx.AsyncClient) -> None:
    """R-1: 401, not 500."""
    for headers in ({}, {"X-Cognito-Sub": "  "}):
        answer = await client.get("/v1/users/me", headers=headers)
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHORIZED")


async def test_a_commit_that_fails_is_not_answered_as_success(
    client: httpx.AsyncClient, database: Database, rows: Rows
) -> None:
    """D-01: the commit comes before the answer."""

    def fail(_: object) -> None:
        raise RuntimeError("commit failed")

    rows(
        "INSERT INTO credentials (cognito_sub, provider, encrypted_token, created_at, updated_at)"
        " VALUES ('sub-1', 'CANVAS', 'x', NOW(), NOW())"
    )
    event.listen(database.engine.sync_engine, "commit", fail)
    try:
        answer = await client.delete(
            "/v1/integrations/canvas/credentials", headers={"X-Cognito-Sub": "sub-1"}
        )
    finally:
        event.remove(database.engine.sync_engine, "commit", fail)
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "commit failed" not in answer.text
    assert rows("SELECT cognito_sub FROM credentials") == [("sub-1",)]
