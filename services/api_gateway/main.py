"""Puts the gateway together and runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.api_gateway.api_document.published import PublishedDocument
from services.api_gateway.cross_origin import CrossOriginPolicy
from services.api_gateway.forwarding import Forwarder
from services.api_gateway.gateway import Gateway
from services.api_gateway.pages import create_pages
from services.api_gateway.routes import ROUTES, Route, Service
from services.api_gateway.service_reader import ServiceReader
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.tokens.key_set import KeySet
from services.api_gateway.tokens.key_source import KeySource
from services.api_gateway.tokens.revocation_source import RevocationSource
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.verifier import TokenVerifier
from shared.logging import configure_logging
from shared.settings import load_settings
from shared.web.correlation import CorrelationMiddleware
from shared.web.health import always_ready, management_app
from shared.web.serving import run


def create_gateway(settings: GatewaySettings, *, routes: tuple[Route, ...] = ROUTES) -> ASGIApp:
    """Return the gateway's app; its lifespan opens the connections and keeps keys and sign-outs fresh."""
    base_urls = {
        Service.USER: settings.user_service_url,
        Service.COURSE: settings.course_service_url,
        Service.SCHEDULE: settings.schedule_service_url,
    }
    gateway_key = settings.gateway_key.get_secret_value() if settings.gateway_key else None
    forwarder = Forwarder(base_urls)
    reader = ServiceReader(base_urls, gateway_key)
    revocations = Revocations(RevocationSource(reader).fetch)
    key_source = KeySource(settings.jwks_url)
    key_set = KeySet(key_source.fetch)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with forwarder:
            # Before the first request, so that a restart lets nobody in again (J-05).
            await revocations.learn()
            background = [
                asyncio.create_task(key_set.keep_fresh()),
                asyncio.create_task(revocations.keep_current()),
            ]
            try:
                yield
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                await key_source.close()
                await reader.close()

    gateway = Gateway(
        forwarder=forwarder,
        verifier=TokenVerifier(
            issuer=settings.issuer,
            client_ids=settings.cognito_client_ids,
            key_set=key_set,
            revocations=revocations,
        ),
        revocations=revocations,
        cross_origin=CrossOriginPolicy(settings.allowed_origin),
        pages=create_pages(lifespan, PublishedDocument(reader, routes).current),
        gateway_key=gateway_key,
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
