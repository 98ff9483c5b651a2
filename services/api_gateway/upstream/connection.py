"""One connection to a service, on llhttp: one call at a time, nothing accepted whose end is in doubt (G-04)."""

import asyncio
import time
from dataclasses import dataclass
from typing import cast

import httptools

from services.api_gateway.headers import HeaderList, Headers
from services.api_gateway.upstream.errors import (
    AnswerLate,
    ConnectionBroke,
    NotHTTP,
    ServiceFailed,
)

WHOLE_ANSWER_BYTES = 64 * 1024
"""Answers up to this are read before they are passed on: one write, and a broken one can still become 503."""

MAX_ANSWER_HEAD_BYTES = 32 * 1024
"""Services send under 1 KiB."""

READ_AHEAD_BYTES = 256 * 1024
"""Of a long answer; then the service has to wait for the client."""

_NO_BODY = frozenset({204, 304})


@dataclass(slots=True)
class Answer:
    """What a service answered: all of it, or its beginning when it is long."""

    status: int
    headers: HeaderList
    length: int | None
    """As the service says; None when it does not know."""
    body: bytes | None
    """None when it is still coming, through `ServiceConnection.read`."""


class ServiceConnection(asyncio.Protocol):
    """Carries calls one after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._calls = 0
        self._answer: asyncio.Future[Answer] | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._forget_call()
        self.idle_since = 0.0
        self.deadline = 0.0
        """When the call under way is to `run_out`; both in `time.monotonic` seconds."""
        self.is_sound = True
        """Whether another call may use the connection."""

    def _forget_call(self) -> None:
        self._is_head = False
        self._status = 0
        self._fields: HeaderList = []
        self._pieces: list[bytes] = []
        self._head_bytes = 0
        self._unread = 0
        self._length: int | None = None
        self._is_long = False
        self._is_whole = False
        self._failure: ServiceFailed | None = None

    # What a caller does.

    def call(self, data: bytes, *, is_head: bool, within_seconds: float) -> asyncio.Future[Answer]:
        """Send a call; the future holds the answer, or a `ServiceFailed`.

        Args:
            data: The head and as much of the body as there is.
            is_head: Whether the answer has no body whatever its fields say.
            within_seconds: Until the answer begins (a short one: until it has ended).
        """
        assert self._transport is not None  # noqa: S101
        self._forget_call()
        self._is_head = is_head
        self._answer = self._loop.create_future()
        self.allow(within_seconds)
        self._transport.write(data)
        return self._answer

    def allow(self, seconds: float) -> None:
        """Give the service its time anew."""
        self.deadline = time.monotonic() + seconds

    async def send(self, piece: bytes) -> None:
        """Send a piece of the call's body; returns once the service takes more, or no longer listens."""
        if self._transport is None or self._answer is None or self._answer.done():
            # The service would take what is missing of this body from the next call on this connection.
            self.is_sound = False
            return
        self._transport.write(piece)
        if self._writable is not None:
            await self._writable

    async def read(self) -> bytes:
        """Return what has arrived of a long answer since the last time; nothing at its end.

        Raises:
            ServiceFailed: It broke off.
        """
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._is_whole:
                return b""
            self._arrival = self._loop.create_future()
            await self._arrival
        body = b"".join(self._pieces)
        self._pieces.clear()
        if self._unread > READ_AHEAD_BYTES and self._transport is not None:
            self._transport.resume_reading()
        self._unread = 0
        return body

    def rest(self) -> bool:
        """End the call; tell whether the connection can be kept for another one."""
        if not self._is_whole:
            self.close()
        self._answer = None
        self.idle_since = time.monotonic()
        return self.is_sound

    def close(self) -> None:
        """Close the connection, whatever is on it."""
        self.is_sound = False
        if self._transport is not None:
            self._transport.abort()

    def run_out(self) -> None:
        """Fail the call: the service has had its time."""
        self._fail(AnswerLate())

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note that calls can be made."""
        self._transport = cast(asyncio.Transport, transport)
        # As towards the client: write at once.
        self._transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the call that is under way."""
        self.is_sound = False
        self._fail(ConnectionBroke(is_stale=self._calls > 0 and self._head_bytes == 0))
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what came of the answer."""
        if self._answer is None or self._is_whole:
            # Nobody asked for this: whatever is next on the connection could be taken for an answer to another call.
            self.close()
            return
        if not self._status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_sound = False
            if not self._is_whole:
                self._fail(NotHTTP())
                return
        if not self._status and self._head_bytes > MAX_ANSWER_HEAD_BYTES:
            self._fail(NotHTTP())
        elif (
            self._failure is None and not self._answer.done() and (self._is_long or self._is_whole)
        ):
            self._settle(self._answer)
        else:
            self._wake()

    def eof_received(self) -> bool:
        """Close with the service."""
        return False

    def pause_writing(self) -> None:
        """Note that the service does not take what is written."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Note that the service takes what is written."""
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    # What the parser finds.

    def on_message_begin(self) -> None:
        """Note a second answer to one call: it must never be given to the next."""
        if self._is_whole:
            self.is_sound = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; those after the last chunk are dropped."""
        if not self._status and not self._is_whole:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Decide where the answer ends."""
        if self._is_whole:
            return
        status = self._parser.get_status_code()
        if status < 200:
            # An interim answer; llhttp stops by itself at 101.
            self._fields = []
            return
        self._status = status
        headers = Headers(self._fields)
        length = headers.first(b"content-length")
        codings = headers.all(b"transfer-encoding")
        self._length = None if length is None else int(length)
        self.is_sound = self._parser.should_keep_alive()
        if self._is_head:
            self._is_whole = True
            # llhttp waits for a body here; a new parser does not.
            self._parser = httptools.HttpResponseParser(self)
        elif status > 599 or (
            codings and (length is not None or [c.lower() for c in codings] != [b"chunked"])
        ):
            self._fail(NotHTTP())
        elif length is None and not codings and status not in _NO_BODY:
            # It would end with the connection, and half of it would look like a whole one.
            self._fail(NotHTTP())
        else:
            self._is_long = self._length is None or self._length > WHOLE_ANSWER_BYTES
            self._is_long = self._is_long and status not in _NO_BODY

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        if self._is_whole:
            self.is_sound = False
            return
        self._pieces.append(piece)
        self._unread += len(piece)
        if self._is_long and self._unread > READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self._status:
            self._is_whole = True

    # The call's outcome.

    def _settle(self, future: asyncio.Future[Answer]) -> None:
        self._calls += 1
        body = None
        if not self._is_long:
            body = b"".join(self._pieces)
            self._pieces.clear()
        future.set_result(Answer(self._status, self._fields, self._length, body))

    def _fail(self, failure: ServiceFailed) -> None:
        if not self._is_whole:
            self._failure = self._failure or failure
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
        self._wake()
        self.close()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
