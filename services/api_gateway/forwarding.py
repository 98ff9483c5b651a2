"""Carries an exchange to a service and the answer back; says what a failure means to the client (additions.md B)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from services.api_gateway.errors import (
    BodyTooLarge,
    GatewayError,
    UpstreamNotHTTP,
    UpstreamTimedOut,
    UpstreamUnavailable,
)
from services.api_gateway.forwarded_headers import answer_fields
from services.api_gateway.metrics import CIRCUIT_OPEN, UPSTREAM_FAILURES, UPSTREAM_SECONDS
from services.api_gateway.routes import ANSWER_SECONDS, Service
from services.api_gateway.server.exchange import BODYLESS, Exchange
from services.api_gateway.upstream.admission import Admission
from services.api_gateway.upstream.circuit import FAILURES_TO_OPEN, Circuit
from services.api_gateway.upstream.connection import Answer, ServiceConnection
from services.api_gateway.upstream.errors import (
    AnswerLate,
    ConnectionBroke,
    NotHTTP,
    Overloaded,
    ServiceFailed,
    Unreachable,
)
from services.api_gateway.upstream.pool import ConnectionPool
from services.api_gateway.upstream.retry_budget import RetryBudget
from shared.logging import get_logger

log = get_logger(__name__)

MAX_BODY_BYTES = 1024 * 1024
"""G-06; the longest body of the contract is under 64 KiB."""

SECOND_TRY_SECONDS = (0.02, 0.1)
"""Between these, at random, so that callers who failed together do not come back together."""

_CLIENTS_TURN_SECONDS = 60.0
"""While it is the client whom everyone waits for, whose own time ends earlier (`server.limits.Patience`)."""

_REFUSALS: Mapping[type[ServiceFailed], type[GatewayError]] = {
    AnswerLate: UpstreamTimedOut,
    NotHTTP: UpstreamNotHTTP,
}
"""What a client hears of a failure; of all others, that the service is unavailable."""

_REPEATABLE = frozenset({"GET", "HEAD"})
"""Without a body, sent twice at most; everything else arrives at most once (G-08)."""


@dataclass(slots=True)
class Call:
    """What a service is asked."""

    service: Service
    target: bytes
    fields: list[bytes]
    """Rendered header fields without those that frame the message."""
    answer_within_seconds: float
    waits_for_others: bool
    """Whether the time until the answer says nothing of the service's load."""
    is_private: bool
    """Whether the answer is about somebody, so that no cache may keep it."""
    on_success: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Awaited before the client gets to see a 2xx."""
    admitted_at: float | None = None
    """While it counts among the calls that the service is answering; in `time.perf_counter` seconds."""


class AnswerCut(Exception):
    """The service broke off within its answer; the client's connection must be cut as well."""


class _Link:
    """Everything about one service."""

    def __init__(self, service: Service, base_url: str, failures_to_open: int) -> None:
        self.service = service
        self.pool = ConnectionPool(base_url)
        self.admission = Admission()
        self.circuit = Circuit(failures_to_open=failures_to_open)
        self.retry_budget = RetryBudget()
        self.host_field = f"host: {urlsplit(base_url).netloc}\r\n".encode("ascii")
        self.seconds = UPSTREAM_SECONDS.labels(service)


