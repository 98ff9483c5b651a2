"""Proof that a call came through the gateway or from one of us, not from whoever reached the port (G-03)."""

from collections.abc import Sequence

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.identity.headers import is_key
from shared.service_calls import GATEWAY_KEY_HEADER
from shared.web.errors import ErrorShape, Unauthorized

_RAW_HEADER = GATEWAY_KEY_HEADER.lower().encode()

OPEN_PATHS = ("/actuator", "/v3/api-docs", "/swagger-ui", "/swagger-ui.html")
"""Asked by load balancers, people and the gateway's own pages; they say nothing about anybody."""


class GatewayKeyMiddleware:
    """Refuses business and internal calls that do not carry the key.

    Paths whose callers have keys of their own (`X-Api-Key`) are left to their endpoints, which ask for that one.
    """

    def __init__(
        self, app: ASGIApp, *, key: str, shape: ErrorShape, paths_with_own_keys: Sequence[str]
    ) -> None:
        self._app = app
        self._key = key
        self._shape = shape
        self._open = (*OPEN_PATHS, *paths_with_own_keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or self._is_open(scope["path"]) or self._is_proven(scope):
            await self._app(scope, receive, send)
            return
        body = orjson.dumps(self._shape(Unauthorized.code, "This service is not called directly."))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _is_open(self, path: str) -> bool:
        return any(path == root or path.startswith(f"{root}/") for root in self._open)

    def _is_proven(self, scope: Scope) -> bool:
        presented = [value for name, value in scope["headers"] if name == _RAW_HEADER]
        return len(presented) == 1 and is_key(presented[0].decode("latin-1"), self._key)
