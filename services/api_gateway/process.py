"""Puts one gateway together: the composition root of a process that serves clients."""

import asyncio
import gc
import socket

from redis.asyncio import BlockingConnectionPool, Redis

from services.api_gateway.access_log import AccessLog
from services.api_gateway.api_document.published import PublishedDocument
from services.api_gateway.cross_origin import CrossOriginPolicy
from services.api_gateway.forwarding import Forwarder
from services.api_gateway.gateway import Gateway
from services.api_gateway.metrics import Tally
from services.api_gateway.pages import create_pages
from services.api_gateway.rate_limits.leases import SharedLimiter
from services.api_gateway.rate_limits.limiter import Limiter, LocalLimiter
from services.api_gateway.rate_limits.policy import RateLimits
from services.api_gateway.routes import ROUTES, Limit, Route, Service
from services.api_gateway.server.limits import Patience
from services.api_gateway.server.server import Server
from services.api_gateway.service_reader import ServiceReader
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.tokens.key_set import KeySet
from services.api_gateway.tokens.key_source import KeySource
from services.api_gateway.tokens.revocation_source import RevocationSource
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.verifier import TokenVerifier
from services.api_gateway.tracing import TracedForwarder, traced
from services.api_gateway.upstream.circuit import FAILURES_TO_OPEN
from shared.tracing.spans import is_tracing

GARBAGE_THRESHOLD = 20_000
"""New objects until the collector looks at them, instead of 700: it took a tenth of a request's time."""

REDIS_SECONDS = 0.2
"""For one round trip, which takes under a millisecond."""

REDIS_CONNECTIONS = 16
"""For one worker; a round trip takes a tenth of a millisecond, so more would only wait in Redis."""


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
        gateway_key = settings.gateway_key_text
        forwarder = TracedForwarder if is_tracing() else Forwarder
        self._forwarder = forwarder(base_urls, failures_to_open=failures_to_open)
        self._reader = ServiceReader(base_urls, gateway_key)
        self._revocations = Revocations(RevocationSource(self._reader).fetch)
        self._key_source = KeySource(settings.jwks_url)
        self._key_set = KeySet(self._key_source.fetch)
        self._redis = _redis(settings)
        self._limiters = _limiters(settings, self._redis)
        self._access_log = AccessLog(is_on=settings.log_level in {"DEBUG", "INFO"})
        self._tally = Tally()
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
            rate_limits=RateLimits(
                self._limiters, believes_forwarded=settings.environment == "production"
            ),
            access_log=self._access_log,
            tally=self._tally,
        )
        self._server = Server(traced(gateway.handle), patience=patience)

    async def serve(self, listener: socket.socket, stopping: asyncio.Event) -> None:
        """Serve clients until `stopping` is set and they have their answers."""
        _collect_garbage_rarely()
        async with self._forwarder:
            # Before the first request, so that a restart lets nobody in again (J-05).
            await self._revocations.learn()
            background = [
                asyncio.create_task(self._key_set.keep_fresh()),
                asyncio.create_task(self._revocations.keep_current()),
                asyncio.create_task(self._tally.keep_poured()),
                *(
                    asyncio.create_task(limiter.keep_current())
                    for limiter in self._limiters.values()
                    if isinstance(limiter, SharedLimiter)
                ),
            ]
            try:
                await self._server.serve(listener, stopping)
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
                await self._key_source.close()
                await self._reader.close()
                if self._redis is not None:
                    await self._redis.aclose()
                self._access_log.flush()
                self._tally.pour()


def _collect_garbage_rarely() -> None:
    """Leave what lives as long as the process alone: requests leave hardly any cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 20)


def _redis(settings: GatewaySettings) -> Redis | None:
    if settings.redis_url is None:
        return None
    # A limiter that is slower than what it protects is worse than none: it falls back to itself.
    pool = BlockingConnectionPool.from_url(
        settings.redis_url.get_secret_value(),
        max_connections=REDIS_CONNECTIONS,
        timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
    )
    return Redis(connection_pool=pool)


def _limiters(settings: GatewaySettings, redis: Redis | None) -> dict[Limit, Limiter]:
    return {
        limit: LocalLimiter(value) if redis is None else SharedLimiter(redis, limit, value)
        for limit, value in settings.limits.items()
    }
