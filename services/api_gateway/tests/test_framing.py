"""What becomes of requests whose end two readers could see in different places, sent over raw sockets."""

import asyncio
import contextlib
import itertools
import random
import re
import time

import httptools
import pytest

from services.api_gateway.server.limits import MAX_PIPELINED
from services.api_gateway.tests.conftest import System
from services.api_gateway.tests.doubles import read_message
from services.api_gateway.upstream.connection import MAX_ANSWER_HEAD_BYTES, ServiceConnection
from services.api_gateway.upstream.errors import ServiceFailed

PATH = "/api/v1/todos"
SMUGGLED = b"GET /api/v1/todos/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

LENGTHS = [
    b"+5", b"-5", b"5,5", b"5, 5", b"5 5", b"0x5", b"5.0", b"5e0", b"", b"five", b"5;", b'"5"', b"\t5\x0b",
    b"18446744073709551621", b"99999999999999999999", b"\xd9\xa5", b"5\x00", b"_5", b"0_5", b"5\r", b" \x0c5",
]  # fmt: skip

CODINGS = [
    b"xchunked", b"chunked, identity", b"identity", b"identity, chunked", b"gzip, chunked", b"chunked, chunked",
    b"chunked;", b"chunked; q=1", b'"chunked"', b"chunked,", b",chunked", b"chunke", b"cow", b"", b"\x0bchunked",
    b"chunked\x0b", b"chunked\x00", b"chunked x", b"x chunked", b"compress", b"deflate, gzip", b"trailers",
]  # fmt: skip

NAMES = [
    b"Content-Length ", b" Content-Length", b"Content-Length\t", b"Content-Length\x00", b"Content Length",
    b"Content-Length\x0b", b"\x0bContent-Length", b"Transfer-Encoding ", b" Transfer-Encoding",
    b"Transfer-Encoding\t", b"Transfer-Encoding\x00", b"Transfer\x00-Encoding", b"Transfer-Encoding\r",
    b"Transfer-Encoding\x0b", b"\xffTransfer-Encoding", b"(Transfer-Encoding)",
]  # fmt: skip

CHUNKS = [
    b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5\rhello\r0\r\r", b"5\r\nhelloX\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n", b"5\r\nhell\r\n0\r\n\r\n", b"g\r\nhello\r\n0\r\n\r\n", b"\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff5\r\nhello\r\n0\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n", b"5\n\rhello\r\n0\r\n\r\n", b"5_0\r\nhello\r\n0\r\n\r\n", b"5\x00\r\nhello\r\n0\r\n\r\n",
    b"5,\r\nhello\r\n0\r\n\r\n", b"0.5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nX\x00: y\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX y\r\n\r\n", b"5\r\nhello\r\n0\r\n bad\r\n\r\n",
    b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n",
]  # fmt: skip

STARTS = [
    b"POST  HTTP/1.1", b"POST /a b HTTP/1.1", b"POST /x HTTP/1.2", b"POST /x HTTP/2.0", b"POST /x HTTP/0.9",
    b"POST /x HTTP/1.10", b"POST /x HTTP/11", b"POST /x http/1.1", b"POST /x HTTP /1.1", b"POST /x", b"/x HTTP/1.1",
    b"po st /x HTTP/1.1", b"post /x HTTP/1.1", b"POST\t/x\tHTTP/1.1", b"POST /x HTTP/1.1 x", b"POST /\x00 HTTP/1.1",
    b"POST /\x80 HTTP/1.1", b"POST /x HTTP/1.1\x00", b"\x00POST /x HTTP/1.1", b"PRI * HTTP/2.0", b"SMTP /x HELO",
]  # fmt: skip

LINES = [
    b"Host: x\r\nHost: x", b"Host: x\r\nHost: y", b"X: y", b"Host: x\nX: y", b"Host: x\rX: y", b"Host: x\r\nX: a\r\n b",
    b"Host: x\r\nX: a\r\n\tb", b"Host: x\r\nX", b"Host: x\r\n: y", b"Host: x\r\nX: a\x00b", b"Host: x\r\nX: a\rb",
    b"Host: x\r\nX: a\nb", b"Host: x\r\nX\xc3\xa9: y", b"Host: x\r\nX[1]: y", b"Host: x\r\nX: \x7f", b" Host: x",
]  # fmt: skip


def _post(*lines: bytes, body: bytes = b"hello") -> bytes:
    head = b"\r\n".join([b"POST %b HTTP/1.1" % PATH.encode(), b"Host: x", *lines])
    return head + b"\r\n\r\n" + body


