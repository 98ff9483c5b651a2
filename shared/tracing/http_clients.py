"""HTTP clients whose calls are spans; those of our own services carry the trace on."""

import ssl
from functools import cache
from typing import Any

import httpx

from shared.tracing.spans import Span, is_tracing, span


@cache
def authorities() -> ssl.SSLContext:
    """Return what httpx trusts by itself, read once per process: each client would spend 20 ms on it."""
    return httpx.create_ssl_context()


class OutsideClient(httpx.AsyncClient):
    """For Canvas and model vendors: they are told nothing of our traces, which nobody there continues."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"verify": authorities(), **options})

    async def send(self, request: httpx.Request, *args: Any, **options: Any) -> httpx.Response:
        """Send a request; the span holds its host, not its path, which may name a student."""
        if not is_tracing():
            return await super().send(request, *args, **options)
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "server.address": request.url.host,
        }
        if request.url.port is not None:
            attributes["server.port"] = request.url.port
        name = f"{request.method} {request.url.host}"
        with span(name, "client", attributes=attributes) as call:
            self.announce(request, call)
            answer = await super().send(request, *args, **options)
            call.describe({"http.response.status_code": answer.status_code})
            if answer.is_error:
                call.fail(str(answer.status_code))
            return answer

    def announce(self, request: httpx.Request, call: Span) -> None:
        """Tell the other side which trace the request is a part of: here, nothing."""


class ServiceClient(OutsideClient):
    """For our own services, whose spans become parts of the caller's."""

    def announce(self, request: httpx.Request, call: Span) -> None:
        """Tell the service which span its own is a part of."""
        if call.traceparent is not None:
            request.headers["traceparent"] = call.traceparent
