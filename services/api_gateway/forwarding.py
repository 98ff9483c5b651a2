"""Sends a request on to a service and streams the answer back; the only module that knows the HTTP client.

aiohttp, because httpx manages a tenth of its requests per second as a proxy (reliability.md, fact 3).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
from multidict import CIMultiDict
from starlette.types import Receive, Send
from yarl import URL

from services.api_gateway.errors import (
    BodyTooLarge,
    BodyTooSlow,
    GatewayError,
    UpstreamNotHTTP,
    UpstreamTimedOut,
    UpstreamUnavailable,
)
from services.api_gateway.forwarded_headers import answer_headers
from services.api_gateway.metrics import UPSTREAM_SECONDS
from services.api_gateway.routes import Service

CONNECT_SECONDS = 3.0
"""Services are in the same network; a connection that takes longer leads nowhere."""

MAX_BODY_BYTES = 1024 * 1024
"""G-06; the longest body of the contract is under 64 KiB."""

KEEP_ALIVE_SECONDS = 60.0
"""Well below the 190 s after which services close idle connections, so that we hardly ever meet a closed one."""

MAX_CONNECTIONS_PER_SERVICE = 512
"""A hung service holds at most this many; others wait for their turn and get 504 with it."""

SLOW_READER_SECONDS = 60.0
"""How long a client may take to read 64 KiB of an answer."""

WHOLE_ANSWER_BYTES = 64 * 1024
"""Answers up to this are read before they are passed on: one write, and a broken one can still become 503."""

_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""What aiohttp would add on its own where the client sent nothing."""

_REPEATABLE = frozenset({"GET", "HEAD"})
"""Repeated once on a new connection when the kept one broke; everything else arrives at most once (G-08)."""


_BODYLESS = frozenset({204, 304})
"""Answers that never have a body, so that a length would be wrong or misleading."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the service gets it."""

    service: Service
    method: str
    target: str
    headers: list[tuple[str, str]]
    has_body: bool
    content_length: int | None
    answer_within_seconds: float
    is_private: bool


class AnswerCut(Exception):
    """The service broke off within its answer; the client's connection must be cut as well."""


class _ConnectionBroke(Exception):
    """The connection to the service ended before an answer began."""


class _ClientLeft(Exception):
    """The client closed its connection while it was sending its body."""


