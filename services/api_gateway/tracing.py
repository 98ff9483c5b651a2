"""Begins a trace with every request, whatever trace its client names, and carries it on to the service.

Both are put around what they trace, and only when spans are recorded, so that the hot path is the same without.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from services.api_gateway.forwarding import Call, Forwarder
from services.api_gateway.server.exchange import Exchange
from shared.tracing.asgi import describe_request
from shared.tracing.spans import is_tracing, span

Handle = Callable[[Exchange], Coroutine[Any, Any, None]]


def traced(handle: Handle) -> Handle:
    """Return what answers a request within a span; the same as before while nothing is recorded."""
    if not is_tracing():
        return handle

    async def handle_traced(exchange: Exchange) -> None:
        if exchange.target.startswith(b"/actuator"):
            await handle(exchange)
            return
        with span(exchange.method, "server") as request:
            try:
                await handle(exchange)
            finally:
                describe_request(request, exchange.method, exchange.route, exchange.status)

    return handle_traced


class TracedForwarder(Forwarder):
    """Adds to each call the span that the service's own becomes a part of."""

    async def forward(self, call: Call, exchange: Exchange) -> None:
        """Forward within a span; see `Forwarder.forward`."""
        attributes = {"http.request.method": exchange.method, "server.address": call.service.value}
        name = f"{exchange.method} {call.service.value}"
        with span(name, "client", attributes=attributes) as asked:
            if asked.traceparent is not None:
                call.fields.append(b"traceparent: %b\r\n" % asked.traceparent.encode("ascii"))
            await super().forward(call, exchange)
            asked.describe({"http.response.status_code": exchange.status})
            if exchange.status >= 400:
                asked.fail(str(exchange.status))
