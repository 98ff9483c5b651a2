"""What a release of the first revision reads and writes, again and again while the schema changes under it."""

import threading
import time
from dataclasses import dataclass, field
from typing import Self

import pymysql

from shared.testing.schemas import connect

USERS = 1_000
"""Rows are spread over so many; each statement is about one of them."""

NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"


@dataclass(frozen=True)
class OldRelease:
    """A service at its first revision: its largest tables, and statements on what they had then.

    Attributes:
        service: Its name.
        first: What must be there before.
        fills: Each puts a thousand rows into a large table when `{block}` is a number of its own.
        statements: What its code says; `{user}` and `{number}` differ each time.
    """

    service: str
    first: tuple[str, ...]
    fills: tuple[str, ...]
    statements: tuple[str, ...]


RELEASES = (
    OldRelease(
        "user_service",
        (),
        (
            "INSERT INTO users (email, name, cognito_sub, created_at, updated_at)"
            f" {NUMBERS} SELECT CONCAT('s', {{block}}, '-', i, '@example.com'), '김유니',"
            " CONCAT('user-', {block}, '-', i), NOW(6), NOW(6) FROM n",
            "INSERT INTO group_members (group_id, user_cognito_sub, joined_at)"
            f" {NUMBERS} SELECT {{block}}, CONCAT('user-', i), NOW(6) FROM n",
        ),
        (
            "SELECT id, email, name FROM users WHERE cognito_sub = 'user-1-{user}'",
            "SELECT group_id, role FROM group_members WHERE user_cognito_sub = 'user-{user}' LIMIT 50",
            "INSERT INTO group_members (group_id, user_cognito_sub, joined_at)"
            " VALUES (1000000 + {number}, 'user-{user}', NOW(6))",
        ),
    ),
    OldRelease(
        "course_service",
        (
            "INSERT INTO courses (id, canvas_course_id, name, created_at, updated_at)"
            " VALUES (1, 1, 'Operating Systems', NOW(6), NOW(6))",
        ),
        (
            "INSERT INTO assignments (id, canvas_assignment_id, course_id, title, created_at, updated_at)"
            f" {NUMBERS} SELECT {{block}} * 1000 + i, {{block}} * 1000 + i, 1, 'Scheduler lab', NOW(6),"
            " NOW(6) FROM n",
            "INSERT INTO assignment_visibility (cognito_sub, assignment_id, canvas_assignment_id,"
            f" listing_hash) {NUMBERS} SELECT CONCAT('user-', i), {{block}} * 1000 + i,"
            " {block} * 1000 + i, REPEAT('0', 32) FROM n",
        ),
        (
            "SELECT id, title FROM assignments WHERE canvas_assignment_id = 1000 + {user}",
            "SELECT assignment_id, due_at FROM assignment_visibility WHERE cognito_sub = 'user-{user}'"
            " LIMIT 50",
            "UPDATE assignment_visibility SET due_at = NOW(6)"
            " WHERE cognito_sub = 'user-{user}' AND assignment_id = 1000 + {user}",
        ),
    ),
    OldRelease(
        "schedule_service",
        (
            "INSERT INTO categories (category_id, cognito_sub, name, color, created_at, updated_at)"
            " VALUES (1, 'user-1', 'Labs', '#FF6B6B', NOW(6), NOW(6))",
        ),
        (
            "INSERT INTO schedules (cognito_sub, category_id, title, start_time, end_time, source_id,"
            f" created_at, updated_at) {NUMBERS} SELECT CONCAT('user-', i), 1, 'Scheduler lab', NOW(6),"
            " NOW(6), CONCAT('canvas-assignment-', {block}, '-', i), NOW(6), NOW(6) FROM n",
            "INSERT INTO todos (cognito_sub, category_id, title, start_date, due_date, created_at,"
            f" updated_at) {NUMBERS} SELECT CONCAT('user-', i), 1, 'Write the scheduler', CURRENT_DATE,"
            " CURRENT_DATE, NOW(6), NOW(6) FROM n",
        ),
        (
            "SELECT schedule_id, title, start_time FROM schedules WHERE cognito_sub = 'user-{user}' LIMIT 50",
            "SELECT todo_id, title FROM todos WHERE cognito_sub = 'user-{user}' LIMIT 50",
            "INSERT INTO todos (cognito_sub, category_id, title, start_date, due_date, created_at,"
            " updated_at) VALUES ('user-{user}', 1, 'Write it up', CURRENT_DATE, CURRENT_DATE, NOW(6),"
            " NOW(6))",
            "INSERT INTO categories (cognito_sub, name, color, created_at, updated_at)"
            " VALUES ('user-{user}', 'Labs {number}', '#FF6B6B', NOW(6), NOW(6))",
        ),
    ),
)


def fill(database_url: str, release: OldRelease, rows: int) -> None:
    """Put so many rows, in all, into the large tables."""
    with connect(database_url) as connection, connection.cursor() as cursor:
        for statement in release.first:
            cursor.execute(statement)
        for block in range(1, rows // len(release.fills) // USERS + 1):
            for statement in release.fills:
                cursor.execute(statement.format(block=block))


@dataclass
class Traffic:
    """Statements of the old release from a connection of its own, ten milliseconds apart."""

    database_url: str
    release: OldRelease
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def take(self) -> list[float]:
        """Return how long each statement took since the last time."""
        taken, self.seconds = self.seconds, []
        return taken

    def _run(self) -> None:
        number = 0
        with connect(self.database_url) as connection, connection.cursor() as cursor:
            while not self._stopping.wait(0.01):
                number += 1
                chosen = self.release.statements[number % len(self.release.statements)]
                began_at = time.monotonic()
                try:
                    cursor.execute(chosen.format(user=number % USERS + 1, number=number))
                    cursor.fetchall()
                except pymysql.MySQLError as problem:
                    self.failures.append(str(problem))
                self.seconds.append(time.monotonic() - began_at)
