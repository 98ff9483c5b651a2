"""Puts the gateway together and runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.api_gateway.cross_origin import CrossOriginPolicy
from services.api_gateway.forwarding import Forwarder
from services.api_gateway.gateway import Gateway
from services.api_gateway.pages import create_pages
from services.api_gateway.routes import ROUTES, Route, Service
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.tokens.key_set import KeySet
from services.api_gateway.tokens.key_source import KeySource
from services.api_gateway.tokens.verifier import TokenVerifier
from shared.logging import configure_logging
from shared.settings import load_settings
from shared.web.correlation import CorrelationMiddleware
from shared.web.health import always_ready, management_app
from shared.web.serving import run


def create_gateway(settings: GatewaySettings, *, routes: tuple[Route, ...] = ROUTES) -> ASGIApp:
    """Return the gateway's app; its lifespan opens the connections and keeps the pool's keys fresh."""
    forwarder = Forwarder(
        {
            Service.USER: settings.user_service_url,
            Service.COURSE: settings.course_service_url,
            Service.SCHEDULE: settings.schedule_service_url,
        }
    )
    key_source = KeySource(settings.jwks_url)
    key_set = KeySet(key_source.fetch)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with forwarder:
            refreshing = asyncio.create_task(key_set.keep_fresh())
            try:
                yield
            finally:
                refreshing.cancel()
                with suppress(asyncio.CancelledError):
                    await refreshing
                await key_source.close()

    gateway = Gateway(
        forwarder=forwarder,
        verifier=TokenVerifier(
            issuer=settings.issuer, client_ids=settings.cognito_client_ids, key_set=key_set
        ),
        cross_origin=CrossOriginPolicy(settings.allowed_origin),
        pages=create_pages(lifespan),
        gateway_key=settings.gateway_key.get_secret_value() if settings.gateway_key else None,
        routes=routes,
    )
    return CorrelationMiddleware(gateway)


def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings(GatewaySettings)
    configure_logging("api_gateway", settings.log_level)
    run(
        {
            (settings.host, settings.port): create_gateway(settings),
            (settings.host, settings.management_port): management_app(always_ready),
        }
    )