def _variants() -> list[bytes]:
    both = [
        _post(*pair)
        for pair in itertools.permutations(
            [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Length: 6"], 2
        )
    ]
    twice = [
        _post(b"Content-Length: 5", b"Content-Length: 5"),
        _post(b"Content-Length: 0", b"Content-Length: 49", body=SMUGGLED),
        _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        _post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
        _post(b"Transfer-Encoding: chunked", b"transfer-encoding: identity", b"Content-Length: 5"),
        _post(b"TRANSFER-ENCODING: chunked", b"content-length: 5"),
    ]
    old = _post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
    return [
        *both,
        *twice,
        old,
        *(_post(b"Content-Length: " + length) for length in LENGTHS),
        *(
            _post(b"Transfer-Encoding: " + coding, body=b"5\r\nhello\r\n0\r\n\r\n")
            for coding in CODINGS
        ),
        *(
            _post(name + (b": chunked" if b"ransfer" in name else b": 5"), body=b"0\r\n\r\n")
            for name in NAMES
        ),
        *(_post(b"Transfer-Encoding: chunked", body=chunks) for chunks in CHUNKS),
        *(start + b"\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" for start in STARTS),
        *(b"POST /x HTTP/1.1\r\n" + lines + b"\r\n\r\n" for lines in LINES),
    ]


VARIANTS = _variants()


async def _everything(port: int, data: bytes) -> tuple[bytes, float]:
    """Return all that comes until the connection is closed, and after how long it was."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    received = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            while piece := await reader.read(65536):
                received += piece
    writer.close()
    return received, time.monotonic() - started


async def test_ambiguous_framing_is_refused_and_the_connection_closed(system: System) -> None:
    """G-04: one 400 and the end, whatever follows in the same packet; nothing arrives, nothing hangs."""
    assert len(VARIANTS) > 130
    name, value = system.bearer()
    token = f"\r\n{name}: {value}\r\nHost: ".encode()
    results = [
        await _everything(system.client.port, variant.replace(b"\r\nHost: ", token, 1) + SMUGGLED)
        for variant in VARIANTS
    ]
    statuses = [re.findall(rb"HTTP/1\.1 (\d{3})", received) for received, _ in results]
    wrong = [
        (variant[:120], found)
        for variant, found in zip(VARIANTS, statuses, strict=True)
        if found != [b"400"]
    ]
    slowest = max(seconds for _, seconds in results)
    print(  # noqa: T201
        f"G-04: {len(VARIANTS)} variants, {len(wrong)} not refused, {system.arrivals} arrivals,"
        f" slowest {slowest:.2f} s"
    )
    assert wrong == []
    assert system.arrivals == 0
    assert slowest < 1


async def test_pipelined_answers_keep_their_order(system: System) -> None:
    """G-04: answers come in the order of the requests, and a malformed one after them takes nobody's place."""
    delays = iter([0.1, 0.0, 0.05])

    async def numbered(request, writer) -> None:
        await asyncio.sleep(next(delays))
        body = request.target.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    system.schedule.answer = numbered
    name, value = system.bearer()
    requests = b"".join(
        f"GET {PATH}/{number} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode()
        for number in range(3)
    )
    received, _ = await _everything(system.client.port, requests + b"GET /x HTTP/9.9\r\n\r\n")
    assert re.findall(rb"/v1/todos/(\d)", received) == [b"0", b"1", b"2"]
    assert re.findall(rb"HTTP/1\.1 (\d{3})", received) == [b"200", b"200", b"200", b"400"]


async def test_requests_that_are_answered_at_once_keep_their_order(system: System) -> None:
    """G-04: as many as may wait behind each other, none of which waits for anything."""
    requests = b"".join(
        b"GET /unknown/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(MAX_PIPELINED)
    )
    last = b"GET /unknown/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received, _ = await _everything(system.client.port, requests + last)
    assert re.findall(rb'"path":"/unknown/(\w+)"', received) == [
        *(b"%d" % number for number in range(MAX_PIPELINED)),
        b"last",
    ]


async def test_malformed_chunk_after_the_head_went_on_reaches_no_service_whole(
    system: System,
) -> None:
    """G-04: what turns out malformed half way is 400 for the client and half a request for the service."""
    name, value = system.bearer()
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    writer.write(head.encode() + b"5\r\nhello\r\n")
    await asyncio.sleep(0.1)
    writer.write(b"zz\r\n" + SMUGGLED)
    assert (await read_message(reader)).status == 400
    assert await reader.read() == b""
    writer.close()
    assert system.arrivals == 0


async def test_upgrade_is_not_granted(system: System) -> None:
    """G-05: the request is answered as if it had not asked, and nothing after it is read."""
    name, value = system.bearer()
    head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nConnection: upgrade\r\n"
    received, _ = await _everything(
        system.client.port, head.encode() + b"Upgrade: h2c\r\n\r\n" + SMUGGLED
    )
    assert re.findall(rb"HTTP/1\.1 (\d{3})", received) == [b"200"]
    assert system.schedule.requests[0].one("upgrade") is None
    assert len(system.schedule.requests) == 1


class _Wire(asyncio.Transport):
    """A connection to a service whose answers the test writes."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def _asked(answer: bytes, cuts: list[int]) -> tuple[ServiceConnection, object]:
    """Return the connection and what a call got of an answer that came in pieces."""
    connection = ServiceConnection(asyncio.get_running_loop())
    wire = _Wire()
    connection.connection_made(wire)
    future = connection.call(b"GET / HTTP/1.1\r\n\r\n", is_head=False, within_seconds=5)
    for start, end in itertools.pairwise([0, *sorted(cuts), len(answer)]):
        if not wire.is_closed:
            connection.data_received(answer[start:end])
    if not future.done():
        connection.connection_lost(None)
    outcome: object
    try:
        outcome = await future
    except ServiceFailed as problem:
        outcome = problem
    return connection, outcome


async def test_a_connection_that_owes_a_piece_of_a_body_is_not_kept() -> None:
    """G-04: the service answered before it had the whole body, and would take the rest from the next call."""
    connection = ServiceConnection(asyncio.get_running_loop())
    connection.connection_made(_Wire())
    head = b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n"
    answer = connection.call(head, is_head=False, within_seconds=5)
    connection.data_received(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}")

    await connection.send(b"body")

    assert (await answer).status == 400
    assert not connection.rest()


AMBIGUOUS_ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/2.0 200 OK\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_ANSWER_HEAD_BYTES * 2,
]


@pytest.mark.parametrize("answer", AMBIGUOUS_ANSWERS, ids=lambda answer: repr(answer[15:60]))
async def test_ambiguous_answer_of_a_service_is_refused(answer: bytes) -> None:
    """G-04: nobody guesses where an answer ends, and the connection is used for nothing else."""
    connection, outcome = await _asked(answer, [])
    assert isinstance(outcome, ServiceFailed)
    assert not connection.is_sound


async def test_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    """G-04: a second answer to one call, together with it or later, ends the connection."""
    good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
    connection, _ = await _asked(good + good, [])
    assert not connection.rest()
    connection, outcome = await _asked(good, [])
    assert connection.rest()
    assert not isinstance(outcome, ServiceFailed)
    connection.data_received(good)
    assert not connection.is_sound


async def test_answers_in_any_pieces_mean_the_same() -> None:
    """G-04: 3,000 random answers, half of them damaged: never a crash, and cutting them up changes nothing."""
    dice = random.Random(20261121)
    damaged_and_accepted = 0
    for _ in range(3000):
        body = dice.randbytes(dice.randrange(200))
        if dice.random() < 0.5:
            framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        else:
            framed = b"Transfer-Encoding: chunked\r\n\r\n"
            framed += (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        answer = bytearray(b"HTTP/1.1 200 OK\r\nContent-Type: x\r\n" + framed)
        is_damaged = dice.random() < 0.5
        if is_damaged:
            answer[dice.randrange(len(answer))] = dice.randrange(256)
        whole = await _outcome(bytes(answer), [])
        cut = await _outcome(
            bytes(answer), [dice.randrange(len(answer)) for _ in range(dice.randrange(6))]
        )
        assert whole == cut, answer
        if not is_damaged:
            assert whole == (200, body)
        damaged_and_accepted += is_damaged and whole is not None
    print(f"G-04: {damaged_and_accepted} of about 1,500 damaged answers still were answers")  # noqa: T201


async def _outcome(answer: bytes, cuts: list[int]) -> tuple[int, bytes] | None:
    connection, outcome = await _asked(answer, cuts)
    if isinstance(outcome, ServiceFailed):
        return None
    body = outcome.body
    if body is None:
        connection.connection_lost(None)
        body = b""
        try:
            while piece := await connection.read():
                body += piece
        except ServiceFailed:
            return None
    return outcome.status, body


def test_parser_is_strict() -> None:
    """G-04: an upgrade of the parser that turns lenient is noticed here."""
    with pytest.raises(httptools.HttpParserError):
        httptools.HttpRequestParser(object()).feed_data(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
