"""S-08: a deleted student leaves nothing behind, and late messages bring nothing back."""

import asyncio
import logging
from typing import Any

import httpx
import pytest

from services.course_service.snapshots.service import build_snapshot
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
from shared.database import Database

TABLES = ("enrollments", "assignment_visibility", "course_observations", "students", "outbox")
MARK = "2025-11-20T03:00:00.000000Z"


async def delete(client: httpx.AsyncClient, student: str = JIWOO) -> dict[str, int]:
    answer = await client.delete(f"/internal/v1/users/{student}/data")
    assert answer.status_code == 200
    return answer.json()


def traces(rows: Rows, student: str) -> dict[str, int]:
    """Count the rows of any table that name a student in any column."""
    found = {}
    for table in TABLES:
        columns = [row[0] for row in rows(f"SHOW COLUMNS FROM {table}")]
        naming = " OR ".join(f"CAST(`{column}` AS CHAR) LIKE %s" for column in columns)
        ((found[table],),) = rows(
            f"SELECT COUNT(*) FROM {table} WHERE {naming}", *[f"%{student}%"] * len(columns)
        )
    return found


@pytest.fixture
async def semester(worker: Worker, client: httpx.AsyncClient) -> Worker:
    """Jiwoo and Minjun share course 1 but for assignment 12; both have events waiting."""
    shared, own = [assignment(10), assignment(11)], assignment(12)
    await worker.sync(synced(JIWOO, complete(1, *shared, own), complete(2), observedAt=MARK))
    await worker.sync(synced(MINJUN, complete(1, *shared), observedAt=MARK))
    worker.planner_events(), worker.analysis_events()
    for student, enrollment_id in ((JIWOO, 2), (MINJUN, 3)):
        answer = await client.put(
            f"/v1/enrollments/{enrollment_id}/sync",
            json={"isSyncEnabled": False},
            headers={"X-Cognito-Sub": student},
        )
        assert answer.status_code == 200
    return worker


