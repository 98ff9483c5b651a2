"""One client's connection: its bytes in, one exchange after the other, its answers out."""

import asyncio
import time
from collections import deque
from typing import Protocol, cast

import httptools

from services.api_gateway.errors import (
    BodyTooSlow,
    FramingRefused,
    GatewayError,
    HeadersTooLarge,
    HeadTooSlow,
    ServerFull,
    TargetTooLong,
)
from services.api_gateway.headers import HeaderList, Headers
from services.api_gateway.server.eager import Eager
from services.api_gateway.server.exchange import Exchange
from services.api_gateway.server.framing import checked_length
from services.api_gateway.server.limits import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_PIPELINED,
    MAX_TARGET_BYTES,
    MAX_WRAPPING_BYTES,
    READ_AHEAD_BYTES,
    Patience,
)

_NEVER = float("inf")


class Host(Protocol):
    """The server as its connections see it."""

    patience: Patience
    is_stopping: bool

    def admit(self, connection: "ClientConnection") -> bool:
        """Count a connection; False when there are too many."""

    def forget(self, connection: "ClientConnection") -> None:
        """Stop counting a connection."""

    async def handle(self, exchange: Exchange) -> None:
        """Answer an exchange; one that stays unanswered has its connection cut."""

    def dated(self) -> bytes:
        """Return the `date` field."""


