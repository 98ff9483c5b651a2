"""Deleting an account leaves nothing of it in any schema, and late events bring nothing back (S-08)."""

import json
import time

import httpx
import pytest

from shared.aws import aws_client
from shared.events.routes import ASSIGNMENT_EVENTS, TASK_CREATION
from shared.messaging.publisher import Publisher
from shared.settings import Settings
from tests.system.conftest import (
    SignUp,
    Stack,
    due_assignments,
    queues_are_empty,
    rows,
    until,
)

pytestmark = pytest.mark.stack


def traces(stack: Stack, *needles: str) -> list[str]:
    """Return every column of every schema that holds one of the needles, but the lists of the gone."""
    found = []
    for service, schema in stack["mysql"]["databases"].items():
        columns = rows(
            stack,
            service,
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = %s AND data_type IN ('varchar', 'text', 'longtext', 'json')",
            schema,
        )
        for table, column in columns:
            if table in {"deleted_users", "pending_deletions", "revocations", "alembic_version"}:
                continue
            for needle in needles:
                count = rows(
                    stack,
                    service,
                    f"SELECT COUNT(*) FROM `{table}` WHERE `{column}` LIKE %s",
                    f"%{needle}%",
                )[0][0]
                if count:
                    found.append(f"{schema}.{table}.{column}: {count}")
    return found


async def test_a_deleted_account_leaves_no_row_and_late_events_bring_none_back(
    stack: Stack, sign_up: SignUp, canvas: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-08"""
    student, friend = await sign_up(), await sign_up()
    await student.sync_everything()
    await student.shows(await due_assignments(canvas))
    await student.post("/friends/requests", {"friendCognitoSub": friend.cognito_sub})
    await student.post("/groups", {"name": "Alone"})
    await until(lambda: queues_are_empty(stack))
    assert traces(stack, student.cognito_sub, student.email)

    answer = await student.gateway.delete("/api/v1/users/me")
    deleted = time.monotonic()

    async def nothing_is_left() -> bool:
        return not traces(stack, student.cognito_sub, student.email)

    assert answer.status_code == 204, answer.text
    await until(nothing_is_left, seconds=60)
    print(f"\nnothing left after {time.monotonic() - deleted:.1f} s (limit 60 s)")

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack["aws_secret_access_key"])
    settings = Settings(aws_region=stack["region"], aws_endpoint_url=stack["aws"])
    async with aws_client("sqs", settings) as sqs:
        late = {"cognitoSub": student.cognito_sub, "syncedAt": "2026-11-20T03:04:05.678901"}
        course = {"canvasCourseId": 990_001, "courseName": "Late"}
        await Publisher(sqs).send(
            ASSIGNMENT_EVENTS.name,
            [
                json.dumps(
                    {**late, "eventType": "CANVAS_COURSES_SYNCED", "courses": [course]}
                ).encode()
            ],
        )
        entry = {
            "canvasAssignmentId": 990_002,
            "courseId": 990_003,
            "courseName": "Late",
            "title": "Late",
            "dueAt": "2026-12-01T10:00:00",
        }
        snapshot = {**late, "eventType": "USER_ASSIGNMENTS_CREATED", "assignments": [entry]}
        await Publisher(sqs).send(TASK_CREATION.name, [json.dumps(snapshot).encode()])
    await until(lambda: queues_are_empty(stack))

    assert traces(stack, student.cognito_sub, student.email) == []


async def test_the_same_address_may_sign_up_again_as_somebody_new(
    stack: Stack, sign_up: SignUp
) -> None:
    student = await sign_up()
    assert (await student.gateway.delete("/api/v1/users/me")).status_code == 204

    account = {"email": student.email, "password": "Planner2026", "name": "다시"}
    async with httpx.AsyncClient(base_url=stack["gateway"]) as gateway:

        async def signed_up() -> bool:
            answer = await gateway.post("/api/v1/auth/signup", json=account)
            return answer.status_code == 201 and (
                answer.json()["cognitoSub"] != student.cognito_sub
            )

        await until(signed_up)


async def test_a_group_with_other_members_must_be_given_up_first(sign_up: SignUp) -> None:
    owner, member = await sign_up(), await sign_up()
    group = await owner.post("/groups", {"name": "Two"})
    await owner.post(f"/groups/{group['groupId']}/members", {"userCognitoSub": member.cognito_sub})

    answer = await owner.gateway.delete("/api/v1/users/me")

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BAD_REQUEST")
    assert "ownership" in answer.json()["message"].lower()
    assert await owner.get("/users/me")
