"""The gateway's own pages: health, the merged API document, and an API page over all of them (O1, O2, O7, O8)."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from services.api_gateway.errors import GatewayError, RouteUnknown
from services.api_gateway.routes import Service
from shared.web.correlation import HeadMiddleware
from shared.web.health import always_ready, health_router

Document = Callable[[], Awaitable[bytes]]
"""Returns the merged API document, or raises a `GatewayError`."""

_OWN_FILES = Path(__file__).parent / "static"
_SWAGGER_FILES = Path(fastapi_offline.__file__).parent / "static"

_NAMES = {
    Service.USER: "User Service",
    Service.COURSE: "Course Service",
    Service.SCHEDULE: "Schedule Service",
}

_PAGE_HEADERS = {
    # Swagger UI sets style attributes and shows images from data URLs; its scripts and calls stay here.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def create_pages(document: Document) -> FastAPI:
    """Return the app of the gateway's own pages."""
    app = FastAPI(
        title="API Gateway",
        version="1.0.0",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # The gateway depends on nothing it could not answer without: services may come and go behind it.
    app.include_router(health_router(always_ready))

    async def swagger_config() -> dict[str, object]:
        """List the API documents of the services."""
        urls = [
            {"url": f"/v3/api-docs/{service}", "name": name} for service, name in _NAMES.items()
        ]
        return {"urls": urls, "urls.primaryName": _NAMES[Service.USER]}

    async def api_document() -> Response:
        return Response(await document(), media_type="application/json")

    async def api_page() -> Response:
        return FileResponse(_OWN_FILES / "api-page.html", headers=_PAGE_HEADERS)

    app.add_api_route("/v3/api-docs", api_document)
    app.add_api_route("/v3/api-docs/swagger-config", swagger_config)
    app.add_api_route("/swagger-ui.html", api_page)
    app.mount("/swagger-ui/page", StaticFiles(directory=_OWN_FILES))
    app.mount("/swagger-ui", StaticFiles(directory=_SWAGGER_FILES))
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(GatewayError, _answer_refusal)
    app.add_middleware(HeadMiddleware)
    return app


async def _answer_refusal(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, GatewayError)  # noqa: S101
    return JSONResponse(problem.body(), problem.status, {"Cache-Control": "no-store"})


async def _answer_http_exception(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # noqa: S101
    if problem.status_code == 404:
        return JSONResponse(RouteUnknown(request.url.path).body(), 404)
    return JSONResponse({"error": problem.detail}, problem.status_code, problem.headers)