class ClientConnection(asyncio.Protocol):
    """Reads requests and has them answered in their order.

    At most one exchange is handled at a time; nothing more is read while others wait behind it.
    """

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop
        self._patience = host.patience
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._client = "unknown"
        self.dated = host.dated
        # Of the request whose header fields are arriving.
        self._target = b""
        self._fields: HeaderList = []
        self._is_in_head = False
        self._unparsed_bytes = 0
        self._head_bytes_at_most = 0
        """No less than what has arrived of the head, so that hardly any fields need be counted."""
        # Of the request whose body is arriving, the one being answered, and those behind it.
        self._arriving: Exchange | None = None
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._answering: Eager | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_paused = False
        self._reads_no_more = False
        self._discarded_bytes = 0
        self._body_due = _NEVER
        self.deadline = _NEVER
        """When `run_out` is due, in `time.monotonic` seconds."""

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve a client, unless there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        # Write at once, not at the end of the event loop's turn: it saves a twentieth of a request.
        self._transport.set_write_buffer_limits(high=0)
        peer = self._transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else "unknown"
        if self._host.admit(self):
            patience = (
                self._patience.draining if self._host.is_stopping else self._patience.first_byte
            )
            self.deadline = time.monotonic() + patience
        else:
            self._refuse(ServerFull())

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up whatever is being done for a client that has left."""
        self._host.forget(self)
        self.deadline = _NEVER
        self._waiting.clear()
        if self._answering is not None:
            self._answering.cancel()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what came; parsing ends for good at the first thing that is malformed."""
        if self._reads_no_more:
            self._discard(len(data))
            return
        is_first = self._unparsed_bytes == 0 and self._current is None and self._arriving is None
        self._unparsed_bytes += len(data)
        self._head_bytes_at_most = self._unparsed_bytes
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request itself is fine and is answered without upgrade; what follows is not ours to read.
            if (last := self._last()) is not None:
                last.closes = True
            self._stop_reading()
        except httptools.HttpParserError:
            self._refuse(FramingRefused())
        if self._is_in_head and self._unparsed_bytes > MAX_HEAD_BYTES:
            too_long = len(self._target) > MAX_TARGET_BYTES
            self._refuse(TargetTooLong() if too_long else HeadersTooLarge())
        elif self._unparsed_bytes > MAX_WRAPPING_BYTES:
            self._refuse(FramingRefused())
        elif is_first and not self._waiting and self._arriving is None:
            self.deadline = time.monotonic() + self._patience.head
        self._go_on()

    def eof_received(self) -> bool:
        """Treat a half-closed connection as one whose client has left."""
        return False

    def pause_writing(self) -> None:
        """Note that the client does not take what is written."""
        self._writable = self._loop.create_future()
        self.deadline = time.monotonic() + self._patience.reading

    def resume_writing(self) -> None:
        """Note that the client takes what is written."""
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None
            self._set_deadline()
            self._go_on()

    # What the parser finds.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = b""
        self._fields = []
        self._is_in_head = True

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; those after the last chunk of a body get to nobody."""
        if self._is_in_head:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Make an exchange of the request; its body may still be on the way."""
        self._is_in_head = False
        self._unparsed_bytes = 0
        version = self._parser.get_http_version()
        headers = Headers(self._fields)
        refusal: GatewayError | None = None
        length: int | None = 0
        if len(self._target) > MAX_TARGET_BYTES:
            refusal = TargetTooLong()
        elif len(self._fields) > MAX_HEADERS or (
            self._head_bytes_at_most > MAX_HEAD_BYTES and _size_bytes(self._fields) > MAX_HEAD_BYTES
        ):
            refusal = HeadersTooLarge()
        else:
            try:
                length = checked_length(version, headers)
            except GatewayError as problem:
                refusal = problem
        exchange = Exchange(
            self,
            method=self._parser.get_method().decode("ascii"),
            target=self._target,
            headers=headers,
            length=length,
            client=self._client,
            closes=refusal is not None
            or self._host.is_stopping
            or not self._parser.should_keep_alive(),
            takes_chunks=version == "1.1",
            started_at=time.monotonic(),
            refusal=refusal,
        )
        self._arriving = exchange
        self._waiting.append(exchange)

    def on_body(self, piece: bytes) -> None:
        """Hand a piece of the body over, or drop it when the answer did not wait for it."""
        self._unparsed_bytes -= len(piece)
        exchange = self._arriving
        if exchange is None:
            return
        if exchange.is_answered:
            self._discard(len(piece))
        else:
            exchange.feed(piece)
            self._set_deadline()

    def on_message_complete(self) -> None:
        """End the request."""
        exchange, self._arriving = self._arriving, None
        self._unparsed_bytes = 0
        self._discarded_bytes = 0
        if exchange is not None:
            exchange.finish()
            if not self._waiting:
                self._set_deadline()

    # What an exchange asks for.

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        self._transport.write(data)

    async def drain(self) -> None:
        """Return once the client has taken enough of what was written."""
        if self._writable is not None:
            await self._writable

    def pause_reading(self) -> None:
        """Take no more of the body."""
        self._is_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Wait for more of the body."""
        self._body_due = time.monotonic() + self._patience.stall
        self._set_deadline()
        self._read_on()

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    # What the server asks for.

    def run_out(self) -> None:
        """Refuse or end what has taken longer than its client was given."""
        self.deadline = _NEVER
        if self._writable is not None:
            self._transport.abort()
        elif self._current is not None:
            self._current.fail(BodyTooSlow())
        elif self._is_in_head:
            self._refuse(HeadTooSlow())
        else:
            self._transport.close()

    def stop(self) -> None:
        """End the connection with the next answer, of which the client hears; or soon, when it asks for none.

        A client's request may be on its way at this moment: one that meets a closed connection is lost, and a
        balancer may not send a POST again.
        """
        last = self._last()
        if last is not None and not last.has_begun:
            last.closes = True
        elif last is None and not self._is_in_head and self._arriving is None:
            self._set_deadline()

    # The order of exchanges.

    def _go_on(self) -> None:
        """Have the next request answered once the one before it has been; read no further while others wait."""
        if self._waiting and self._current is None and self._writable is None:
            self._current = self._waiting.popleft()
            self.deadline = _NEVER
            self._answering = Eager(self._host.handle(self._current), self._loop, self._has_ended)
            self._answering.start()
        if self._waiting:
            self.pause_reading()
            if len(self._waiting) > MAX_PIPELINED:
                self._transport.abort()

    def _has_ended(self) -> None:
        """See what comes after an exchange."""
        exchange, self._current = self._current, None
        self._answering = None
        if exchange is None or not exchange.is_answered:
            self._transport.abort()
        elif exchange.closes:
            self._linger(exchange)
        elif self._waiting:
            self._go_on()
        else:
            self._set_deadline()
            self._read_on()

    def _refuse(self, refusal: GatewayError) -> None:
        """Answer nothing after this, and this itself only where no earlier request could take it for its answer."""
        if self._reads_no_more:
            return
        self._stop_reading()
        broken, self._arriving = self._arriving, None
        self._is_in_head = False
        if broken is not None and not broken.is_answered:
            broken.fail(refusal)
            broken.refusal = broken.refusal or refusal
        elif not self._ends_anyway():
            self._waiting.append(self._refused(refusal))
            self._go_on()

    def _last(self) -> Exchange | None:
        return self._waiting[-1] if self._waiting else self._current

    def _ends_anyway(self) -> bool:
        last = self._last()
        return last is not None and last.closes

    def _refused(self, refusal: GatewayError) -> Exchange:
        exchange = Exchange(
            self,
            method="GET",
            target=b"",
            headers=Headers([]),
            length=0,
            client=self._client,
            closes=True,
            takes_chunks=True,
            started_at=time.monotonic(),
            refusal=refusal,
        )
        exchange.finish()
        return exchange

    def _set_deadline(self) -> None:
        """Give the client its time for what it has to do next."""
        exchange, arriving = self._current, self._arriving
        if self._writable is not None:
            return
        if exchange is None:
            if arriving is not None:
                self.deadline = arriving.started_at + self._patience.body
            else:
                self.deadline = time.monotonic() + self._between_requests()
        elif exchange.is_whole or exchange.unread:
            self.deadline = _NEVER
        else:
            self.deadline = min(self._body_due, exchange.started_at + self._patience.body)

    def _between_requests(self) -> float:
        if self._is_in_head:
            return self._patience.head
        return self._patience.draining if self._host.is_stopping else self._patience.idle

    def _stop_reading(self) -> None:
        self._reads_no_more = True
        if self._last() is not None:
            self.pause_reading()

    def _read_on(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _linger(self, exchange: Exchange) -> None:
        """Close, after reading a little of what was refused: closing with unread bytes resets the answer away."""
        self._waiting.clear()
        if exchange.is_whole and not self._reads_no_more:
            self._transport.close()
            return
        self._reads_no_more = True
        self._read_on()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(self._patience.lingering, self._transport.close)

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > READ_AHEAD_BYTES:
            self._transport.close()


def _size_bytes(fields: HeaderList) -> int:
    return sum(len(name) + len(value) + 4 for name, value in fields)
