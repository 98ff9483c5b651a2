"""Health routes (O1, O2) of a process: alive, and ready to serve."""

from collections.abc import Awaitable, Callable

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

Probe = Callable[[], Awaitable[bool]]


async def always_ready() -> bool:
    """Be ready whenever the process runs: for processes that depend on nothing to answer."""
    return True


def health_router(is_ready: Probe) -> APIRouter:
    """Return the `/actuator` routes that load balancers and orchestrators ask.

    Args:
        is_ready: Tells in at most about two seconds whether the process can serve.
    """
    router = APIRouter(prefix="/actuator", include_in_schema=False)

    async def readiness() -> Response:
        ready = await is_ready()
        body = {"status": "UP" if ready else "DOWN"}
        return Response(
            orjson.dumps(body), status_code=200 if ready else 503, media_type="application/json"
        )

    async def liveness() -> dict[str, str]:
        return {"status": "UP"}

    async def about() -> dict[str, str]:
        return {}

    router.add_api_route("/health", readiness)
    router.add_api_route("/health/readiness", readiness)
    router.add_api_route("/health/liveness", liveness)
    router.add_api_route("/info", about)
    return router


def management_app(is_ready: Probe, *, registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """Return the app of the management port: health and Prometheus metrics."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.include_router(health_router(is_ready))

    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.add_api_route("/actuator/prometheus", metrics)
    return app
