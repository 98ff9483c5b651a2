"""Records a service's requests as parts of the traces that the gateway and the functions begin."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.tracing.spans import Span, span

_HEADER = b"traceparent"


class TracingMiddleware:
    """Makes a server span of every request but those of the platform.

    What is presented is trusted: the gateway replaces what clients say, and nobody else reaches a service.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith("/actuator"):
            await self._app(scope, receive, send)
            return
        presented = next((value for name, value in scope["headers"] if name == _HEADER), None)
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = presented.decode("ascii", "replace") if presented is not None else None
        with span(scope["method"], "server", parent=parent) as request:
            try:
                await self._app(scope, receive, note_status)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                describe_request(request, scope["method"], route, status)


def describe_request(request: Span, method: str, route: str, status: int) -> None:
    """Say what a server's span was about.

    Args:
        request: The span.
        method: The request's.
        route: A template, never the path, which may hold ids of users.
        status: Of the answer; 0 when the client had left before there was one.
    """
    request.describe(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        },
        name=f"{method} {route}",
    )
    if status >= 500:
        request.fail(str(status))
