"""Decides about every request, in the order of additions.md B: this is the hot path."""

import asyncio
import time
from dataclasses import dataclass
from functools import lru_cache, partial

import orjson
from starlette.types import ASGIApp

from services.api_gateway.access_log import AccessLog
from services.api_gateway.cross_origin import CrossOriginPolicy
from services.api_gateway.errors import (
    Field,
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
from services.api_gateway.forwarded_headers import forwarding_fields, request_fields
from services.api_gateway.forwarding import AnswerCut, Call, Forwarder
from services.api_gateway.metrics import TOKENS, Tally
from services.api_gateway.own_pages import answer_from
from services.api_gateway.paths import canonical_path, encoded_path, split_target
from services.api_gateway.rate_limits.policy import RateLimits
from services.api_gateway.routes import Access, Limit, Route, RoutingTable
from services.api_gateway.server.exchange import Exchange
from services.api_gateway.tokens.claims import Identity
from services.api_gateway.tokens.errors import KeysUnavailable, TokenRefused
from services.api_gateway.tokens.revocations import Revocations
from services.api_gateway.tokens.verifier import TokenVerifier
from shared.logging import (
    accepted_correlation_id,
    correlation_id,
    current_user,
    get_logger,
    pseudonym,
)

log = get_logger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

MAX_REMEMBERED_TARGETS = 4096
MAX_REMEMBERED_TARGET_BYTES = 256
"""Where a target leads is the same for whoever asks: 4 MB of the most recent ones."""

_BEARER = b"Bearer "

_PRIVATE = (b"x-content-type-options: nosniff\r\n", b"cache-control: no-store\r\n")
_JSON = b"content-type: application/json\r\n"


class Gateway:
    """Refuses, answers from its own pages, or forwards."""

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
        rate_limits: RateLimits,
        access_log: AccessLog,
        tally: Tally,
    ) -> None:
        self._forwarder = forwarder
        self._verifier = verifier
        self._revocations = revocations
        self._cross_origin = cross_origin
        self._pages = pages
        self._gateway_key = (
            f"X-Gateway-Key: {gateway_key}\r\n".encode("ascii") if gateway_key else None
        )
        self._table = RoutingTable(routes)
        self._rate_limits = rate_limits
        self._access_log = access_log
        self._tally = tally
        self._found = lru_cache(maxsize=MAX_REMEMBERED_TARGETS)(self._find)

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request; leaves it unanswered only when the answer was cut within."""
        request_id = accepted_correlation_id(exchange.headers.first(b"x-request-id"))
        correlation_id.set(request_id)
        current_user.set(None)
        request_id_field = b"x-request-id: %b\r\n" % request_id.encode("ascii")
        exchange.answer_fields.append(request_id_field)
        try:
            call = await self._decide(exchange, request_id_field)
            if call is not None:
                await self._forwarder.forward(call, exchange)
        except GatewayError as refusal:
            _answer(refusal, exchange)
        except AnswerCut:
            log.warning("answer_cut_by_service")
            exchange.cut()
        except Exception:
            log.exception("request_failed")
            if exchange.has_begun:
                exchange.cut()
            else:
                _answer(GatewayError(), exchange)
        finally:
            self._tally.count_request(exchange.route, exchange.status)
            if not exchange.route.startswith("/actuator"):
                self._access_log.note(
                    exchange.method,
                    exchange.route,
                    exchange.status,
                    time.monotonic() - exchange.started_at,
                    request_id,
                    exchange.user,
                )

    async def _decide(self, exchange: Exchange, request_id_field: bytes) -> Call | None:
        """Return what to ask which service; None when the request has been answered."""
        headers = exchange.headers
        permission = self._cross_origin.decide(exchange.method, headers)
        exchange.answer_fields += permission.fields
        if exchange.refusal is not None:
            raise exchange.refusal
        is_short = len(exchange.target) <= MAX_REMEMBERED_TARGET_BYTES
        place = (self._found if is_short else self._find)(exchange.target)
        forwarding = forwarding_fields(headers.single(b"host"), exchange.client)
        route, exchange.route = place.route, place.name
        if route is not None and route.access is Access.NOBODY:
            raise InternalPath
        if permission.is_refused:
            raise OriginRefused
        if permission.is_preflight:
            exchange.answer(200, [_PRIVATE[0]], b"")
            return None
        if route is None:
            raise RouteUnknown(place.path)
        if exchange.method not in _METHODS:
            raise MethodRefused
        if route.service is None:
            await asyncio.create_task(answer_from(self._pages, exchange, place.path, place.query))
            return None
        identity = None
        if route.access is Access.SIGNED_IN:
            token = _bearer_token(exchange)
            identity = self._verifier.remembered(token)
            if identity is None:
                identity = await self._verify(token)
            else:
                self._tally.remembered_tokens += 1
            exchange.user = pseudonym(identity.sub)
            current_user.set(exchange.user)
            if not self._rate_limits.admits_at_once(identity, route):
                await self._rate_limits.check_user(identity, route, exchange.method)
        elif route.limit is Limit.SIGN_IN:
            await self._rate_limits.check_sign_in(exchange)
        # Before anything is made for the service: in a flood, what refusals take is what answers lack.
        self._forwarder.check_room(route.service, exchange, route.answer_within_seconds)
        return Call(
            route.service,
            place.target,
            request_fields(
                headers,
                exchange.client,
                forwarding,
                request_id_field,
                identity,
                self._gateway_key,
            ),
            route.answer_within_seconds,
            route.waits_for_others,
            route.is_private,
            partial(self._revocations.end_session, identity.sub, identity.signed_in_at)
            if route.ends_sessions and identity is not None
            else None,
        )

    def _find(self, target: bytes) -> "_Place":
        raw_path, query = split_target(target)
        path = canonical_path(raw_path, query)
        route = self._table.find(path)
        if route is None:
            return _Place(path, query)
        upstream_target = encoded_path(route.upstream(path)).encode("ascii")
        if query:
            upstream_target += b"?" + query
        return _Place(path, query, route, route.path, upstream_target)

    async def _verify(self, token: bytes) -> Identity:
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


@dataclass(frozen=True, slots=True)
class _Place:
    """What a target leads to."""

    path: str
    """Canonical."""
    query: bytes
    route: Route | None = None
    name: str = "unmatched"
    """Of the route, for log and metrics."""
    target: bytes = b""
    """Path and query as the route's service knows them."""


def _bearer_token(exchange: Exchange) -> bytes:
    try:
        presented = exchange.headers.single(b"authorization")
    except HeadersRefused as problem:
        raise TokenNotAccepted from problem
    if presented is None or not presented.startswith(_BEARER):
        raise TokenRequired
    return presented[len(_BEARER) :]


@lru_cache(maxsize=64)
def _refusal_fields(own: tuple[Field, ...], *, has_body: bool) -> tuple[bytes, ...]:
    """Return the rendered fields of a refusal."""
    fields = (*(b"%b: %b\r\n" % field for field in own), *_PRIVATE)
    return (*fields, _JSON) if has_body else fields


def _answer(refusal: GatewayError, exchange: Exchange) -> None:
    content = refusal.body()
    fields = [*_refusal_fields(refusal.headers, has_body=content is not None)]
    if refusal.closes_connection:
        exchange.closes = True
    exchange.answer(refusal.status, fields, b"" if content is None else orjson.dumps(content))
