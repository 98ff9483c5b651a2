"""Every datetime of an answer is in the zone of `X-Time-Zone` (additions.md F)."""

from typing import Any

import httpx
import pytest

from services.course_service.tests.canvas import JIWOO, Worker, assignment, complete, synced
from services.course_service.tests.conftest import Rows

SEOUL = {"X-Cognito-Sub": JIWOO, "X-Time-Zone": "Asia/Seoul"}
"""Nine hours ahead all year."""


@pytest.fixture
async def semester(worker: Worker, rows: Rows) -> None:
    await worker.sync(
        synced(
            JIWOO,
            complete(
                1,
                assignment(10, dueAt="2025-11-28T14:59:00"),
                startAt="2025-09-01T00:00:00Z",
                endAt="2025-12-31T20:00:00Z",
            ),
        )
    )
    for table in ("courses", "assignments"):
        rows(f"UPDATE {table} SET created_at = '2025-08-31 23:00:00.25', updated_at = created_at")
    rows("UPDATE enrollments SET enrolled_at = '2025-08-31 16:30:00.000001'")


def without_ids(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: entry[name] for name in names}


@pytest.mark.usefixtures("semester")
class TestSeoul:
    @pytest.mark.parametrize("path", ["/v1/courses", "/v1/courses/1"])
    async def test_a_course(self, client: httpx.AsyncClient, path: str) -> None:
        answer = (await client.get(path, headers=SEOUL)).json()

        course = answer[0] if isinstance(answer, list) else answer
        assert without_ids(course, "startAt", "endAt", "createdAt", "updatedAt") == {
            "startAt": "2025-09-01T09:00:00",
            "endAt": "2026-01-01T05:00:00",
            "createdAt": "2025-09-01T08:00:00.250000",
            "updatedAt": "2025-09-01T08:00:00.250000",
        }

    @pytest.mark.parametrize("path", ["/v1/courses/1/assignments", "/v1/assignments/canvas/10"])
    async def test_an_assignment_in_whole_seconds(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        answer = (await client.get(path, headers=SEOUL)).json()

        entry = answer[0] if isinstance(answer, list) else answer
        assert without_ids(entry, "dueAt", "createdAt", "updatedAt") == {
            "dueAt": "2025-11-28T23:59:00",
            "createdAt": "2025-09-01T08:00:00",
            "updatedAt": "2025-09-01T08:00:00",
        }

    async def test_an_enrollment_and_its_course(self, client: httpx.AsyncClient) -> None:
        (listed,) = (await client.get("/v1/enrollments", headers=SEOUL)).json()
        switched = await client.put(
            "/v1/enrollments/1/sync", json={"isSyncEnabled": True}, headers=SEOUL
        )

        assert switched.json() == listed
        assert listed["enrolledAt"] == "2025-09-01T01:30:00.000001"
        assert listed["course"]["startAt"] == "2025-09-01T09:00:00"


async def test_the_planner_is_told_in_utc_whatever_the_callers_zone(
    worker: Worker, client: httpx.AsyncClient, semester: None
) -> None:
    await worker.relay()
    worker.planner_events()
    await client.put("/v1/enrollments/1/sync", json={"isSyncEnabled": False}, headers=SEOUL)
    await client.put("/v1/enrollments/1/sync", json={"isSyncEnabled": True}, headers=SEOUL)

    await worker.relay()

    assert worker.snapshots()[JIWOO][10]["dueAt"] == "2025-11-28T14:59:00"


@pytest.mark.parametrize("zone", ["Asia/Nowhere", "", "../etc/passwd", "+09:00"])
async def test_an_unknown_zone_is_a_bad_request(client: httpx.AsyncClient, zone: str) -> None:
    answer = await client.get("/v1/courses", headers={"X-Cognito-Sub": JIWOO, "X-Time-Zone": zone})

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
