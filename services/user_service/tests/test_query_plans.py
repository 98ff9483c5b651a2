"""D-07: few statements at any size, and no full scan on a user's path."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from shared.database import Database
from shared.testing.schemas import connect

Rows = Callable[..., list[tuple[object, ...]]]

USERS = 3000
ME = "user-0000"
LISTS = (
    "/v1/friends",
    "/v1/friends?limit=10",
    "/v1/friends/requests/pending",
    "/v1/groups",
    "/v1/groups?limit=10",
    "/v1/groups/{group}",
    "/v1/groups/{group}/members",
    "/v1/groups/{group}/members?limit=10",
    "/v1/friends/search?query=user-1&limit=100",
    "/v1/integrations/status",
    "/v1/integrations/canvas/sync/runs",
    "/v1/users/me",
    "/internal/v1/revocations?since={now}",
    "/api/internal/groups/{group}/members/cognito-subs",
    "/api/internal/groups/{group}/members/user-0000",
    "/api/internal/users/user-0000/groups",
)
LENGTHS = {
    "/v1/friends": 200,
    "/v1/friends?limit=10": 10,
    "/v1/friends/requests/pending": 300,
    "/v1/groups": 11,
    "/v1/groups/{group}/members": 310,
    "/v1/integrations/canvas/sync/runs": 50,
    "/v1/friends/search?query=user-1&limit=100": 100,
}
"""So that the plans are those of real answers."""


@pytest.fixture
def many(database: Database, database_url: str) -> dict[str, Any]:
    """Fill every table, so that the optimiser has a reason to choose."""
    subs = [f"user-{n:04}" for n in range(USERS)]
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users (email, name, cognito_sub, created_at, updated_at)"
            " VALUES (%s, %s, %s, NOW(6), NOW(6))",
            [(f"{sub}@example.com", sub, sub) for sub in subs],
        )
        cursor.executemany(
            "INSERT INTO friendships (user_cognito_sub, friend_cognito_sub, status, created_at,"
            " updated_at) VALUES (%s, %s, %s, NOW(6), NOW(6))",
            [
                pair
                for n, sub in enumerate(subs[1:], 1)
                for pair in (
                    (ME if n <= 200 else subs[n - 1], sub, "ACCEPTED"),
                    (sub, ME if n % 10 == 0 else subs[n - 1], "PENDING"),
                )
            ],
        )
        cursor.executemany(
            "INSERT INTO `groups` (name, owner_cognito_sub, created_at, updated_at)"
            " VALUES (%s, %s, NOW(6), NOW(6))",
            [(f"group {n}", subs[n % 50]) for n in range(500)],
        )
        cursor.execute("SELECT MIN(id) FROM `groups`")
        first = int(str(cursor.fetchone()[0]))  # type: ignore[index]
        cursor.executemany(
            "INSERT INTO group_members (group_id, user_cognito_sub, role, joined_at)"
            " VALUES (%s, %s, %s, NOW(6))",
            [(first + n, subs[n % 50], "OWNER") for n in range(500)]
            + [(first + 1, sub, "MEMBER") for sub in [ME, *subs[100:400]]]
            + [(first + n, subs[1000 + n + m], "MEMBER") for n in range(500) for m in range(8)],
        )
        cursor.executemany(
            "INSERT INTO revocations VALUES (%s, NOW(6) - INTERVAL %s HOUR)",
            [(sub, 30 + n) for n, sub in enumerate(subs)],
        )
        cursor.executemany(
            "INSERT INTO deleted_users VALUES (%s, NOW(6) - INTERVAL %s HOUR)",
            [(f"gone-{n}", 30 + n) for n in range(USERS)],
        )
        cursor.executemany(
            "INSERT INTO credentials (cognito_sub, provider, encrypted_token, is_connected,"
            " created_at, updated_at) VALUES (%s, 'CANVAS', 'x', 1, NOW(6), NOW(6))",
            [(sub,) for sub in subs],
        )
        cursor.executemany(
            "INSERT INTO sync_runs (cognito_sub, triggered_by, mode, status, started_at,"
            " lease_until, finished_at)"
            " VALUES (%s, 'SCHEDULED', 'COURSES', 'FAILED', NOW(6), NOW(6), NOW(6))",
            [(sub,) for sub in [*subs, *subs[:50] * 60]],
        )
        cursor.execute(
            "ANALYZE TABLE users, friendships, `groups`, group_members, revocations,"
            " deleted_users, credentials, sync_runs"
        )
        cursor.fetchall()
        cursor.execute("SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%TZ')")
        now = cursor.fetchone()[0]  # type: ignore[index]
    return {"group": first + 1, "now": now}


async def test_a_read_needs_few_statements_and_uses_indexes_at_any_size(
    client: httpx.AsyncClient, many: dict[str, Any], statements: list[str], database_url: str
) -> None:
    """D-07, R-26. The search for a text inside names walks the users in the order of the answer."""
    for path in LISTS:
        del statements[:]
        answer = await client.get(path.format(**many), headers={"X-Cognito-Sub": ME})
        assert answer.status_code == 200, path
        assert 1 <= len(statements) <= 5, path
        if path in LENGTHS:
            assert len(answer.json()) == LENGTHS[path], path
        for statement in statements:
            for table, access, key in _plan(database_url, statement, many):
                if "search" in path and table == "users":
                    assert (access, key) == ("index", "PRIMARY")
                else:
                    assert access not in ("ALL", "index"), (path, table, statement)


async def test_a_change_locks_and_deletes_by_index(
    client: httpx.AsyncClient, many: dict[str, Any], statements: list[str], database_url: str
) -> None:
    """D-07: nor does a write walk a table."""
    calls: list[tuple[str, str, str, Any]] = [
        ("user-2000", "POST", "/v1/friends/requests", {"friendCognitoSub": "user-2500"}),
        ("user-2000", "POST", "/v1/friends/user-2500/block", None),
        ("user-0001", "POST", "/v1/groups/{group}/members", {"userCognitoSub": "user-2000"}),
        ("user-0001", "PUT", "/v1/groups/{group}", {"name": "x"}),
        ("user-2000", "POST", "/v1/groups/{group}/leave", None),
        ("user-0001", "DELETE", "/v1/groups/{group}", None),
        ("user-0001", "POST", "/v1/integrations/canvas/sync", None),
        ("user-2000", "DELETE", "/v1/users/me", None),
    ]
    for who, method, path, body in calls:
        del statements[:]
        answer = await client.request(
            method, path.format(**many), headers={"X-Cognito-Sub": who}, json=body
        )
        assert answer.is_success, (path, answer.text)
        for statement in statements:
            if statement.startswith(("SELECT", "DELETE", "UPDATE")):
                for table, access, _ in _plan(database_url, statement, many):
                    assert access not in ("ALL", "index"), (path, table, statement)


def _plan(
    database_url: str, statement: str, many: dict[str, Any]
) -> list[tuple[str, str, str | None]]:
    """Return table, access type and key of each step, with values like those of the request."""
    values = {
        r"LIMIT( %s,)?$": "10",
        r"provider =$": "'CANVAS'",
        r"(deleted_at|revoked_before|_at) (>=|<=)$": f"'{many['now'][:-1]}'",
        r"(\bid|group_id) (=|>|<=)$": str(many["group"]),
        r"status !=$": "'BLOCKED'",
        r"status =$": "'PENDING'",
        r"concat\('%%',$": "'user-1'",
    }

    def value(match: re.Match[str]) -> str:
        before = statement[: match.start()].rstrip()
        return next((v for k, v in values.items() if re.search(k, before)), f"'{ME}'")

    filled = re.sub(r"%s", value, statement).replace("%%", "%")
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL {filled}")
        columns = [column[0] for column in cursor.description or ()]
        steps = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return [(str(s["table"]), str(s["type"]), s["key"]) for s in steps if s["table"]]
