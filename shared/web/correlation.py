"""Gives every request a correlation id and writes one access line for it."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.logging import accepted_correlation_id, correlation_id, current_user, get_logger

log = get_logger(__name__)

HEADER = b"x-request-id"


class CorrelationMiddleware:
    """Binds the correlation id, echoes it, and logs method, route, status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        presented = next((value for name, value in scope["headers"] if name == HEADER), None)
        request_id = accepted_correlation_id(presented)
        correlation_id.set(request_id)
        current_user.set(None)
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", None)
            if route is None or not route.startswith("/actuator"):
                log.info(
                    "request_served",
                    method=scope["method"],
                    # The raw path may hold ids of users, so an unknown one is not repeated.
                    route=route or "unmatched",
                    status=status,
                    durationMs=round((time.perf_counter() - started) * 1000, 2),
                )


class HeadMiddleware:
    """Answers HEAD wherever GET works: the same headers, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
