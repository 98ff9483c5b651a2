"""D-07: queries on a user's path do not grow with the rows of others, nor their number with one's own."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from services.course_service.snapshots.service import build_snapshot
from services.course_service.tests.canvas import JIWOO
from services.course_service.tests.conftest import Rows
from shared.database import Database
from shared.testing.schemas import connect, empty_tables

AS_JIWOO = {"X-Cognito-Sub": JIWOO}
DAY, LATER = "2025-01-01", "2100-01-01"

Statement = tuple[str, Any]


@pytest.fixture
def statements() -> Iterator[list[Statement]]:
    """Record every statement that is sent to the database."""
    sent: list[Statement] = []

    def record(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", record)
    yield sent
    event.remove(Engine, "before_cursor_execute", record)


@pytest.fixture
def scans(database_url: str) -> Iterator[dict[str, list[str]]]:
    """Explain every statement just before it runs; hold those that read a whole table or index."""
    found: dict[str, list[str]] = {"explained": [], "scanning": []}

    def explain(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> None:
        if not statement.startswith(("SELECT", "UPDATE", "DELETE")):
            return
        found["explained"].append(statement)
        with connect(database_url) as connection, connection.cursor() as cursor:
            # Explaining a locking read would wait for the lock that is held here.
            cursor.execute(
                f"EXPLAIN FORMAT=TRADITIONAL {statement.removesuffix(' FOR UPDATE')}", parameters
            )
            names = [column[0] for column in cursor.description]
            steps = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if any(step["type"] in {"ALL", "index"} for step in steps):
            found["scanning"].append(f"{statement} {steps}")

    event.listen(Engine, "before_cursor_execute", explain)
    yield found
    event.remove(Engine, "before_cursor_execute", explain)


def fill(
    database_url: str,
    students: list[str],
    *,
    courses: int,
    enrollments_each: int,
    assignments_each: int,
) -> None:
    """Write rows as if every student had synchronised `enrollments_each` of the courses."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")

        def insert(table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
            # PyMySQL sends many rows at once only when all values are placeholders.
            places = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)

        insert(
            "courses",
            "id, canvas_course_id, name, created_at, updated_at",
            [(n, n, "Course", DAY, DAY) for n in range(1, courses + 1)],
        )
        insert(
            "assignments",
            "id, canvas_assignment_id, course_id, title, created_at, updated_at",
            [
                (n, n, (n - 1) // assignments_each + 1, "Assignment", DAY, DAY)
                for n in range(1, courses * assignments_each + 1)
            ],
        )
        enrolled = [
            (student, (number * 7 + n) % courses + 1)
            for number, student in enumerate(students)
            for n in range(enrollments_each)
        ]
        insert(
            "enrollments",
            "cognito_sub, course_id, is_sync_enabled, enrolled_at, is_listed",
            [(student, course_id, 1, DAY, 1) for student, course_id in enrolled],
        )
        insert(
            "assignment_visibility",
            "cognito_sub, assignment_id, canvas_assignment_id, listing_hash",
            [
                (student, first + n, first + n, "x")
                for student, course_id in enrolled[: 20 * enrollments_each]
                for first in [(course_id - 1) * assignments_each + 1]
                for n in range(assignments_each)
            ],
        )
        insert("students", "cognito_sub", [(student,) for student in students])
        insert(
            "outbox",
            "event_type, queue_name, unique_key, body, version, created_at, due_at",
            [("X", "x", f"snapshot:{n}", "{}", "x", LATER, LATER) for n in range(10_000)],
        )
        cursor.execute(
            "ANALYZE TABLE courses, assignments, enrollments, assignment_visibility, students,"
            " outbox"
        )


async def test_nothing_a_user_does_reads_a_whole_table(
    database: Database,
    database_url: str,
    client: httpx.AsyncClient,
    rows: Rows,
    scans: dict[str, list[str]],
) -> None:
    """D-07: E27 to E32, I6, snapshots and the deletion, at more than ten thousand rows"""
    others = [f"student-{n}" for n in range(400)]
    fill(database_url, [JIWOO, *others], courses=400, enrollments_each=30, assignments_each=30)
    for table in ("assignments", "enrollments", "assignment_visibility", "outbox"):
        assert rows(f"SELECT COUNT(*) >= 10000 FROM {table}") == [(1,)]

    for path in (
        "/v1/courses",
        "/v1/courses?limit=10",
        "/v1/courses/1",
        "/v1/courses/1/assignments",
        "/v1/courses/1/assignments?limit=10&cursor=WzVd",
        "/v1/assignments/canvas/1",
        "/v1/enrollments",
        "/v1/enrollments?limit=10&cursor=WzVd",
        "/internal/v1/enrollments/enabled",
    ):
        answer = await client.get(path, headers=AS_JIWOO)
        assert (answer.status_code, bool(answer.json())) == (200, True), path
    await client.put("/v1/enrollments/1/sync", json={"isSyncEnabled": False}, headers=AS_JIWOO)
    assert len(await build_snapshot(database, cognito_sub=JIWOO, synced_at=None)) == 1
    deleted = await client.delete(f"/internal/v1/users/{JIWOO}/data")

    assert deleted.json()["deletedEnrollments"] == 30
    assert len(scans["explained"]) > 30
    assert scans["scanning"] == []


@pytest.mark.parametrize(
    ("path", "is_of_courses"),
    [("/v1/courses", True), ("/v1/enrollments", True), ("/v1/courses/1/assignments", False)],
)
async def test_a_list_takes_as_many_statements_for_three_hundred_rows_as_for_ten(
    database: Database,
    database_url: str,
    client: httpx.AsyncClient,
    statements: list[Statement],
    path: str,
    is_of_courses: bool,
) -> None:
    """D-07: at most five, whole or in pages"""
    counts: list[int] = []
    for size in (10, 300):
        empty_tables(database_url)
        courses, assignments = (size, 1) if is_of_courses else (1, size)
        fill(
            database_url,
            [JIWOO],
            courses=courses,
            enrollments_each=courses,
            assignments_each=assignments,
        )
        for query, shown in (("", size), ("?limit=9", 9)):
            statements.clear()
            answer = await client.get(path + query, headers=AS_JIWOO)
            assert len(answer.json()) == shown
            counts.append(len(statements))

    assert len(set(counts)) == 1
    assert 0 < counts[0] <= 5