class Forwarder:
    """Connections to the services; open it as an async context manager."""

    def __init__(
        self, base_urls: Mapping[Service, str], *, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._base_urls = base_urls
        self._max_body_bytes = max_body_bytes

    async def __aenter__(self) -> Self:
        """Open the pools."""
        self._kept = _session(
            aiohttp.TCPConnector(
                limit=0,
                limit_per_host=MAX_CONNECTIONS_PER_SERVICE,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
            )
        )
        self._fresh = _session(aiohttp.TCPConnector(limit=0, force_close=True))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._kept.close()
        await self._fresh.close()

    async def forward(self, call: Call, receive: Receive, send: Send) -> None:
        """Send a request on and stream the answer back; return silently when the client has left.

        Raises:
            GatewayError: The service gave no usable answer, or the body is too large or too slow; nothing has
                been sent to the client yet.
            AnswerCut: The service broke off within its answer.
        """
        if call.content_length is not None and call.content_length > self._max_body_bytes:
            raise BodyTooLarge
        client = _Client(call, receive, send, self._max_body_bytes)
        try:
            async with asyncio.timeout(call.answer_within_seconds) as deadline:
                async with client.watched(deadline):
                    await self._exchange(call, client)
        except (TimeoutError, aiohttp.ClientError, _ConnectionBroke) as problem:
            if client.has_left:
                return
            if client.has_answer:
                raise AnswerCut from problem
            raise client.refusal or _failure(problem, client) from problem

    async def _exchange(self, call: Call, client: "_Client") -> None:
        started = time.perf_counter()
        answer = await self._open(call, client)
        UPSTREAM_SECONDS.labels(call.service).observe(time.perf_counter() - started)
        try:
            await client.pass_on(answer)
        except BaseException:
            answer.close()
            raise
        answer.release()

    async def _open(self, call: Call, client: "_Client") -> aiohttp.ClientResponse:
        try:
            return await self._request(self._kept, call, client)
        except _ConnectionBroke:
            if call.method not in _REPEATABLE or call.has_body:
                raise
            return await self._request(self._fresh, call, client)

    async def _request(
        self, session: aiohttp.ClientSession, call: Call, client: "_Client"
    ) -> aiohttp.ClientResponse:
        headers = CIMultiDict(call.headers)
        if call.content_length is not None and call.has_body:
            headers["Content-Length"] = str(call.content_length)
        return await session.request(
            call.method,
            URL(self._base_urls[call.service] + call.target, encoded=True),
            headers=headers,
            data=client.body() if call.has_body else None,
            allow_redirects=False,
        )


class _Client:
    """The caller's side of one exchange: its body, its patience and its answer."""

    def __init__(self, call: Call, receive: Receive, send: Send, max_body_bytes: int) -> None:
        self._call = call
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._deadline: asyncio.Timeout | None = None
        self._body_sent = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self.has_left = False
        self.has_answer = False
        self.refusal: GatewayError | None = None
        if not call.has_body:
            self._body_sent.set()

    @property
    def body_is_complete(self) -> bool:
        """Whether the whole body has been sent on."""
        return self._body_sent.is_set()

    @asynccontextmanager
    async def watched(self, deadline: asyncio.Timeout) -> AsyncIterator[None]:
        """Let the deadline pass at once when the client leaves, which ends the call to the service."""
        self._deadline = deadline
        self._watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._stop_watching()

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; each piece gives the exchange its full time again."""
        size = 0
        is_last = False
        while not is_last:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._leave()
                raise _ClientLeft
            piece = message.get("body", b"")
            is_last = not message.get("more_body", False)
            size += len(piece)
            if size > self._max_body_bytes:
                self.refusal = BodyTooLarge()
                raise self.refusal
            self._allow(self._call.answer_within_seconds)
            if piece:
                yield piece
        self._body_sent.set()

    async def pass_on(self, answer: aiohttp.ClientResponse) -> None:
        """Send the service's answer to the client."""
        if not 200 <= answer.status <= 599:
            raise UpstreamNotHTTP
        headers = answer_headers(answer.raw_headers, is_private=self._call.is_private)
        length = answer.content_length
        if length is not None and answer.status not in _BODYLESS:
            headers.append((b"content-length", b"%d" % length))
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        if self._call.method == "HEAD" or (length is not None and length <= WHOLE_ANSWER_BYTES):
            body = await answer.read()
            self._stop_watching()
            self.has_answer = True
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body})
            return
        self.has_answer = True
        await self._send(start)
        async for piece in answer.content.iter_any():
            self._allow(SLOW_READER_SECONDS)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            self._allow(self._call.answer_within_seconds)
        self._stop_watching()
        await self._send({"type": "http.response.body", "body": b""})

    async def _watch(self) -> None:
        await self._body_sent.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        self.has_left = True
        self._allow(0)

    def _allow(self, seconds: float) -> None:
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def _stop_watching(self) -> None:
        # Our server reports a finished exchange as a client that left, too.
        self._deadline = None
        if self._watcher is not None:
            self._watcher.cancel()


def _failure(problem: BaseException, client: _Client) -> GatewayError:
    """Say what a failure of the HTTP client means (additions.md B)."""
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return UpstreamUnavailable()
    if isinstance(problem, TimeoutError):
        return UpstreamTimedOut() if client.body_is_complete else BodyTooSlow()
    if isinstance(problem, aiohttp.ClientResponseError):
        return UpstreamNotHTTP()
    return UpstreamUnavailable()


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating PUT and DELETE by itself when a kept connection broke."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as problem:
        raise _ConnectionBroke from problem


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC_HEADERS,
        middlewares=(_send_once,),
    )
