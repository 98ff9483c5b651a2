"""A migrated user_db, and the app on it with doubles around."""

import base64
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from services.user_service.deletions.service import Deletions
from services.user_service.main import build_app
from services.user_service.migrate import MIGRATIONS
from services.user_service.sealing import Sealer, SealingKey
from services.user_service.tests.fakes import (
    FakeCanvas,
    FakeCanvasSync,
    FakeService,
    FakeUserPool,
)
from shared.database import Database
from shared.logging import JSONFormatter
from shared.testing.schemas import delete_rows, execute, migrated_schema

API_KEY = "key-of-the-function"
PEOPLE = ("ann", "bob", "cho", "dan")
TABLES = (
    "users",
    "credentials",
    "friendships",
    "groups",
    "group_members",
    "revocations",
    "deleted_users",
    "pending_deletions",
    "sync_runs",
)
KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="session")
def database_url(mysql_server_url: str) -> Iterator[str]:
    with migrated_schema(mysql_server_url, MIGRATIONS) as url:
        yield url


@pytest.fixture(scope="session")
async def open_database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def database(open_database: Database, database_url: str) -> Database:
    delete_rows(database_url)
    return open_database


@pytest.fixture
def rows(database: Database, database_url: str) -> Callable[..., list[tuple[object, ...]]]:
    def run(statement: str, *parameters: object) -> list[tuple[object, ...]]:
        return execute(database_url, statement, parameters)

    return run


@pytest.fixture
def people(rows: Callable[..., list[tuple[object, ...]]]) -> None:
    """Ann, Bob, Cho and Dan, whose subs are their names."""
    for name in PEOPLE:
        rows(
            "INSERT INTO users (email, name, cognito_sub, is_active, created_at, updated_at)"
            " VALUES (%s, %s, %s, 1, NOW(6), NOW(6))",
            f"{name}@example.com",
            name.title(),
            name,
        )


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """Collect every statement that reaches the database."""
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def aws_credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield


@pytest.fixture
def pool() -> FakeUserPool:
    return FakeUserPool()


@pytest.fixture
def canvas() -> FakeCanvas:
    return FakeCanvas()


@pytest.fixture
def canvas_sync() -> FakeCanvasSync:
    return FakeCanvasSync()


@pytest.fixture
def schedule_service() -> FakeService:
    return FakeService()


@pytest.fixture
def course_service() -> FakeService:
    return FakeService()


@pytest.fixture
def deletions(
    database: Database,
    pool: FakeUserPool,
    schedule_service: FakeService,
    course_service: FakeService,
) -> Deletions:
    return Deletions(database, pool, schedule_service, (course_service, schedule_service))


@pytest.fixture
def sealer() -> Sealer:
    return Sealer([SealingKey("default", bytes(range(32)))])


@pytest.fixture(scope="session")
def session_app(open_database: Database) -> FastAPI:
    """The API, whose routes take a tenth of a second to build."""
    return build_app(open_database, {"api_key": API_KEY}, None)


@pytest.fixture
async def client(
    session_app: FastAPI,
    database: Database,
    pool: FakeUserPool,
    canvas: FakeCanvas,
    canvas_sync: FakeCanvasSync,
    sealer: Sealer,
    schedule_service: FakeService,
    deletions: Deletions,
) -> AsyncIterator[httpx.AsyncClient]:
    """The API on empty tables, with doubles of this test's own around it."""
    session_app.state.user_pool = pool
    session_app.state.canvas_profiles = canvas
    session_app.state.canvas_sync = canvas_sync
    session_app.state.group_data = schedule_service
    session_app.state.deletions = deletions
    session_app.state.sealer = sealer
    transport = httpx.ASGITransport(session_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://user") as client:
        yield client


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return everything logged in the test, as the process would write it."""
    caplog.set_level(logging.DEBUG, logger="services")
    caplog.set_level(logging.DEBUG, logger="shared")
    formatter = JSONFormatter("user_service")

    def read() -> str:
        lines = [formatter.format(record) for record in caplog.records]
        for line in lines:
            json.loads(line)
        return "\n".join(lines)

    return read
