"""Puts the gateway together and runs it."""

import asyncio
import socket
from functools import partial

from services.api_gateway.access_log import AccessLog
from services.api_gateway.api_document.published import PublishedDocument
from services.api_gateway.cross_origin import CrossOriginPolicy
from services.api_gateway.forwarding import Forwarder
from services.api_gateway.gateway import Gateway
from services.api_gateway.pages import create_pages
from services.api_gateway.routes import ROUTES, Route, Service
from services.api_gateway.server.limits import Patience
from services.api_gateway.server.server import Server
from services.api_gateway.service_reader import ServiceReader
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.tokens.key_set import KeySet
from services.api_gateway.tokens.key_source import KeySource
from services.api_gateway.tokens.revocation_source import RevocationSource
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.verifier import TokenVerifier
from services.api_gateway.upstream.circuit import FAILURES_TO_OPEN
from shared.logging import configure_logging
from shared.settings import load_settings
from shared.web.health import always_ready, management_app
from shared.web.serving import listen, run


class GatewayProcess:
    """The gateway with all it needs; `open` keeps its connections, keys and sign-outs fresh."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        routes: tuple[Route, ...] = ROUTES,
        patience: Patience | None = None,
        failures_to_open: int = FAILURES_TO_OPEN,
    ) -> None:
        base_urls = {
            Service.USER: settings.user_service_url,
            Service.COURSE: settings.course_service_url,
            Service.SCHEDULE: settings.schedule_service_url,
        }
        gateway_key = settings.gateway_key.get_secret_value() if settings.gateway_key else None
        self._forwarder = Forwarder(base_urls, failures_to_open=failures_to_open)
        self._reader = ServiceReader(base_urls, gateway_key)
        self._revocations = Revocations(RevocationSource(self._reader).fetch)
        self._key_source = KeySource(settings.jwks_url)
        self._key_set = KeySet(self._key_source.fetch)
        self._access_log = AccessLog(is_on=settings.log_level in {"DEBUG", "INFO"})
        gateway = Gateway(
            forwarder=self._forwarder,
            verifier=TokenVerifier(
                issuer=settings.issuer,
                client_ids=settings.cognito_client_ids,
                key_set=self._key_set,
                revocations=self._revocations,
            ),
            revocations=self._revocations,
            cross_origin=CrossOriginPolicy(settings.allowed_origin),
            pages=create_pages(PublishedDocument(self._reader, routes).current),
            gateway_key=gateway_key,
            routes=routes,
            access_log=self._access_log,
        )
        self._server = Server(gateway.handle, patience=patience)

    async def serve(self, listener: socket.socket, stopping: asyncio.Event) -> None:
        """Serve clients until `stopping` is set and they have their answers."""
        async with self._forwarder:
            # Before the first request, so that a restart lets nobody in again (J-05).
            await self._revocations.learn()
            background = [
                asyncio.create_task(self._key_set.keep_fresh()),
                asyncio.create_task(self._revocations.keep_current()),
            ]
            try:
                await self._server.serve(listener, stopping)
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                await self._key_source.close()
                await self._reader.close()
                self._access_log.flush()


def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings(GatewaySettings)
    configure_logging("api_gateway", settings.log_level)
    listener = listen(settings.host, settings.port)
    run(
        {(settings.host, settings.management_port): management_app(always_ready)},
        partial(GatewayProcess(settings).serve, listener),
    )