class Forwarder:
    """Connections to the services; open it as an async context manager."""

    def __init__(
        self,
        base_urls: Mapping[Service, str],
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        failures_to_open: int = FAILURES_TO_OPEN,
    ) -> None:
        self._links = {
            service: _Link(service, base_url, failures_to_open)
            for service, base_url in base_urls.items()
        }
        self._max_body_bytes = max_body_bytes
        self._pools = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the pools."""
        for link in self._links.values():
            await self._pools.enter_async_context(link.pool)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._pools.aclose()

    def check_room(
        self, service: Service, exchange: Exchange, answer_within_seconds: float
    ) -> None:
        """Look whether a service can answer one more call in time; nothing may be awaited until `forward`.

        Raises:
            UpstreamUnavailable: It has as much to do already.
        """
        is_full = self._links[service].admission.is_full()
        if is_full and _takes_a_place(exchange, answer_within_seconds):
            raise UpstreamUnavailable(Overloaded.retry_after_seconds)

    async def forward(self, call: Call, exchange: Exchange) -> None:
        """Send a request on and stream the answer back; `check_room` comes first.

        Raises:
            GatewayError: The service gave no usable answer, or the body is too large, too slow or malformed;
                nothing has been sent to the client yet.
            AnswerCut: The service broke off within its answer.
        """
        if exchange.length is not None and exchange.length > self._max_body_bytes:
            raise BodyTooLarge
        link = self._links[call.service]
        try:
            link.circuit.admit()
            link.retry_budget.earn()
            if _takes_a_place(exchange, call.answer_within_seconds):
                link.admission.enter()
                call.admitted_at = time.perf_counter()
            await self._try(link, call, exchange)
        except ServiceFailed as problem:
            refusal = _REFUSALS.get(type(problem), UpstreamUnavailable)
            raise refusal(problem.retry_after_seconds) from problem
        finally:
            _leave(link, call, time.perf_counter())

    async def _try(self, link: _Link, call: Call, exchange: Exchange) -> None:
        """Try once, and once more where that is harmless and allowed."""
        connection = link.pool.kept()
        is_kept = connection is not None
        try:
            connection = connection or await self._fresh(link)
            await self._exchange(link, connection, call, exchange)
        except (ConnectionBroke, Unreachable) as problem:
            if exchange.has_begun or exchange.has_body or exchange.method not in _REPEATABLE:
                raise
            is_stale = is_kept and isinstance(problem, ConnectionBroke) and problem.is_stale
            if not is_stale:
                # A stale connection says nothing about the service; anything else might be an outage.
                if not link.retry_budget.spend():
                    raise
                await asyncio.sleep(random.uniform(*SECOND_TRY_SECONDS))  # noqa: S311 - spreads load
            connection = await self._fresh(link)
            await self._exchange(link, connection, call, exchange)

    async def _fresh(self, link: _Link) -> ServiceConnection:
        try:
            return await link.pool.fresh()
        except Unreachable as problem:
            _note_failure(link, problem)
            raise

    async def _exchange(
        self, link: _Link, connection: ServiceConnection, call: Call, exchange: Exchange
    ) -> None:
        started = time.perf_counter()
        try:
            answer = await self._ask(link, connection, call, exchange)
            now = time.perf_counter()
            link.seconds.observe(now - started)
            # A client that takes its answer slowly keeps nobody from theirs.
            _leave(link, call, now)
            _note_success(link)
            if call.on_success is not None and 200 <= answer.status < 300:
                await asyncio.create_task(call.on_success())
            if not _has_passed(answer, call, exchange):
                await _stream(connection, call, exchange)
        except ServiceFailed as problem:
            _note_failure(link, problem)
            if exchange.has_begun:
                raise AnswerCut from problem
            raise
        finally:
            link.pool.give_back(connection)

    def _ask(
        self, link: _Link, connection: ServiceConnection, call: Call, exchange: Exchange
    ) -> Awaitable[Answer]:
        """Send the request, or begin to, and return what to await for the answer."""
        line = b"%b %b HTTP/1.1\r\n" % (exchange.method.encode("ascii"), call.target)
        parts = [line, link.host_field, *call.fields]
        if exchange.has_body:
            if not exchange.is_whole:
                return self._upload(b"".join(parts), connection, call, exchange)
            body = exchange.taken()
            if len(body) > self._max_body_bytes:
                raise BodyTooLarge
            parts += (b"content-length: %d\r\n\r\n" % len(body), body)
        else:
            # Readers wait for no body either way, but some want a length with every POST (RFC 9110 8.6).
            has_length = b"content-length" in exchange.headers
            parts.append(b"content-length: 0\r\n\r\n" if has_length else b"\r\n")
        return connection.call(
            b"".join(parts),
            is_head=exchange.method == "HEAD",
            within_seconds=call.answer_within_seconds,
        )

    async def _upload(
        self, head: bytes, connection: ServiceConnection, call: Call, exchange: Exchange
    ) -> Answer:
        """Send a body on as it arrives; the service may answer before it has all of it."""
        length = exchange.length
        framing = (
            b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
        )
        answer = connection.call(
            b"%b%b\r\n\r\n" % (head, framing),
            is_head=exchange.method == "HEAD",
            within_seconds=_CLIENTS_TURN_SECONDS,
        )
        sending = asyncio.create_task(self._send_body(connection, call, exchange))
        either: tuple[asyncio.Future[Any], ...] = (answer, sending)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
                return await answer
            # The rest of the body is of no use to the service, and the connection of none to others.
            connection.is_sound = False
            return await answer
        finally:
            answer.cancel()
            sending.cancel()

    async def _send_body(
        self, connection: ServiceConnection, call: Call, exchange: Exchange
    ) -> None:
        size = 0
        is_chunked = exchange.length is None
        while piece := await exchange.read():
            size += len(piece)
            if size > self._max_body_bytes:
                raise BodyTooLarge
            wrapped = b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece
            connection.allow(call.answer_within_seconds)
            await connection.send(wrapped)
            connection.allow(_CLIENTS_TURN_SECONDS)
        if is_chunked:
            await connection.send(b"0\r\n\r\n")
        connection.allow(call.answer_within_seconds)


def _takes_a_place(exchange: Exchange, answer_within_seconds: float) -> bool:
    """Return whether a call counts: neither a slow route nor a client that sends slowly takes others' places."""
    return answer_within_seconds <= ANSWER_SECONDS and exchange.is_whole


def _has_passed(answer: Answer, call: Call, exchange: Exchange) -> bool:
    """Send the service's answer to the client at once, unless it is long; then send its head."""
    fields = answer_fields(answer.headers, is_private=call.is_private)
    if exchange.method == "HEAD" or answer.status in BODYLESS:
        if answer.length is not None and answer.status not in BODYLESS:
            fields.append(b"content-length: %d\r\n" % answer.length)
        exchange.answer_bare(answer.status, fields)
    elif answer.body is not None:
        exchange.answer(answer.status, fields, answer.body)
    else:
        exchange.begin(answer.status, fields, answer.length)
        return False
    return True


async def _stream(connection: ServiceConnection, call: Call, exchange: Exchange) -> None:
    """Send the body of a long answer piece by piece."""
    while piece := await connection.read():
        connection.allow(_CLIENTS_TURN_SECONDS)
        await exchange.send(piece)
        connection.allow(call.answer_within_seconds)
    exchange.end()


def _leave(link: _Link, call: Call, now: float) -> None:
    if call.admitted_at is not None:
        link.admission.leave(None if call.waits_for_others else now - call.admitted_at)
        call.admitted_at = None


def _note_success(link: _Link) -> None:
    if link.circuit.is_open:
        log.info("circuit_closed", upstream=link.service)
        CIRCUIT_OPEN.labels(link.service).set(0)
    link.circuit.succeeded()


def _note_failure(link: _Link, problem: ServiceFailed) -> None:
    was_open = link.circuit.is_open
    link.circuit.failed()
    UPSTREAM_FAILURES.labels(link.service, type(problem).__name__).inc()
    if link.circuit.is_open and not was_open:
        log.warning("circuit_opened", upstream=link.service, reason=type(problem).__name__)
        CIRCUIT_OPEN.labels(link.service).set(1)
