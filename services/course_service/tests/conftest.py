"""A migrated course_db, the event door and the relay on queues in memory, and the app."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.course_service.main import course_app
from services.course_service.migrate import MIGRATIONS
from services.course_service.settings import QueueNames
from services.course_service.tests.canvas import Worker
from shared.database import Database
from shared.events.routes import LLM_ANALYSIS, SUBMISSION_EVENTS, TASK_CREATION
from shared.messaging.queues import create_queues
from shared.testing.hostile_sqs import HostileSQS
from shared.testing.schemas import connect, delete_rows, execute, migrated_schema

QUEUE_NAMES = QueueNames(
    task_creation=TASK_CREATION.name,
    llm_analysis=LLM_ANALYSIS.name,
    submission_events=SUBMISSION_EVENTS.name,
)

Rows = Callable[..., list[tuple[Any, ...]]]


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
    delete_rows(database_url, numbered_anew=("courses", "enrollments", "assignments"))
    return open_database


@pytest.fixture
def rows(database: Database, database_url: str) -> Rows:
    """Run a statement as an operator would."""

    def run(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return execute(database_url, statement, parameters)

    return run


@pytest.fixture
def empty_documented_tables(database: Database, database_url: str) -> Callable[[], None]:
    """Empty the tables of data.md and no others, as an operator would."""

    def empty() -> None:
        with connect(database_url) as connection, connection.cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            for table in ("courses", "enrollments", "assignments"):
                cursor.execute(f"TRUNCATE TABLE {table}")

    return empty


@pytest.fixture
async def worker(database: Database) -> Worker:
    sqs = HostileSQS(copies=1, shuffled=False)
    await create_queues(sqs, {})
    return Worker(database, sqs, QUEUE_NAMES)


@pytest.fixture(scope="session")
def session_app(open_database: Database) -> FastAPI:
    """The API, whose routes take a while to build."""
    return course_app(open_database, QUEUE_NAMES)


@pytest.fixture
async def client(session_app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The API on empty tables."""
    transport = httpx.ASGITransport(session_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://course") as client:
        yield client
