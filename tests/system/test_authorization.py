"""A stranger's id in every id-like place of every operation: nothing is read, written or linked (S-01, S-02).

The table is generated from the published document: a new operation is tried as soon as it exists.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.system.conftest import (
    SignUp,
    Stack,
    Student,
    due_assignments,
    queues_are_empty,
    rows,
    until,
)

pytestmark = pytest.mark.stack

SECRET = "only-the-owner-may-read-this"
OWNED_TABLES = {
    "course_service": ["enrollments", "assignment_visibility"],
    "schedule_service": ["categories", "schedules", "todos"],
    "user_service": ["users", "credentials", "groups", "group_members", "friendships"],
}
REACHES_OUT_TO = {
    # These name another user on purpose: a request, a block. They make a row of the stranger's own.
    ("post", "/api/v1/friends/requests"),
    ("post", "/api/v1/friends/{friendCognitoSub}/block"),
}
ANSWERED_WITH_400 = (
    # rest.md E7, E8, E10, E19, E20 say so.
    "post /api/v1/friends/requests/{requestId}/",
    "delete /api/v1/friends/{friendshipId}",
    "patch /api/v1/groups/{groupId}/members/{memberId}/role path:memberId",
    "delete /api/v1/groups/{groupId}/members/{memberId} path:",
)
ENDS_THE_SESSION = {
    ("post", "/api/v1/auth/signout"),
    ("delete", "/api/v1/users/me"),
}


async def owned_by(student: Student) -> dict[str, Any]:
    """Make one of everything, each with the secret in its text; returns ids by their names on the wire."""
    await student.sync_everything()
    await student.shows(await due_assignments(student.canvas))
    course = (await student.get("/courses"))[0]
    assignment = (await student.get(f"/courses/{course['id']}/assignments"))[0]
    group = await student.post("/groups", {"name": SECRET, "description": SECRET})
    members = await student.get(f"/groups/{group['groupId']}/members")
    category = await student.post("/categories", {"name": SECRET, "color": "#4ECDC4"})
    schedule = await student.post(
        "/schedules",
        {
            "title": SECRET,
            "startTime": "2026-12-01T10:00:00",
            "endTime": "2026-12-01T11:00:00",
            "categoryId": category["categoryId"],
        },
    )
    todo = await student.post(
        "/todos",
        {
            "title": SECRET,
            "startDate": "2026-12-01",
            "dueDate": "2026-12-02",
            "categoryId": category["categoryId"],
        },
    )
    return {
        "courseId": course["id"],
        "canvasAssignmentId": assignment["canvasAssignmentId"],
        "enrollmentId": (await student.get("/enrollments"))[0]["id"],
        "groupId": group["groupId"],
        "memberId": members[0]["memberId"],
        "categoryId": category["categoryId"],
        "scheduleId": schedule["scheduleId"],
        "todoId": todo["todoId"],
        "parentTodoId": todo["todoId"],
    }


async def friendship_between(owner: Student, friend: Student) -> int:
    """Return the id of a pending request that the stranger has no part in."""
    request = await friend.post("/friends/requests", {"friendCognitoSub": owner.cognito_sub})
    return int(request["friendshipId"])


def everything_of(stack: Stack, sub: str) -> dict[str, list[Any]]:
    """Return every row that names the owner, as an operator reads it."""
    columns = {
        "groups": "owner_cognito_sub",
        "group_members": "user_cognito_sub",
        "friendships": "friend_cognito_sub",
    }
    return {
        table: rows(
            stack,
            service,
            f"SELECT * FROM `{table}` WHERE {columns.get(table, 'cognito_sub')} = %s ORDER BY 1",
            sub,
        )
        for service, tables in OWNED_TABLES.items()
        for table in tables
    }


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and of several forms take the first that is an object or a value."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for form in schema.get("anyOf", []):
        if form.get("type") != "null":
            return resolved(document, form)
    return schema


def value_for(document: dict[str, Any], name: str, schema: dict[str, Any]) -> Any:
    """Return a value that the document permits."""
    schema = resolved(document, schema)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("examples"):
        return schema["examples"][0]
    if name in {"startTime", "endTime"}:
        return {"startTime": "2026-12-01T10:00:00", "endTime": "2026-12-01T11:00:00"}[name]
    values = {
        "startDate": "2026-12-01",
        "endDate": "2026-12-02",
        "dueDate": "2026-12-02",
        "color": "#4ECDC4",
        "email": "someone@example.com",
        "password": "Planner2026",
    }
    if name in values:
        return values[name]
    kinds = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return kinds.get(str(schema.get("type")), "text")


def body_for(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any] | None:
    """Return a body with every field of the document, or None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = resolved(document, content["schema"])
    return {
        name: value_for(document, name, field)
        for name, field in schema.get("properties", {}).items()
    }


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") != [] and (method, path) not in ENDS_THE_SESSION:
                yield method, path, operation


