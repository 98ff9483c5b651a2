"""Builds a service's FastAPI app: routes under the contract's common rules."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, datetime
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi_offline import FastAPIOffline
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from shared.database import DatabaseUnavailable
from shared.identity.gateway_key import GatewayKeyMiddleware
from shared.logging import get_logger
from shared.tracing.asgi import TracingMiddleware
from shared.tracing.spans import is_tracing
from shared.web.correlation import CorrelationMiddleware, HeadMiddleware
from shared.web.errors import (
    BadRequest,
    ErrorShape,
    InvalidFields,
    ServiceError,
    Unavailable,
)
from shared.web.health import Probe, health_router
from shared.web.plans import PlannedPaths
from shared.web.time_zone import is_utc, on_wire

log = get_logger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_STATUS_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 415: "UNSUPPORTED_MEDIA_TYPE"}

_UNREADABLE = ("_type", "_parsing", "_attributes_type", "enum", "json_invalid", "literal_error")
"""Endings of pydantic's error types for values of the wrong kind; all others break a field's rule."""


_PATH_PARAMETER = re.compile(r"(?<=\{)[a-z_]+(?=\})")
"""Python's name of one; the document shows it as rest.md writes it, like the names in bodies."""


def create_app(
    *,
    title: str,
    routers: Sequence[APIRouter],
    error_shape: ErrorShape,
    is_ready: Probe,
    state: dict[str, Any],
    lifespan: Lifespan | None = None,
    gateway_key: str | None = None,
    paths_with_own_keys: Sequence[str] = (),
) -> FastAPI:
    """Return a service's app.

    Args:
        title: `info.title` of its OpenAPI document.
        routers: Its rooms' doors.
        error_shape: How its error objects look.
        is_ready: Its readiness probe.
        state: What the doors' dependencies find in `request.app.state`.
        lifespan: Opens and closes what lives as long as the process.
        gateway_key: What calls must carry (G-03); None asks for nothing.
        paths_with_own_keys: Below these, endpoints ask for a key of their own instead.
    """
    app = FastAPIOffline(
        title=title,
        version="1.0.0",
        openapi_url="/v3/api-docs",
        docs_url="/swagger-ui.html",
        redoc_url=None,
        static_url="/swagger-ui",
        redirect_slashes=False,
        servers=[{"url": "/api"}],
        lifespan=lifespan or _nothing,
        # It would look for providers on each request, and record what a refused request said.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for name, part in state.items():
        setattr(app.state, name, part)
    app.router.routes.append(PlannedPaths(routers))
    for router in routers:
        app.include_router(router)
    app.include_router(health_router(is_ready))
    _install_error_handlers(app, error_shape)
    if gateway_key is not None:
        app.add_middleware(
            GatewayKeyMiddleware,
            key=gateway_key,
            shape=error_shape,
            paths_with_own_keys=paths_with_own_keys,
        )
    app.add_middleware(HeadMiddleware)
    app.add_middleware(CorrelationMiddleware)
    if is_tracing():
        app.add_middleware(TracingMiddleware)
    _declare_security(app)
    return app


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


def json_answer(content: Any, status: int = 200) -> Response:
    """Return rows, dictionaries or lists as a JSON answer, without a model in between."""
    return Response(json_bytes(content), status_code=status, media_type="application/json")


def json_bytes(content: Any) -> bytes:
    """Return rows, dictionaries or lists as JSON.

    Datetimes are stored UTC digits and are written in the request's zone.
    """
    if is_utc():
        return orjson.dumps(content, default=dict)
    return orjson.dumps(content, default=_in_zone, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _in_zone(value: Any) -> Any:
    if isinstance(value, datetime):
        return on_wire(value).isoformat()
    return value.isoformat() if isinstance(value, date) else dict(value)


def _install_error_handlers(app: FastAPI, shape: ErrorShape) -> None:
    def answer(problem: ServiceError) -> Response:
        if isinstance(problem, InvalidFields):
            body = {"status": "error", "message": problem.text, "errors": problem.errors}
        else:
            body = shape(problem.code, problem.text)
        return json_answer(body, problem.status)

    async def on_service_error(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, ServiceError)  # noqa: S101
        return answer(problem)

    async def on_invalid_request(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, RequestValidationError)  # noqa: S101
        return answer(_refusal(problem))

    async def on_http_exception(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)  # noqa: S101
        code = _STATUS_CODES.get(problem.status_code, "BAD_REQUEST")
        answer = json_answer(shape(code, str(problem.detail)), problem.status_code)
        answer.headers.update(problem.headers or {})
        return answer

    async def on_database_unavailable(_: Request, problem: Exception) -> Response:
        log.warning("database_unavailable", reason=str(problem))
        return answer(Unavailable())

    async def on_bug(_: Request, __: Exception) -> Response:
        log.exception("request_failed")
        return answer(ServiceError())

    app.add_exception_handler(ServiceError, on_service_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(DatabaseUnavailable, on_database_unavailable)
    app.add_exception_handler(ResponseValidationError, on_bug)
    app.add_middleware(_CatchAll, answer_bug=on_bug)


class _CatchAll:
    """Turns a bug into the service's 500 below the correlation middleware, so that it has an id."""

    def __init__(self, app: Any, answer_bug: Any) -> None:
        self._app = app
        self._answer_bug = answer_bug

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        started = False

        async def watch(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as problem:
            if started or scope["type"] != "http":
                raise
            response = await self._answer_bug(Request(scope), problem)
            await response(scope, receive, send)


def _refusal(problem: RequestValidationError) -> ServiceError:
    """Sort pydantic's findings into the two shapes of rest.md 1.7."""
    broken_rules: dict[str, str] = {}
    for finding in problem.errors():
        location = finding["loc"]
        is_missing = finding["type"] == "missing" or finding.get("input", ...) is None
        if location[0] != "body" or len(location) < 2:
            name = to_camel(location[-1]) if location[0] == "path" else location[-1]
            return BadRequest(f"{name}: {finding['msg']}")
        if not is_missing and finding["type"].endswith(_UNREADABLE):
            return BadRequest(f"{location[1]}: {finding['msg']}")
        broken_rules.setdefault(
            str(location[1]), "is required" if is_missing else str(finding["msg"])
        )
    return InvalidFields(broken_rules)


def _declare_security(app: FastAPI) -> None:
    build = app.openapi

    def with_security() -> dict[str, Any]:
        document = build()
        document.setdefault("components", {})["securitySchemes"] = {
            "JWT Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        document["security"] = [{"JWT Bearer": []}]
        document["paths"] = {
            _PATH_PARAMETER.sub(lambda name: to_camel(name[0]), path): item
            for path, item in document.get("paths", {}).items()
        }
        for item in document["paths"].values():
            for operation in item.values():
                # FastAPI documents 422 for every body; the contract never uses it.
                operation.get("responses", {}).pop("422", None)
                for parameter in operation.get("parameters", ()):
                    if parameter["in"] == "path":
                        parameter["name"] = to_camel(parameter["name"])
        document["components"].get("schemas", {}).pop("HTTPValidationError", None)
        document["components"].get("schemas", {}).pop("ValidationError", None)
        return document

    app.openapi = with_security  # type: ignore[method-assign]
