"""S-01, S-02: nobody reaches another student's rows, and nothing is written or shown by accident."""

import itertools
from typing import Any

import httpx
import jsonschema
import pytest

from services.course_service.tests.canvas import (
    JIWOO,
    MINJUN,
    Worker,
    assignment,
    complete,
    course,
    courses_synced,
    synced,
)
from services.course_service.tests.conftest import Rows

AS_JIWOO = {"X-Cognito-Sub": JIWOO}
AS_MINJUN = {"X-Cognito-Sub": MINJUN}
TABLES = (
    "courses",
    "enrollments",
    "assignments",
    "assignment_visibility",
    "course_observations",
    "students",
    "deleted_users",
    "outbox",
)
BODY = {"isSyncEnabled": False}


@pytest.fixture
async def semester(worker: Worker) -> None:
    """Jiwoo takes courses 1 and 2, Minjun course 3; in course 2 only Jiwoo's section sees 20."""
    await worker.sync(
        synced(JIWOO, complete(1, assignment(10)), complete(2, assignment(20), assignment(21))),
        synced(MINJUN, complete(3, assignment(30)), complete(2, assignment(21))),
    )


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    return (await client.get("/v3/api-docs")).json()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


FOREIGN_IDS = {"courseId": 1, "canvasAssignmentId": 20, "enrollmentId": 1}
"""Jiwoo's, none of them visible to Minjun."""


async def ask(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> httpx.Response:
    body = BODY if method == "put" else None
    return await client.request(method, path, headers=headers, json=body)


@pytest.mark.usefixtures("semester")
async def test_foreign_ids_read_write_and_link_nothing_and_look_absent(
    client: httpx.AsyncClient, document: dict[str, Any], rows: Rows
) -> None:
    """S-01: every id of every path, from the document"""
    before = {table: rows(f"SELECT * FROM {table}") for table in TABLES}
    with_ids = [entry for entry in operations(document) if "{" in entry[1]]
    names = {p["name"] for _, _, op in with_ids for p in op["parameters"] if p["in"] == "path"}
    assert names == FOREIGN_IDS.keys()

    for method, path, _ in with_ids:
        foreign = await ask(client, method, path.format(**FOREIGN_IDS), AS_MINJUN)
        absent = await ask(client, method, path.format(**dict.fromkeys(names, 999)), AS_MINJUN)

        assert foreign.status_code == 404 or foreign.json() == []
        assert (foreign.status_code, foreign.content) == (absent.status_code, absent.content)
    assert {table: rows(f"SELECT * FROM {table}") for table in TABLES} == before


@pytest.mark.usefixtures("semester")
async def test_ids_in_parameters_and_bodies_select_nothing_foreign(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    """S-01: names that mean something elsewhere"""
    names = ("id", "cognitoSub", "cognito_sub", "userId", "courseId", "course_id", "enrollmentId")
    for path in ("/v1/courses", "/v1/enrollments", "/internal/v1/enrollments/enabled"):
        own = (await client.get(path, headers=AS_MINJUN)).content
        for name, value in itertools.product(names, (JIWOO, "1")):
            answer = await client.get(path, params={name: value}, headers=AS_MINJUN)
            assert answer.content == own


@pytest.mark.usefixtures("semester")
async def test_a_student_learns_of_a_course_by_its_own_messages_alone(
    worker: Worker, client: httpx.AsyncClient
) -> None:
    """S-01: Minjun's messages do not touch what Jiwoo sees."""
    before = [
        (await client.get(path, headers=AS_JIWOO)).content
        for path in ("/v1/enrollments", "/v1/courses/1/assignments", "/v1/courses/2/assignments")
    ]

    await worker.sync(
        courses_synced(MINJUN, course(3)),
        synced(MINJUN, complete(3), complete(2)),
    )

    after = [
        (await client.get(path, headers=AS_JIWOO)).content
        for path in ("/v1/enrollments", "/v1/courses/1/assignments", "/v1/courses/2/assignments")
    ]
    assert after == before


@pytest.mark.usefixtures("semester")
async def test_a_switch_writes_the_switch_and_nothing_else(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    """S-02: server-owned fields in the body are ignored"""
    kept = "SELECT id, cognito_sub, course_id, is_sync_leader, enrolled_at, is_listed"
    before = rows(f"{kept} FROM enrollments")
    courses = rows("SELECT * FROM courses")

    answer = await client.put(
        "/v1/enrollments/1/sync",
        json={
            **BODY,
            "id": 3,
            "cognitoSub": MINJUN,
            "courseId": 3,
            "course": {"id": 3, "name": "Mine now"},
            "isSyncLeader": False,
            "enrolledAt": "2020-01-01T00:00:00",
            "isListed": False,
        },
        headers=AS_JIWOO,
    )

    assert answer.status_code == 200
    assert rows(f"{kept} FROM enrollments") == before
    assert rows("SELECT * FROM courses") == courses
    assert rows("SELECT id FROM enrollments WHERE NOT is_sync_enabled") == [(1,)]


@pytest.mark.usefixtures("semester")
async def test_every_answer_is_as_documented_and_nothing_more(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    """S-02, S-03: answers and error answers of each endpoint, in two zones"""
    ids = {"courseId": "1", "canvasAssignmentId": "10", "enrollmentId": "1"}
    requests = [
        ids,
        dict.fromkeys(ids, "999"),
        dict.fromkeys(ids, "x"),
        dict.fromkeys(ids, str(2**64)),
    ]
    seen: set[tuple[str, int]] = set()
    for method, path, operation in operations(document):
        for values, extra, body in itertools.product(
            requests,
            ({}, AS_JIWOO, {**AS_JIWOO, "X-Time-Zone": "Asia/Seoul"}),
            (BODY, {}, {"isSyncEnabled": 7}, []) if method == "put" else (None,),
        ):
            answer = await client.request(method, path.format(**values), headers=extra, json=body)
            documented = operation["responses"][str(answer.status_code)]
            seen.add((path, answer.status_code))
            content = documented.get("content")
            if content is None:
                assert answer.content == b""
                continue
            schema = {**content["application/json"]["schema"], "components": document["components"]}
            jsonschema.validate(answer.json(), schema)

    assert {status for _, status in seen} == {200, 400, 401, 404}


async def test_the_document_says_everything_a_client_needs(document: dict[str, Any]) -> None:
    """Lists have pages, every endpoint a zone; answers are closed, have examples, and name their errors."""
    for method, path, operation in operations(document):
        parameters = {p["name"]: p for p in operation["parameters"]}
        is_list = operation["responses"]["200"]["content"]["application/json"]["schema"].get("type")
        assert ("limit" in parameters and "cursor" in parameters) == (is_list == "array"), path
        assert ("headers" in operation["responses"]["200"]) == (is_list == "array"), path
        assert "x-time-zone" in {name.lower() for name in parameters}
        assert all(p.get("description") for p in parameters.values()), path
        assert {"400", "401", "500", "503"} <= operation["responses"].keys()
        assert ("415" in operation["responses"]) == (method == "put")
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if status not in {"200", "404", "415"}:
                assert answer["content"]["application/json"]["examples"]
    schemas = document["components"]["schemas"]
    answers = {name: schema for name, schema in schemas.items() if name != "SyncSwitch"}
    assert {
        name for name, s in answers.items() if s.get("additionalProperties") is not False
    } == set()
    for name in ("AssignmentRead", "CourseRead", "EnrollmentRead", "SyncSwitch"):
        for field, schema in schemas[name]["properties"].items():
            is_shown = "$ref" in schema or "examples" in str(schema)
            assert is_shown, f"{name}.{field}"