def attempts(
    document: dict[str, Any], own: dict[str, Any], foreign: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any] | None]]:
    """Yield every operation with one foreign id at a time in path, query or body, all others the stranger's own."""
    for method, path, operation in operations(document):
        parameters = {
            where: [p["name"] for p in operation.get("parameters", []) if p["in"] == where]
            for where in ("path", "query")
        }
        required_query = {
            p["name"]: value_for(document, p["name"], p["schema"])
            for p in operation.get("parameters", [])
            if p["in"] == "query" and p.get("required")
        }
        body = body_for(document, operation)
        if body is not None:
            body = {name: own.get(name, value) for name, value in body.items()}
        places = [("path", name) for name in parameters["path"] if name in foreign]
        places += [("query", name) for name in parameters["query"] if name in foreign]
        places += [("body", name) for name in body or {} if name in foreign]
        for where, foreign_name in places:
            target, query, sent = path, dict(required_query), copy.deepcopy(body)
            for name in parameters["path"]:
                source = foreign if (where, foreign_name) == ("path", name) else own
                target = target.replace("{" + name + "}", str(source[name]))
            if where == "query":
                query[foreign_name] = foreign[foreign_name]
            if where == "body" and sent is not None:
                sent[foreign_name] = foreign[foreign_name]
            yield (
                f"{method} {path} {where}:{foreign_name}",
                target,
                query | {"__method": method},
                sent,
            )


async def test_a_strangers_id_anywhere_reads_writes_and_links_nothing(
    stack: Stack, sign_up: SignUp, canvas: httpx.AsyncClient
) -> None:
    """S-01"""
    owner, friend, stranger = await sign_up(), await sign_up(), await sign_up()
    foreign = await owned_by(owner)
    foreign["requestId"] = foreign["friendshipId"] = await friendship_between(owner, friend)
    stranger_token = (await canvas.post("/_sandbox/users", json={"course_ids": []})).json()["token"]
    await stranger.post("/integrations/canvas/credentials", {"canvasToken": stranger_token})
    own = await own_things(stranger, owner)
    document = (await stranger.gateway.get("/v3/api-docs")).json()
    # Steps of the owner's assignments would otherwise arrive in between.
    await until(lambda: queues_are_empty(stack, and_analysed=True), seconds=60)
    before = everything_of(stack, owner.cognito_sub)
    leaks, unreached, tried = [], [], 0

    for title, target, query, body in attempts(document, own, foreign):
        method = query.pop("__method")
        if (method, title.split(" ")[1]) in REACHES_OUT_TO:
            continue
        answer = await stranger.gateway.request(method, target, params=query, json=body)
        tried += 1
        if answer.status_code == 400 and not title.startswith(ANSWERED_WITH_400):
            unreached.append(f"{title}: {answer.text[:200]}")
        if SECRET in answer.text or answer.status_code >= 500:
            leaks.append(f"{title}: {answer.status_code} {answer.text[:200]}")
        reads_nothing = answer.status_code == 200 and answer.json() == []
        if answer.is_success and not reads_nothing and "path" in title:
            leaks.append(f"{title}: {answer.status_code} {answer.text[:200]}")
        if answer.is_success and body is not None and _links(answer, foreign, title):
            leaks.append(f"{title}: linked {answer.text[:200]}")

    print(f"\n{tried} operations and places tried")
    assert leaks == []
    print("\n".join(unreached))
    assert unreached == [], "a malformed request says nothing about permissions"
    assert tried >= 45
    assert everything_of(stack, owner.cognito_sub) == before


async def own_things(student: Student, other: Student) -> dict[str, Any]:
    """Make the stranger's own group, category, schedule and todo."""
    group = await student.post("/groups", {"name": "Mine"})
    members = await student.get(f"/groups/{group['groupId']}/members")
    category = await student.post("/categories", {"name": "Mine", "color": "#4ECDC4"})
    dates = {"startDate": "2026-12-01", "dueDate": "2026-12-02"}
    times = {"startTime": "2026-12-01T10:00:00", "endTime": "2026-12-01T11:00:00"}
    mine = {"title": "Mine", "categoryId": category["categoryId"]}
    schedule = await student.post("/schedules", {**mine, **times})
    todo = await student.post("/todos", {**mine, **dates})
    return {
        "groupId": group["groupId"],
        "memberId": members[0]["memberId"],
        "categoryId": category["categoryId"],
        "scheduleId": schedule["scheduleId"],
        "todoId": todo["todoId"],
        "parentTodoId": todo["todoId"],
        "courseId": 1,
        "enrollmentId": 1,
        "canvasAssignmentId": 1,
        "requestId": 1,
        "friendshipId": 1,
        "friendCognitoSub": other.cognito_sub,
        "cognitoSub": student.cognito_sub,
        "userCognitoSub": student.cognito_sub,
        "role": "MEMBER",
        "deadline": None,
        "recurrenceRule": None,
        "source": "USER",
        "sourceId": None,
        "userIds": [],
        "workingHoursStart": None,
        "workingHoursEnd": None,
        "daysOfWeek": None,
        "canvasToken": "not-a-token",
    }


def _links(answer: httpx.Response, foreign: dict[str, Any], title: str) -> bool:
    name = title.rpartition(":")[2]
    shown = answer.json() if answer.content else {}
    return isinstance(shown, dict) and json.dumps(shown.get(name)) == json.dumps(foreign[name])
