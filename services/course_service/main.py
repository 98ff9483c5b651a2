"""Composition root of course_service's API: `python -m services.course_service`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.course_service.assignments.router import assignments, of_course
from services.course_service.deletion.router import internal as deletion
from services.course_service.enrollments.router import courses, enrollments
from services.course_service.enrollments.router import internal as enabled_enrollments
from services.course_service.migrate import MIGRATIONS
from services.course_service.settings import APISettings, QueueNames
from shared.database import Database
from shared.logging import configure_logging
from shared.migrations import schema_check
from shared.settings import load_settings
from shared.tracing.spans import configure_tracing
from shared.web.app import create_app
from shared.web.errors import code_shape
from shared.web.health import management_app
from shared.web.serving import LEAVING_SECONDS, run


def course_app(
    database: Database, queue_names: QueueNames, *, gateway_key: str | None = None
) -> FastAPI:
    """Return the service's app, which asks callers for the key; it closes the database when it shuts down."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    return create_app(
        title="Course Service API",
        routers=[courses, of_course, assignments, enrollments, enabled_enrollments, deletion],
        error_shape=code_shape,
        is_ready=database.is_reachable,
        state={"database": database, "queue_names": queue_names},
        lifespan=lifespan,
        gateway_key=gateway_key,
    )


def main() -> None:
    """Serve the API until SIGTERM."""
    settings = load_settings(APISettings)
    configure_logging("course_service", settings.log_level)
    configure_tracing("course_service")
    database = Database(settings.database_url)

    run(
        {
            (settings.host, settings.port): course_app(
                database, settings.queue_names(), gateway_key=settings.gateway_key_text
            ),
            (settings.host, settings.management_port): management_app(database.is_reachable),
        },
        schema_check(database, MIGRATIONS),
        leaving_seconds=LEAVING_SECONDS[settings.environment],
    )