async def test_nothing_names_a_deleted_student_any_more_and_others_keep_everything(
    semester: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    before = traces(rows, MINJUN)
    assert min(traces(rows, JIWOO).values()) > 0

    assert await delete(client) == {"deletedEnrollments": 2, "deletedAssignments": 1}

    assert traces(rows, JIWOO) == dict.fromkeys(TABLES, 0)
    assert traces(rows, MINJUN) == before
    assert rows("SELECT cognito_sub FROM deleted_users") == [(JIWOO,)]
    assert rows("SELECT canvas_assignment_id FROM assignments ORDER BY 1") == [(10,), (11,)]


async def test_it_may_be_repeated_and_a_body_does_not_matter(
    semester: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    await delete(client)
    before = rows("SELECT * FROM deleted_users")

    answer = await client.request(
        "DELETE",
        f"/internal/v1/users/{JIWOO}/data",
        content=b"{not json",
        headers={"Content-Type": "application/json"},
    )

    assert answer.json() == {"deletedEnrollments": 0, "deletedAssignments": 0}
    assert rows("SELECT * FROM deleted_users") == before


async def test_late_messages_are_done_and_bring_nothing_back(
    semester: Worker, client: httpx.AsyncClient, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    await delete(client)
    caplog.set_level(logging.INFO)

    await semester.sync(
        synced(JIWOO, complete(1, assignment(10), assignment(99)), complete(3)),
        courses_synced(JIWOO, course(4)),
    )

    assert traces(rows, JIWOO) == dict.fromkeys(TABLES, 0)
    assert rows("SELECT canvas_assignment_id FROM assignments ORDER BY 1") == [(10,), (11,)]
    assert [r.message for r in caplog.records].count("message_of_deleted_student_skipped") == 2
    assert JIWOO not in caplog.text


async def test_a_student_who_never_synchronised_may_be_deleted(
    worker: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    assert await delete(client) == {"deletedEnrollments": 0, "deletedAssignments": 0}

    await worker.sync(synced(JIWOO, complete(1, assignment(10))))

    assert traces(rows, JIWOO) == dict.fromkeys(TABLES, 0)


async def test_a_snapshot_ordered_before_is_not_built_after(
    semester: Worker, client: httpx.AsyncClient, database: Database, rows: Rows
) -> None:
    """A relay may have claimed the order already."""
    await delete(client)

    assert await build_snapshot(database, cognito_sub=JIWOO, synced_at=None) == []
    assert traces(rows, JIWOO) == dict.fromkeys(TABLES, 0)


async def test_a_request_that_comes_late_finds_nothing(
    semester: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    await delete(client)

    answer = await client.put(
        "/v1/enrollments/1/sync", json={"isSyncEnabled": False}, headers={"X-Cognito-Sub": JIWOO}
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "ENROLLMENT_NOT_FOUND")
    assert traces(rows, JIWOO) == dict.fromkeys(TABLES, 0)


async def test_who_saw_an_assignment_for_want_of_a_listing_is_told_that_it_went(
    worker: Worker, client: httpx.AsyncClient
) -> None:
    await worker.sync(courses_synced(MINJUN, course(1)))
    await worker.sync(synced(JIWOO, complete(1, assignment(10))))
    assert worker.snapshots()[MINJUN].keys() == {10}

    await delete(client)
    await worker.relay()

    assert worker.snapshots() == {MINJUN: {}}


async def test_the_next_student_leads_a_course_whose_leader_goes(
    worker: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    """R-13: the first enrollment of a course, and no other, leads it."""
    await worker.sync(courses_synced("other", course(2)))
    for student in (JIWOO, MINJUN, "third"):
        await worker.sync(courses_synced(student, course(1), course(2)))

    await delete(client)

    assert rows(
        "SELECT c.canvas_course_id, e.cognito_sub FROM enrollments e"
        " JOIN courses c ON c.id = e.course_id WHERE e.is_sync_leader ORDER BY 1"
    ) == [(1, MINJUN), (2, "other")]
    assert rows("SELECT COUNT(*) FROM enrollments") == [(5,)]


async def test_a_message_in_work_meanwhile_loses_or_comes_first(
    worker: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    """S-08, D-01: whichever is first, nothing is left, and nobody else loses anything."""
    listing = complete(1, *(assignment(n) for n in range(1, 11)))
    await worker.sync(synced("stays", listing))
    students = [f"goes-{n}" for n in range(8)]

    async def race(student: str) -> None:
        late: list[Any] = [worker.apply(synced(student, listing, complete(2))) for _ in range(3)]
        await asyncio.gather(*late, delete(client, student))

    await asyncio.gather(*(race(student) for student in students))
    await worker.relay()

    for student in students:
        assert traces(rows, student) == dict.fromkeys(TABLES, 0)
    assert rows("SELECT cognito_sub, is_sync_leader FROM enrollments") == [("stays", 1)]
    assert rows("SELECT COUNT(*) FROM assignments") == [(10,)]
    assert rows("SELECT COUNT(*) FROM assignment_visibility") == [(10,)]


async def test_students_enrolling_while_the_leader_goes_leave_one_leader(
    worker: Worker, client: httpx.AsyncClient, rows: Rows
) -> None:
    """R-13, D-03"""
    for n in range(1, 16):
        await worker.apply(courses_synced(f"leader-{n}", course(n)))
        await asyncio.gather(
            delete(client, f"leader-{n}"),
            *(worker.apply(courses_synced(f"{name}-{n}", course(n))) for name in "abc"),
        )

    assert rows(
        "SELECT COUNT(*) FROM (SELECT SUM(is_sync_leader) AS leaders, COUNT(*) AS students"
        " FROM enrollments GROUP BY course_id) c WHERE leaders = 1 AND students = 3"
    ) == [(15,)]


@pytest.mark.parametrize("name", ["%", "_______", "%25", "7b0e0f6a%", JIWOO[:-1] + "_", "*"])
async def test_a_wildcard_is_nobodys_id(
    semester: Worker, client: httpx.AsyncClient, rows: Rows, name: str
) -> None:
    """S-01"""
    before = [rows(f"SELECT * FROM {table}") for table in TABLES]

    answer = await client.delete(httpx.URL(f"http://course/internal/v1/users/{name}/data"))

    assert answer.status_code in {200, 400}
    assert [rows(f"SELECT * FROM {table}") for table in TABLES] == before


@pytest.mark.parametrize("name", ["%20", f"{JIWOO}%20", "%EA%B0%80", "x" * 256, "%00"])
async def test_what_cannot_be_an_id_is_a_bad_request(
    semester: Worker, client: httpx.AsyncClient, rows: Rows, name: str
) -> None:
    """To the collation, text with trailing spaces or accents equals text without."""
    answer = await client.delete(f"/internal/v1/users/{name}/data")

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert rows("SELECT * FROM deleted_users") == []
