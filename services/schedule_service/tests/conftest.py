"""A migrated schema, the event door and the API of schedule_service, with a user_service made of a table."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from starlette.responses import JSONResponse

from services.schedule_service.main import build_app
from services.schedule_service.migrate import MIGRATIONS
from services.schedule_service.sync.handlers import task_creation_handler
from shared.database import Database
from shared.messaging.consumer import Handler
from shared.testing.schemas import connect, delete_rows, migrated_schema

SUB = "7b0e0f6a-1111-4222-8333-944455556666"
OTHER_SUB = "0a1b2c3d-1111-4222-8333-944455550000"
API_KEY = "key-of-the-functions"
CALLS_PER_DAY = 5


@pytest.fixture(scope="session")
def schedule_db(mysql_server_url: str) -> Iterator[str]:
    with migrated_schema(mysql_server_url, MIGRATIONS) as url:
        yield url


@pytest.fixture
def database_url(schedule_db: str) -> str:
    # Tests name ids of these, and plans of statements on them follow statistics, which truncating resets, too.
    delete_rows(schedule_db, numbered_anew=("categories", "schedules", "todos"))
    return schedule_db


@pytest.fixture(scope="session")
async def session_database(schedule_db: str) -> AsyncIterator[Database]:
    database = Database(schedule_db)
    yield database
    await database.close()


@pytest.fixture
def database(session_database: Database, database_url: str) -> Database:
    """Units of work on empty tables."""
    return session_database


@pytest.fixture
async def failing_commits(database: Database) -> AsyncIterator[None]:
    """Every COMMIT fails while this lasts."""

    def refuse(_: object) -> None:
        raise OperationalError("COMMIT", {}, Exception(9999, "disk full"))

    engine = database.engine.sync_engine
    event.listen(engine, "commit", refuse)
    yield
    event.remove(engine, "commit", refuse)
    # The driver never saw these commits, so its connections still hold their transactions.
    await database.close()


@dataclass
class Planner:
    """The tables as an operator or another program sees and fills them."""

    url: str
    sub: str = SUB
    other_sub: str = OTHER_SUB

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert(self, table: str, **values: object) -> int:
        values = {"created_at": "2025-01-01", "updated_at": "2025-01-01", **values}
        with connect(self.url) as connection, connection.cursor() as cursor:
            columns = ", ".join(values)
            places = ", ".join(["%s"] * len(values))
            cursor.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({places})", tuple(values.values())
            )
            return int(cursor.lastrowid)

    def category(self, **values: object) -> int:
        return self.insert(
            "categories", **{"cognito_sub": SUB, "name": "own", "color": "#123456", **values}
        )

    def schedule(self, category_id: int, **values: object) -> int:
        given = {"cognito_sub": SUB, "title": "by hand", "category_id": category_id}
        times = {"start_time": "2026-03-04 09:00:00", "end_time": "2026-03-04 10:00:00"}
        return self.insert("schedules", **{**given, **times, **values})

    def todo(self, category_id: int, **values: object) -> int:
        given = {"cognito_sub": SUB, "title": "step", "category_id": category_id}
        times = {"start_date": "2026-03-01", "due_date": "2026-03-04"}
        return self.insert("todos", **{**given, **times, **values})

    def schedules(self, sub: str = SUB) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM schedules WHERE cognito_sub = %s ORDER BY schedule_id", sub)

    def categories(self, sub: str = SUB) -> list[dict[str, Any]]:
        return self.rows(
            "SELECT * FROM categories WHERE cognito_sub = %s ORDER BY category_id", sub
        )

    def deadlines(self, sub: str = SUB) -> dict[str, datetime]:
        """Start by source id; fails on duplicates."""
        canvas = [row for row in self.schedules(sub) if row["source"] == "CANVAS"]
        found = {row["source_id"]: row["start_time"] for row in canvas}
        assert len(found) == len(canvas), "two schedules for one assignment"
        return found

    def truncate(self, *tables: str) -> None:
        with connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            for table in tables:
                cursor.execute(f"TRUNCATE TABLE {table}")

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        tables = ("categories", "schedules", "todos", "canvas_snapshots")
        return {table: self.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables}


@pytest.fixture
def planner(database_url: str) -> Planner:
    return Planner(database_url)


@pytest.fixture
def handle(database: Database) -> Handler:
    """The event door of one worker."""
    return task_creation_handler(database)


class Events:
    """Builds messages, starting from the shared samples."""

    samples = Path(__file__).parents[3] / "shared" / "events" / "samples"

    def sample(self, event_type: str) -> dict[str, Any]:
        return orjson.loads((self.samples / f"{event_type}.json").read_bytes())

    def entry(self, canvas_assignment_id: int = 90210, **fields: Any) -> dict[str, Any]:
        entry = self.sample("USER_ASSIGNMENTS_CREATED")["assignments"][0]
        return {**entry, "canvasAssignmentId": canvas_assignment_id, **fields}

    def snapshot(self, *entries: Any, **fields: Any) -> dict[str, Any]:
        """A complete snapshot that claims no place in an order unless given one."""
        message = self.sample("USER_ASSIGNMENTS_CREATED")
        del message["snapshotAt"]
        return {**message, "assignments": list(entries), **fields}

    def disabled(self, **fields: Any) -> dict[str, Any]:
        message = self.sample("COURSE_DISABLED")
        del message["snapshotAt"]
        return {**message, **fields}

    def at(self, order: int) -> str:
        return f"2025-11-20T03:04:06.{order:06d}Z"

    def source_id(self, canvas_assignment_id: int, sub: str = SUB) -> str:
        return f"canvas-assignment-{canvas_assignment_id}-{sub}"


@pytest.fixture
def events() -> Events:
    return Events()


@dataclass
class UserServiceTable:
    """Answers I2, I3 and I5 from a table; fails the next calls on request."""

    roles: dict[int, dict[str, str]] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def forget(self) -> None:
        self.roles, self.statuses, self.calls = {}, [], []

    def app(self) -> FastAPI:
        app = FastAPI()

        def answer(path: str, content: Any) -> JSONResponse:
            self.calls.append(path)
            return JSONResponse(content, status_code=self.statuses.pop(0) if self.statuses else 200)

        @app.get("/api/internal/groups/{group_id}/members/cognito-subs")
        async def members(group_id: int) -> JSONResponse:
            return answer("members", list(self.roles.get(group_id, {})))

        @app.get("/api/internal/groups/{group_id}/members/{sub}")
        async def membership(group_id: int, sub: str) -> JSONResponse:
            role = self.roles.get(group_id, {}).get(sub)
            content = {"groupId": group_id, "cognitoSub": sub, "member": role is not None}
            return answer("role", {**content, "role": role})

        @app.get("/api/internal/users/{sub}/groups")
        async def groups(sub: str) -> JSONResponse:
            return answer("groups", [group for group, roles in self.roles.items() if sub in roles])

        return app


@pytest.fixture(scope="session")
def session_user_service() -> UserServiceTable:
    return UserServiceTable()


@pytest.fixture
def user_service(session_user_service: UserServiceTable) -> UserServiceTable:
    """A user_service that knows no group yet."""
    session_user_service.forget()
    return session_user_service


@pytest.fixture(scope="session")
async def session_api(
    session_database: Database, session_user_service: UserServiceTable
) -> AsyncIterator[httpx.AsyncClient]:
    to_user_service = httpx.AsyncClient(
        transport=httpx.ASGITransport(session_user_service.app()), base_url="http://user-service"
    )
    transport = httpx.ASGITransport(
        build_app(
            session_database, to_user_service, api_key=API_KEY, analysis_calls_per_day=CALLS_PER_DAY
        )
    )
    async with httpx.AsyncClient(
        transport=transport, base_url="http://schedule-service", headers={"X-Cognito-Sub": SUB}
    ) as client:
        yield client
    await to_user_service.aclose()


@pytest.fixture
def api(
    session_api: httpx.AsyncClient, database: Database, user_service: UserServiceTable
) -> httpx.AsyncClient:
    """The API on empty tables, called as the student `SUB` unless a header says otherwise."""
    return session_api
