"""Composition root of schedule_service's API process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.schedule_service.analyses.router import router as analyses
from services.schedule_service.categories.router import router as categories
from services.schedule_service.deletion.router import groups_router, users_router
from services.schedule_service.free_slots.router import router as free_slots
from services.schedule_service.groups.user_service import TIMEOUT, UserServiceGroups
from services.schedule_service.migrate import MIGRATIONS
from services.schedule_service.occurrences.router import router as occurrences
from services.schedule_service.schedules.router import router as schedules
from services.schedule_service.settings import APISettings
from services.schedule_service.todos.router import router as todos
from shared.database import Database
from shared.logging import configure_logging
from shared.migrations import schema_check
from shared.service_calls import service_client
from shared.settings import load_settings
from shared.tracing.spans import configure_tracing
from shared.web.app import create_app
from shared.web.errors import error_code_shape
from shared.web.health import management_app
from shared.web.serving import LEAVING_SECONDS, run


def build_app(
    database: Database,
    user_service: httpx.AsyncClient,
    *,
    api_key: str,
    analysis_calls_per_day: int,
    gateway_key: str | None = None,
) -> FastAPI:
    """Return the API; it closes both connections when it stops.

    Args:
        database: The planner.
        user_service: Asked for groups.
        api_key: What functions present to internal endpoints.
        analysis_calls_per_day: How many model calls llm_analysis may make on a day.
        gateway_key: What callers must present, beside functions, which have a key of their own.
    """

    @asynccontextmanager
    async def close_connections(_: FastAPI) -> AsyncIterator[None]:
        yield
        await user_service.aclose()
        await database.close()

    return create_app(
        title="Schedule Service API",
        # Before the schedules, whose ids would match their paths.
        routers=[
            categories,
            free_slots,
            occurrences,
            schedules,
            todos,
            groups_router,
            users_router,
            analyses,
        ],
        error_shape=error_code_shape,
        is_ready=database.is_reachable,
        state={
            "database": database,
            "groups": UserServiceGroups(user_service),
            "api_key": api_key,
            "analysis_calls_per_day": analysis_calls_per_day,
        },
        lifespan=close_connections,
        gateway_key=gateway_key,
        paths_with_own_keys=("/internal/v1/analyses",),
    )


def main() -> None:
    """Serve the API until the process is told to stop."""
    settings = load_settings(APISettings)
    configure_logging("schedule_service", settings.log_level)
    configure_tracing("schedule_service")
    database = Database(settings.database_url)
    user_service = service_client(
        settings.user_service_url,
        timeout=TIMEOUT,
        gateway_key=settings.gateway_key_text,
    )
    api = build_app(
        database,
        user_service,
        api_key=settings.canvas_sync_api_key.get_secret_value(),
        analysis_calls_per_day=settings.analysis_calls_per_day,
        gateway_key=settings.gateway_key_text,
    )
    run(
        {
            (settings.host, settings.port): api,
            (settings.host, settings.management_port): management_app(database.is_reachable),
        },
        schema_check(database, MIGRATIONS),
        leaving_seconds=LEAVING_SECONDS[settings.environment],
    )
