"""Composition root of user_service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.user_service.accounts import router as accounts
from services.user_service.auth import router as auth
from services.user_service.auth.cognito import CognitoUserPool
from services.user_service.deletions.service import Deletions
from services.user_service.friends import router as friends
from services.user_service.groups import router as groups
from services.user_service.integrations import router as integrations
from services.user_service.integrations.canvas_client import CanvasClient, canvas_http_client
from services.user_service.integrations.canvas_sync_function import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    CanvasSyncFunction,
)
from services.user_service.migrate import MIGRATIONS
from services.user_service.other_services import TIMEOUT, CourseService, ScheduleService
from services.user_service.sealing import Sealer
from services.user_service.sessions import router as sessions
from services.user_service.settings import UserServiceSettings
from services.user_service.users import router as users
from shared.aws import aws_client
from shared.database import Database
from shared.logging import configure_logging
from shared.migrations import schema_check
from shared.service_calls import service_client
from shared.settings import load_settings
from shared.tracing.spans import configure_tracing
from shared.web.app import Lifespan, create_app
from shared.web.errors import error_code_shape
from shared.web.health import management_app
from shared.web.serving import LEAVING_SECONDS, run

ROUTERS = (
    auth.router,
    sessions.router,
    users.router,
    accounts.router,
    friends.router,
    groups.router,
    integrations.router,
    integrations.internal_router,
    integrations.runs_router,
    groups.internal_router,
    sessions.internal_router,
)


def build_app(
    database: Database,
    parts: dict[str, Any],
    lifespan: Lifespan | None,
    *,
    gateway_key: str | None = None,
) -> FastAPI:
    """Return the API.

    Args:
        database: user_db.
        parts: `sealer` and `api_key`; also `user_pool`, `canvas_profiles`, `canvas_sync`, `group_data` and
            `deletions` unless `lifespan` opens them.
        lifespan: Opens and closes what talks to the outside.
        gateway_key: What callers must present, beside functions, which have a key of their own.
    """
    return create_app(
        title="User Service API",
        routers=ROUTERS,
        error_shape=error_code_shape,
        is_ready=database.is_reachable,
        state={"database": database, **parts},
        lifespan=lifespan,
        gateway_key=gateway_key,
        paths_with_own_keys=("/internal/v1/credentials", "/internal/v1/sync-runs"),
    )


def outside(settings: UserServiceSettings, database: Database) -> Lifespan:
    """Return the lifespan that connects the app to Cognito, Canvas, the function and the other services."""

    gateway_key = settings.gateway_key_text

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            aws_client("cognito-idp", settings) as cognito,
            aws_client(
                "lambda",
                settings,
                connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
                read_timeout_seconds=READ_TIMEOUT_SECONDS,
                max_attempts=1,
                connections=100,
            ) as functions,
            canvas_http_client() as canvas,
            service_client(
                settings.course_service_url, timeout=TIMEOUT, gateway_key=gateway_key
            ) as course,
            service_client(
                settings.schedule_service_url, timeout=TIMEOUT, gateway_key=gateway_key
            ) as schedule,
        ):
            user_pool = CognitoUserPool(
                cognito,
                user_pool_id=settings.cognito_user_pool_id,
                client_id=settings.cognito_client_id,
            )
            schedule_service = ScheduleService(schedule)
            deletions = Deletions(
                database, user_pool, schedule_service, (CourseService(course), schedule_service)
            )
            app.state.user_pool = user_pool
            app.state.group_data = schedule_service
            app.state.deletions = deletions
            app.state.canvas_profiles = CanvasClient(canvas, settings.canvas_base_url)
            app.state.canvas_sync = CanvasSyncFunction(
                functions, settings.canvas_sync_function_name
            )
            stopping = asyncio.Event()
            working = asyncio.create_task(deletions.work(stopping))
            yield
            stopping.set()
            await working
        await database.close()

    return lifespan


def main() -> None:
    """Run the API and the management port until told to stop."""
    settings = load_settings(UserServiceSettings)
    configure_logging("user_service", settings.log_level)
    configure_tracing("user_service")
    database = Database(settings.database_url)
    parts = {
        "sealer": Sealer(settings.sealing_keys()),
        "api_key": settings.canvas_sync_api_key.get_secret_value(),
    }
    app = build_app(
        database,
        parts,
        outside(settings, database),
        gateway_key=settings.gateway_key_text,
    )
    run(
        {
            (settings.host, settings.port): app,
            (settings.host, settings.management_port): management_app(database.is_reachable),
        },
        schema_check(database, MIGRATIONS),
        leaving_seconds=LEAVING_SECONDS[settings.environment],
    )
