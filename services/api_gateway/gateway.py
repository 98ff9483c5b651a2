"""Decides about every request, in the order of additions.md B, on raw ASGI: this is the hot path."""

import asyncio

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api_gateway.cross_origin import CrossOriginPolicy, Decision
from services.api_gateway.errors import (
    GatewayError,
    HeadersRefused,
    InternalPath,
    MethodRefused,
    OriginRefused,
    RouteUnknown,
    TokenNotAccepted,
    TokenNotCheckable,
    TokenRequired,
)
from services.api_gateway.forwarded_headers import (
    HeaderList,
    checked_host,
    request_headers,
    single,
)
from services.api_gateway.forwarding import AnswerCut, Call, Forwarder
from services.api_gateway.metrics import REQUESTS, TOKENS
from services.api_gateway.paths import canonical_path, encoded_path
from services.api_gateway.routes import Access, Route, find_route
from services.api_gateway.tokens.claims import Identity
from services.api_gateway.tokens.errors import KeysUnavailable, TokenRefused
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.verifier import TokenVerifier
from shared.logging import correlation_id, current_user, get_logger, pseudonym

log = get_logger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_BEARER = b"Bearer "

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")

LINGER_BYTES = 64 * 1024
LINGER_SECONDS = 1.0
"""How much of a refused body is still read, so that the client sees the answer before the connection ends (G-06)."""


class Gateway:
    """The ASGI app: refuses, answers from its own pages, or forwards."""

    def __init__(
        self,
        *,
        forwarder: Forwarder,
        verifier: TokenVerifier,
        revocations: Revocations,
        cross_origin: CrossOriginPolicy,
        pages: ASGIApp,
        gateway_key: str | None,
        routes: tuple[Route, ...],
    ) -> None:
        self._forwarder = forwarder
        self._verifier = verifier
        self._revocations = revocations
        self._cross_origin = cross_origin
        self._pages = pages
        self._gateway_key = gateway_key
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        decision = self._cross_origin.decide(scope["method"], scope["scheme"], scope["headers"])
        status = 0

        async def send_with_permission(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *decision.headers]
            await send(message)

        try:
            await self._handle(scope, receive, send_with_permission, decision)
        except GatewayError as refusal:
            await _answer(refusal, receive, send_with_permission)
        except AnswerCut:
            # Returning without the end of the answer makes the server cut the connection.
            log.warning("answer_cut_by_service")
        except Exception:
            log.exception("request_failed")
            if status:
                raise
            await _answer(GatewayError(), receive, send_with_permission)
        finally:
            route = scope.get("route")
            REQUESTS.labels(
                route.path if isinstance(route, Route) else "unmatched",
                f"{status // 100}xx" if status else "none",
            ).inc()

    async def _handle(self, scope: Scope, receive: Receive, send: Send, decision: Decision) -> None:
        headers: HeaderList = scope["headers"]
        path = canonical_path(scope["raw_path"], scope["query_string"])
        host = checked_host(headers)
        route = scope["route"] = find_route(path, self._routes)
        if route is not None and route.access is Access.NOBODY:
            raise InternalPath
        if decision.is_refused:
            raise OriginRefused
        if decision.is_preflight:
            await _answer_preflight(send)
            return
        if route is None:
            raise RouteUnknown(path)
        if scope["method"] not in _METHODS:
            raise MethodRefused
        if route.service is None:
            own = {**scope, "path": path, "raw_path": encoded_path(path).encode("ascii")}
            await self._pages(own, receive, _with_nosniff(send))
            return
        identity = None
        if route.access is Access.SIGNED_IN:
            identity = await self._identify(headers)
            current_user.set(pseudonym(identity.sub))
            if route.ends_sessions:
                send = self._ending(identity, send)
        call = self._call(scope, route, path, host, identity)
        await self._forwarder.forward(call, receive, send)

    async def _identify(self, headers: HeaderList) -> Identity:
        try:
            presented = single(headers, b"authorization")
        except HeadersRefused as problem:
            raise TokenNotAccepted from problem
        if presented is None or not presented.startswith(_BEARER):
            raise TokenRequired
        token = presented[len(_BEARER) :]
        identity = self._verifier.remembered(token)
        if identity is not None:
            TOKENS.labels("remembered").inc()
            return identity
        try:
            identity = await self._verifier.verify(token)
        except TokenRefused as problem:
            TOKENS.labels(problem.reason).inc()
            raise TokenNotAccepted from problem
        except KeysUnavailable as problem:
            TOKENS.labels("no_keys").inc()
            raise TokenNotCheckable from problem
        TOKENS.labels("verified").inc()
        return identity

    def _ending(self, identity: Identity, send: Send) -> Send:
        """Return a `send` that ends the session here before anyone reads that it has ended."""

        async def send_after_end(message: Message) -> None:
            if message["type"] == "http.response.start" and 200 <= message["status"] < 300:
                await self._revocations.end_session(identity.sub, identity.signed_in_at)
            await send(message)

        return send_after_end

    def _call(
        self,
        scope: Scope,
        route: Route,
        path: str,
        host: bytes | None,
        identity: Identity | None,
    ) -> Call:
        assert route.service is not None  # noqa: S101
        headers: HeaderList = scope["headers"]
        query: bytes = scope["query_string"]
        target = encoded_path(route.upstream(path))
        length = _content_length(headers)
        is_chunked = any(name == b"transfer-encoding" for name, _ in headers)
        return Call(
            service=route.service,
            method=scope["method"],
            target=f"{target}?{query.decode('ascii')}" if query else target,
            headers=request_headers(
                headers,
                host=host,
                client=scope["client"][0] if scope["client"] else "unknown",
                scheme=scope["scheme"],
                request_id=correlation_id.get() or "",
                identity=identity,
                gateway_key=self._gateway_key,
            ),
            has_body=is_chunked or bool(length),
            content_length=None if is_chunked else length,
            answer_within_seconds=route.answer_within_seconds,
            is_private=path.startswith("/api/"),
        )


def _content_length(headers: HeaderList) -> int | None:
    length = single(headers, b"content-length")
    if length is None:
        return None
    if not length.isdigit() or len(length) > 18:
        raise HeadersRefused
    return int(length)


async def _answer(refusal: GatewayError, receive: Receive, send: Send) -> None:
    content = refusal.body()
    body = b"" if content is None else orjson.dumps(content)
    headers = [*refusal.headers, (b"content-length", b"%d" % len(body)), _NOSNIFF, _NO_STORE]
    if body:
        headers.append((b"content-type", b"application/json"))
    if refusal.closes_connection:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    if refusal.closes_connection:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _discard_rest(receive)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _answer_preflight(send: Send) -> None:
    headers = [(b"content-length", b"0"), _NOSNIFF]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _with_nosniff(send: Send) -> Send:
    async def send_with_nosniff(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _NOSNIFF]
        await send(message)

    return send_with_nosniff


async def _discard_rest(receive: Receive) -> None:
    """Read a little of a refused body: closing with unread bytes resets the connection, answer and all."""
    discarded = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while discarded < LINGER_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
