"""E27 to E32, I6 and the operational routes."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from services.course_service.main import course_app
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
from services.course_service.tests.conftest import QUEUE_NAMES, Rows
from shared.database import Database

DISABLED = json.loads(
    Path("shared/events/samples/COURSE_DISABLED.json").read_text(encoding="utf-8")
)
AS_JIWOO = {"X-Cognito-Sub": JIWOO}
AS_MINJUN = {"X-Cognito-Sub": MINJUN}
COURSE_FIELDS = {
    "id",
    "canvasCourseId",
    "name",
    "courseCode",
    "description",
    "startAt",
    "endAt",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
async def semester(worker: Worker) -> Worker:
    """Jiwoo takes courses 1 and 2, Minjun course 2; course ids equal Canvas ids."""
    await worker.sync(
        synced(JIWOO, complete(1, assignment(10)), complete(2, assignment(20), assignment(21)))
    )
    await worker.sync(courses_synced(MINJUN, course(2)))
    worker.planner_events(), worker.analysis_events()
    return worker


async def get(client: httpx.AsyncClient, path: str, headers: dict[str, str] = AS_JIWOO) -> Any:
    return await client.get(path, headers=headers)


class TestCourses:
    async def test_all_courses_of_the_caller_are_listed_by_enrollment(
        self, semester: Worker, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        """E27"""
        rows("UPDATE enrollments SET is_sync_enabled = 0 WHERE course_id = 1")

        listed = (await get(client, "/v1/courses")).json()

        assert [entry["canvasCourseId"] for entry in listed] == [1, 2]
        assert listed[0].keys() == COURSE_FIELDS
        assert listed[0]["startAt"] == "2025-09-01T00:00:00"
        assert listed[0]["endAt"] is None

    async def test_a_caller_without_enrollments_gets_an_empty_list(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        for path in ("/v1/courses", "/v1/enrollments", "/internal/v1/enrollments/enabled"):
            answer = await get(client, path, {"X-Cognito-Sub": "stranger"})
            assert (answer.status_code, answer.json()) == (200, [])

    async def test_a_course_of_ones_own_is_read(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        """E28"""
        listed = (await get(client, "/v1/courses")).json()

        assert (await get(client, "/v1/courses/2")).json() == listed[1]

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/courses/1",
            "/v1/courses/999",
            "/v1/assignments/canvas/10",
            "/v1/assignments/canvas/9",
        ],
    )
    async def test_foreign_and_absent_look_the_same(
        self, semester: Worker, client: httpx.AsyncClient, path: str
    ) -> None:
        """R-12, S-01"""
        answer = await get(client, path, AS_MINJUN)

        assert (answer.status_code, answer.content) == (404, b"")

    async def test_rows_of_other_programs_are_visible_at_once(
        self, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        rows(
            "INSERT INTO courses (canvas_course_id, name, course_code, description, start_at,"
            " end_at, created_at, updated_at)"
            " VALUES (5, 'Theirs', NULL, NULL, NULL, NULL, NOW(6), NOW(6))"
        )
        rows(
            "INSERT INTO enrollments (cognito_sub, course_id, is_sync_leader, is_sync_enabled,"
            " enrolled_at) VALUES (%s, 1, FALSE, TRUE, NOW(6))",
            JIWOO,
        )

        assert [entry["name"] for entry in (await get(client, "/v1/courses")).json()] == ["Theirs"]


class TestAssignments:
    async def test_a_courses_assignments_are_listed_by_id(
        self, semester: Worker, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        """E29"""
        rows("UPDATE assignments SET due_at = '2025-11-28 14:59:00.75'")
        rows("UPDATE assignment_visibility SET due_at = '2025-11-28 14:59:00.75'")

        listed = (await get(client, "/v1/courses/2/assignments")).json()

        assert [entry["canvasAssignmentId"] for entry in listed] == [20, 21]
        stamps = (listed[0].pop("createdAt"), listed[0].pop("updatedAt"))
        assert all(datetime.fromisoformat(stamp).microsecond == 0 for stamp in stamps)
        assert listed[0] == {
            "id": listed[0]["id"],
            "canvasAssignmentId": 20,
            "courseId": 2,
            "title": "Assignment 20",
            "description": "<p>Do it</p>",
            "dueAt": "2025-11-28T14:59:00",
            "pointsPossible": 20,
            "submissionTypes": "online_upload",
        }

    @pytest.mark.parametrize("course_id", [1, 999])
    async def test_a_course_without_enrollment_lists_nothing(
        self, semester: Worker, client: httpx.AsyncClient, course_id: int
    ) -> None:
        """R-12"""
        answer = await get(client, f"/v1/courses/{course_id}/assignments", AS_MINJUN)

        assert (answer.status_code, answer.json()) == (200, [])

    async def test_assignments_of_a_disabled_course_stay_readable(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        await client.put("/v1/enrollments/1/sync", json={"isSyncEnabled": False}, headers=AS_JIWOO)

        listed = (await get(client, "/v1/courses/1/assignments")).json()

        assert [entry["canvasAssignmentId"] for entry in listed] == [10]
        assert (await get(client, "/v1/assignments/canvas/10")).json() == listed[0]

    async def test_an_enrolled_student_without_listing_reads_all(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        """E30"""
        answer = await get(client, "/v1/assignments/canvas/21", AS_MINJUN)

        assert answer.json()["title"] == "Assignment 21"


class TestEnrollments:
    async def test_the_callers_enrollments_are_listed_with_their_courses(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        """E31"""
        listed = (await get(client, "/v1/enrollments", AS_MINJUN)).json()

        (enrollment,) = listed
        assert enrollment["course"].keys() == COURSE_FIELDS
        assert datetime.fromisoformat(enrollment.pop("enrolledAt"))
        assert enrollment.pop("course")["canvasCourseId"] == 2
        assert enrollment == {
            "id": 3,
            "cognitoSub": MINJUN,
            "isSyncLeader": False,
            "isSyncEnabled": True,
        }

    async def test_enabled_enrollments_are_listed_for_the_function(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        """I6"""
        await client.put("/v1/enrollments/1/sync", json={"isSyncEnabled": False}, headers=AS_JIWOO)

        answer = await get(client, "/internal/v1/enrollments/enabled")

        assert answer.json() == [{"courseId": 2, "canvasCourseId": 2, "courseName": "Course 2"}]

    async def test_switching_off_is_told_once(
        self, semester: Worker, client: httpx.AsyncClient
    ) -> None:
        """E32, events.md 4.2: equal to the sample in shape"""
        for _ in range(2):
            answer = await client.put(
                "/v1/enrollments/1/sync", json={"isSyncEnabled": "false"}, headers=AS_JIWOO
            )
            assert answer.status_code == 200
            assert answer.json()["isSyncEnabled"] is False
        await semester.relay()

        (told,) = [e for e in semester.planner_events() if e["eventType"] == "COURSE_DISABLED"]
        assert told == {
            **DISABLED,
            "courseId": 1,
            "canvasCourseId": 1,
            "courseName": "Course 1",
            "snapshotAt": told["snapshotAt"],
        }
        assert told["snapshotAt"].endswith("Z")

    async def test_switching_on_says_nothing(
        self, semester: Worker, client: httpx.AsyncClient, rows: Rows
    ) -> None:
        rows("UPDATE enrollments SET is_sync_enabled = 0")

        answer = await client.put(
            "/v1/enrollments/1/sync", json={"isSyncEnabled": True}, headers=AS_JIWOO
        )
        await semester.relay()

        assert answer.json()["isSyncEnabled"] is True
        assert answer.json() in (await get(client, "/v1/enrollments")).json()
        assert semester.planner_events() == []

    @pytest.mark.parametrize("enrollment_id", [1, 999])
    async def test_a_foreign_and_an_absent_enrollment_are_not_found(
        self, semester: Worker, client: httpx.AsyncClient, rows: Rows, enrollment_id: int
    ) -> None:
        """R-14"""
        answer = await client.put(
            f"/v1/enrollments/{enrollment_id}/sync",
            json={"isSyncEnabled": False},
            headers=AS_MINJUN,
        )

        assert answer.status_code == 404
        assert answer.json() == {
            "code": "ENROLLMENT_NOT_FOUND",
            "message": "There is no such enrollment.",
        }
        assert rows("SELECT MIN(is_sync_enabled) FROM enrollments") == [(1,)]

    @pytest.mark.parametrize("body", [{}, {"isSyncEnabled": None}, {"isSyncEnabled": ""}])
    async def test_the_new_value_is_required(
        self, semester: Worker, client: httpx.AsyncClient, body: dict[str, Any]
    ) -> None:
        answer = await client.put("/v1/enrollments/1/sync", json=body, headers=AS_JIWOO)

        assert answer.status_code == 400
        assert answer.json()["status"] == "error"
        assert answer.json()["errors"].keys() == {"isSyncEnabled"}

    @pytest.mark.parametrize("body", ["[]", '{"isSyncEnabled": 7}', "{", ""])
    async def test_an_unreadable_body_is_a_bad_request(
        self, semester: Worker, client: httpx.AsyncClient, body: str
    ) -> None:
        """R-1"""
        answer = await client.put(
            "/v1/enrollments/1/sync",
            content=body,
            headers={**AS_JIWOO, "Content-Type": "application/json"},
        )

        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")

    async def test_a_failing_commit_is_not_answered_as_done(
        self, semester: Worker, database_url: str, rows: Rows
    ) -> None:
        """A 2xx means committed."""

        def refuse(_: Any) -> None:
            raise RuntimeError("the commit fails")

        failing = Database(database_url)
        event.listen(failing.engine.sync_engine, "commit", refuse)
        transport = httpx.ASGITransport(course_app(failing, QUEUE_NAMES))
        async with httpx.AsyncClient(transport=transport, base_url="http://course") as client:
            answer = await client.put(
                "/v1/enrollments/1/sync", json={"isSyncEnabled": False}, headers=AS_JIWOO
            )
        await failing.close()

        assert answer.status_code == 500
        assert answer.json()["code"] == "INTERNAL_SERVER_ERROR"
        assert rows("SELECT is_sync_enabled FROM enrollments WHERE id = 1") == [(1,)]
        assert rows("SELECT * FROM outbox") == []


class TestCommonRules:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/courses",
            "/v1/courses/1",
            "/v1/courses/1/assignments",
            "/v1/assignments/canvas/1",
            "/v1/enrollments",
            "/internal/v1/enrollments/enabled",
        ],
    )
    async def test_every_door_needs_a_caller(self, client: httpx.AsyncClient, path: str) -> None:
        for headers in ({}, {"X-Cognito-Sub": " "}):
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")

    @pytest.mark.parametrize(
        "path", ["/v1/courses/x", "/v1/courses/x/assignments", "/v1/assignments/canvas/1e3"]
    )
    async def test_an_id_that_is_no_number_is_a_bad_request(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        answer = await get(client, path)

        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")

    @pytest.mark.parametrize("path", ["/v1/tasks", "/v1/notices", "/v1/courses/"])
    async def test_a_path_nobody_serves_is_not_found(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        answer = await get(client, path)

        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")

    async def test_the_document_lists_the_public_endpoints_and_no_others(
        self, client: httpx.AsyncClient
    ) -> None:
        """O3, R-27"""
        document = (await client.get("/v3/api-docs")).json()

        assert document["info"] == {"title": "Course Service API", "version": "1.0.0"}
        assert document["servers"] == [{"url": "/api"}]
        assert {
            f"{method.upper()} {path}"
            for path, operations in document["paths"].items()
            for method in operations
        } == {
            "GET /v1/courses",
            "GET /v1/courses/{courseId}",
            "GET /v1/courses/{courseId}/assignments",
            "GET /v1/assignments/canvas/{canvasAssignmentId}",
            "GET /v1/enrollments",
            "PUT /v1/enrollments/{enrollmentId}/sync",
        }

    async def test_health_follows_the_database(self, client: httpx.AsyncClient) -> None:
        """O1"""
        assert (await client.get("/actuator/health")).json()["status"] == "UP"
        assert (await client.head("/actuator/health")).status_code == 200

        away = Database("mysql://nobody:none@127.0.0.1:1/course_db")
        transport = httpx.ASGITransport(course_app(away, QUEUE_NAMES))
        async with httpx.AsyncClient(transport=transport, base_url="http://course") as lost:
            assert (await lost.get("/actuator/health")).json() == {"status": "DOWN"}
            answer = await lost.get("/v1/courses", headers=AS_JIWOO)
        await away.close()

        assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
