"""One request and the answer to it."""

import asyncio
from http import HTTPStatus
from typing import Protocol

from services.api_gateway.errors import GatewayError
from services.api_gateway.headers import Headers
from services.api_gateway.server.limits import READ_AHEAD_BYTES

_STATUS_LINES = {status: b"HTTP/1.1 %d \r\n" % status for status in range(200, 600)} | {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}

BODYLESS = frozenset({204, 304})
"""Answers that never have a body, so that a length would be wrong or misleading."""

CLOSE = b"connection: close\r\n"


class Line(Protocol):
    """The connection as an exchange sees it."""

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    async def drain(self) -> None:
        """Return once the client has taken enough of what was written."""

    def pause_reading(self) -> None:
        """Take no more of the body."""

    def resume_reading(self) -> None:
        """Take more of the body."""

    def dated(self) -> bytes:
        """Return the `date` field."""

    def abort(self) -> None:
        """End the connection at once."""


class Exchange:
    """A request whose header fields are complete, its body as it arrives, and the way back."""

    __slots__ = (
        "_arrival",
        "_expects_continue",
        "_line",
        "_pieces",
        "_problem",
        "answer_fields",
        "client",
        "closes",
        "has_begun",
        "headers",
        "is_answered",
        "is_chunked",
        "is_whole",
        "length",
        "method",
        "refusal",
        "route",
        "started_at",
        "status",
        "takes_chunks",
        "target",
        "unread",
        "user",
    )

    def __init__(
        self,
        line: Line,
        *,
        method: str,
        target: bytes,
        headers: Headers,
        length: int | None,
        client: str,
        closes: bool,
        takes_chunks: bool,
        started_at: float,
        refusal: GatewayError | None = None,
    ) -> None:
        self._line = line
        self.method = method
        self.target = target
        self.headers = headers
        self.length = length
        """Of the body in bytes; None when it comes in chunks."""
        self.client = client
        """Address of whoever opened the connection."""
        self.closes = closes
        """Whether the connection ends after the answer."""
        self.takes_chunks = takes_chunks
        self.started_at = started_at
        self.refusal = refusal
        """Why the request must not be looked at any further."""
        self.answer_fields: list[bytes] = []
        """Rendered fields that every answer to this request carries."""
        self.route = "unmatched"
        """Name of what was asked for, and the caller's pseudonym: for the log."""
        self.user: str | None = None
        self.status = 0
        self.has_begun = False
        self.is_chunked = False
        self.is_answered = False
        self.is_whole = False
        self.unread = 0
        self._pieces: list[bytes] = []
        self._arrival: asyncio.Future[None] | None = None
        self._problem: GatewayError | None = None
        self._expects_continue = b"expect" in headers

    @property
    def has_body(self) -> bool:
        """Whether the request has a body, however empty its chunks may turn out."""
        return self.length != 0

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body from the connection."""
        self._pieces.append(piece)
        self.unread += len(piece)
        if self.unread > READ_AHEAD_BYTES:
            self._line.pause_reading()
        self._wake()

    def finish(self) -> None:
        """Note the end of the body."""
        self.is_whole = True
        self._wake()

    def fail(self, problem: GatewayError) -> None:
        """Note that the rest of the body will never come; whoever reads it gets this refusal."""
        self._problem = self._problem or problem
        self.closes = True
        self._wake()

    async def peek(self, enough: int) -> bytes:
        """Return what there is of the body once it is whole or longer than `enough`; `read` returns it again.

        Raises:
            GatewayError: The body is malformed or too slow.
        """
        kept: list[bytes] = []
        while sum(map(len, kept)) <= enough and (piece := await self.read()):
            kept.append(piece)
        self._pieces[:0] = kept
        return b"".join(kept)

    async def read(self) -> bytes:
        """Return what has arrived of the body since the last time, waiting for it; nothing at its end.

        Raises:
            GatewayError: The body is malformed, too slow or too long.
        """
        while not self._pieces:
            if self._problem is not None:
                raise self._problem
            if self.is_whole:
                return b""
            if self._expects_continue:
                self._expects_continue = False
                self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._line.resume_reading()
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self.taken()

    def taken(self) -> bytes:
        """Return what has arrived of the body since the last time; it may be nothing."""
        body = b"".join(self._pieces)
        self._pieces.clear()
        self.unread = 0
        return body

    def answer(self, status: int, fields: list[bytes], body: bytes) -> None:
        """Write a whole answer.

        Args:
            status: 200 to 599.
            fields: Rendered header fields, each with its line end, without length.
            body: Not sent where the method or the status has none.
        """
        if status in BODYLESS:
            self.answer_bare(status, fields)
            return
        fields.append(b"content-length: %d\r\n" % len(body))
        self._begin(status, fields, b"" if self.method == "HEAD" else body)
        self.is_answered = True

    def answer_bare(self, status: int, fields: list[bytes]) -> None:
        """Write an answer that ends with its header fields, to HEAD or of a status without body."""
        self._begin(status, fields, b"")
        self.is_answered = True

    def begin(self, status: int, fields: list[bytes], length: int | None) -> None:
        """Write the head of an answer whose body follows, in chunks when its length is not known."""
        if length is not None:
            fields.append(b"content-length: %d\r\n" % length)
        elif self.takes_chunks:
            self.is_chunked = True
            fields.append(b"transfer-encoding: chunked\r\n")
        else:
            self.closes = True
        self._begin(status, fields, b"")

    async def send(self, piece: bytes) -> None:
        """Write a piece of the body; returns once the client has taken enough of it."""
        self._line.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self.is_chunked else piece)
        await self._line.drain()

    def end(self) -> None:
        """Write the end of the body."""
        if self.is_chunked:
            self._line.write(b"0\r\n\r\n")
        self.is_answered = True

    def cut(self) -> None:
        """End the connection within the answer, so that half of it never looks like a whole one."""
        self._line.abort()

    def _begin(self, status: int, fields: list[bytes], body: bytes) -> None:
        self.status = status
        self.has_begun = True
        if not self.is_whole and self._expects_continue:
            # The client may or may not send the body it was not asked for.
            self.closes = True
        if self.closes:
            fields.append(CLOSE)
        parts = (
            _STATUS_LINES[status],
            *fields,
            *self.answer_fields,
            self._line.dated(),
            b"\r\n",
            body,
        )
        self._line.write(b"".join(parts))

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
