"""How much clients may send, how long they may take, and how many there may be."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from services.api_gateway.server import connection as connection_module
from services.api_gateway.server import server as server_module
from services.api_gateway.server.exchange import Exchange
from services.api_gateway.server.limits import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    Patience,
)
from services.api_gateway.server.server import SWEEP_SECONDS, Server
from services.api_gateway.tests.conftest import QUICK_PATIENCE, System
from services.api_gateway.tests.doubles import Message, answer, read_message
from services.api_gateway.upstream.pool import KEEP_ALIVE_SECONDS
from shared.web import serving
from shared.web.serving import listen

PATH = "/api/v1/todos"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SLACK_SECONDS = SWEEP_SECONDS + 0.5


def test_patience_ends_in_time() -> None:
    """G-06, G-09: slow clients are gone within 30 s; idle ones stay longer than any load balancer keeps them."""
    patience = dataclasses.asdict(Patience())
    idle = patience.pop("idle")
    assert max(patience.values()) + SWEEP_SECONDS < 30
    assert idle > 180
    # The services keep theirs for longer than we leave them idle.
    assert KEEP_ALIVE_SECONDS < serving.KEEP_ALIVE_SECONDS
    assert (MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES) == (16 * 1024, 100, 8192)


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/api/v1/todos?q=" + "x" * MAX_TARGET_BYTES, [], 414),
        ("/api/v1/todos?q=" + "x" * 300_000, [], 414),
        (PATH, [("X-Long", "x" * MAX_HEAD_BYTES)], 431),
        (PATH, [("X-Long", "x" * 300_000)], 431),
        (PATH, [("X" * MAX_HEAD_BYTES, "x")], 431),
        (PATH, [(f"X-{number}", "x") for number in range(MAX_HEADERS)], 431),
        (PATH, [(f"X-{number}", "x" * 200) for number in range(99)], 431),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_head_over_the_limit_is_refused(
    system: System, target: str, headers: list[tuple[str, str]], status: int
) -> None:
    """G-06: 431 and 414 in the gateway's shape, and the end of the connection."""
    response = await system.client.send("GET", target, [system.bearer(), *headers])
    assert response.status == status
    assert set(response.json()) == {"error"}
    assert response.one("connection") == "close"
    assert system.arrivals == 0


async def test_head_over_the_limit_is_refused_behind_another_request(system: System) -> None:
    """G-06: it counts by itself, also when it came in one piece with what is before it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    small = b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n"
    writer.write(small + b"\r\n" + small + b"X-Long: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n")
    answers = await reader.read()
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 431 ") == 1
    writer.close()


async def test_head_at_the_limit_passes(system: System) -> None:
    """G-06: 100 headers and nearly 16 KiB are fine."""
    headers = [(f"X-{number}", "x" * 130) for number in range(MAX_HEADERS - 2)]
    response = await system.client.send("GET", PATH, [system.bearer(), *headers])
    assert response.status == 200


async def test_endless_head_ends(system: System) -> None:
    """G-06: a head without end is refused after the limit, not collected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    reading = asyncio.create_task(reader.read(1000))
    sent = 0
    while not reading.done() and sent < 1_000_000:
        writer.write(b"X-%d: %b\r\n" % (sent, b"x" * 1000))
        sent += 1000
        await asyncio.sleep(0.001)
    assert b" 431 " in await reading
    assert sent <= MAX_HEAD_BYTES + 64 * 1024
    writer.close()


async def _ends_after(system: System, *pieces: bytes, every_seconds: float) -> tuple[bytes, float]:
    """Send pieces with pauses; return what came back and after how long the connection ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    started = time.monotonic()

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_seconds)

    dripping = asyncio.create_task(drip())
    received = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            while piece := await reader.read(65536):
                received += piece
    dripping.cancel()
    writer.close()
    return received, time.monotonic() - started


async def test_client_that_says_nothing_is_left(system: System) -> None:
    """G-06."""
    received, seconds = await _ends_after(system, every_seconds=1)
    assert received == b""
    assert seconds < QUICK_PATIENCE.first_byte + SLACK_SECONDS


async def test_dripping_head_is_refused_in_time(system: System) -> None:
    """G-06: each byte does not give the client its whole time again."""
    drops = [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 100]
    received, seconds = await _ends_after(system, *drops, every_seconds=0.05)
    assert b" 408 " in received
    assert seconds < QUICK_PATIENCE.head + QUICK_PATIENCE.lingering + SLACK_SECONDS


@pytest.mark.parametrize("has_token", [True, False])
async def test_dripping_body_is_refused_in_time(system: System, has_token: bool) -> None:
    """G-06: neither for a request that is forwarded nor for one that was refused long ago."""
    name, value = system.bearer()
    token = f"{name}: {value}\r\n" if has_token else ""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{token}Content-Length: 1000\r\n\r\n".encode()
    received, seconds = await _ends_after(system, head, *[b"x"] * 200, every_seconds=0.05)
    assert (b" 408 " if has_token else b" 401 ") in received
    assert seconds < QUICK_PATIENCE.body + QUICK_PATIENCE.lingering + SLACK_SECONDS
    assert system.arrivals == 0


async def test_client_that_does_not_read_is_left(system: System) -> None:
    """G-06, G-07: nor is the service kept busy for it."""

    async def endless(_: Message, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    system.schedule.answer = endless
    name, value = system.bearer()
    _, writer = await asyncio.open_connection("127.0.0.1", system.client.port, limit=1024)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
    started = time.monotonic()
    await asyncio.wait_for(system.schedule.cut_off.wait(), 5)
    assert time.monotonic() - started < QUICK_PATIENCE.reading + SLACK_SECONDS
    writer.close()


async def test_slow_clients_leave_the_others(system: System) -> None:
    """G-06: 100 connections that drip do not slow an honest one down."""
    drops = [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 100]
    slow = [
        asyncio.create_task(_ends_after(system, *drops, every_seconds=0.05)) for _ in range(100)
    ]
    await asyncio.sleep(0.1)
    started = time.monotonic()
    assert (await system.client.send("GET", PATH, [system.bearer()])).status == 200
    assert time.monotonic() - started < 0.5
    received = [answered for answered, _ in await asyncio.gather(*slow)]
    assert all(b" 408 " in answered for answered in received)


async def test_client_that_waits_to_be_asked_for_its_body_is_asked(system: System) -> None:
    """G-05: `Expect: 100-continue`; a refused request is answered without asking."""
    name, value = system.bearer()
    for token, expected in ((f"{name}: {value}\r\n", b"100"), ("", b"401")):
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{token}Content-Length: 2\r\nExpect: 100-continue"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
        writer.write(head.encode() + b"\r\n\r\n")
        first = await reader.readuntil(b"\r\n")
        assert first.split(b" ")[1] == expected
        if expected == b"100":
            await reader.readexactly(2)
            writer.write(b"{}")
            assert (await read_message(reader)).status == 200
        writer.close()


@contextlib.asynccontextmanager
async def _served(server: Server) -> AsyncIterator[tuple[int, asyncio.Event]]:
    listener = listen("127.0.0.1", 0)
    stopping = asyncio.Event()
    serving = asyncio.create_task(server.serve(listener, stopping))
    try:
        yield listener.getsockname()[1], stopping
    finally:
        stopping.set()
        await serving


@contextlib.asynccontextmanager
async def _small_server(
    max_connections: int, answer_seconds: float = 0.3
) -> AsyncIterator[tuple[Server, int, asyncio.Event]]:
    async def handle(exchange: Exchange) -> None:
        if exchange.refusal is not None:
            exchange.answer(exchange.refusal.status, [], b"full")
        else:
            await asyncio.sleep(answer_seconds)
            exchange.answer(200, [], b"done")

    server = Server(handle, patience=QUICK_PATIENCE, max_connections=max_connections)
    async with _served(server) as (port, stopping):
        yield server, port, stopping


async def test_connection_beyond_the_limit_is_told_so_at_once() -> None:
    """O-02: a quick 503, and those within the limit are served."""
    async with _small_server(max_connections=2) as (_, port, _stopping):
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(0.5):
            assert (await read_message(reader)).status == 503
        writer.close()
        for reader, writer in kept:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_message(reader)).status == 200
            writer.close()


async def test_idle_connection_is_kept_for_longer_than_balancers_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """G-09: at least 65 s between requests, and 180 s for our own; then it ends."""
    passed_seconds = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed_seconds)
    for module in (server_module, connection_module):
        monkeypatch.setattr(module, "time", clock)

    async def handle(exchange: Exchange) -> None:
        exchange.answer(200, [], b"done")

    async with _served(Server(handle)) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for idle_seconds in (0, 65, 180):
            passed_seconds += idle_seconds
            await asyncio.sleep(2 * SWEEP_SECONDS)
            writer.write(REQUEST)
            assert (await read_message(reader)).status == 200
        passed_seconds += Patience().idle
        async with asyncio.timeout(1):
            assert await reader.read() == b""
        writer.close()


async def test_stop_finishes_what_is_being_answered() -> None:
    """O-04: an answer under way is given, with the news that the connection ends; idle ones end soon."""
    async with _small_server(max_connections=10) as (_, port, stopping):
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        busy, busy_writer = await asyncio.open_connection("127.0.0.1", port)
        busy_writer.write(REQUEST)
        await asyncio.sleep(0.1)
        stopping.set()
        stopped_at = time.monotonic()
        response = await read_message(busy)
        assert (response.status, response.one("connection")) == (200, "close")
        assert await busy.read() == b""
        assert await idle.read() == b""
        seconds = time.monotonic() - stopped_at
        assert QUICK_PATIENCE.draining <= seconds < QUICK_PATIENCE.draining + SLACK_SECONDS
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        for writer in (idle_writer, busy_writer):
            writer.close()


async def test_stop_answers_what_comes_just_then() -> None:
    """O-04, I-02: of 20 clients that ask without pause none meets a closed connection before it hears of it."""

    async def asks_on(port: int, answers: list[str | None]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not answers or answers[-1] != "close":
            writer.write(REQUEST)
            answers.append((await read_message(reader)).one("connection"))
            await asyncio.sleep(0.001)
        assert await reader.read() == b""
        writer.close()

    async with _small_server(max_connections=50, answer_seconds=0.002) as (_, port, stopping):
        kept: list[list[str | None]] = [[] for _ in range(20)]
        clients = [asyncio.create_task(asks_on(port, answers)) for answers in kept]
        await asyncio.sleep(0.2)
        assert all(len(answers) > 3 for answers in kept)
        stopping.set()
        async with asyncio.timeout(QUICK_PATIENCE.draining + SLACK_SECONDS):
            await asyncio.gather(*clients)
        assert all("close" not in answers[:-1] for answers in kept)


async def test_stop_lets_an_upload_and_a_download_end() -> None:
    """O-04, I-02: a body on its way is taken and an answer that has begun is given whole."""

    async def handle(exchange: Exchange) -> None:
        if exchange.has_body:
            size = 0
            while piece := await exchange.read():
                size += len(piece)
            exchange.answer(200, [], b"%d" % size)
            return
        exchange.begin(200, [], None)
        for _ in range(3):
            await exchange.send(b"piece")
            await asyncio.sleep(0.1)
        exchange.end()

    async with _served(Server(handle, patience=QUICK_PATIENCE)) as (port, stopping):
        up, up_writer = await asyncio.open_connection("127.0.0.1", port)
        up_writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
        down, down_writer = await asyncio.open_connection("127.0.0.1", port)
        down_writer.write(REQUEST)
        await asyncio.sleep(0.05)
        stopping.set()
        await asyncio.sleep(0.1)
        up_writer.write(b"def")
        uploaded, downloaded = await read_message(up), await read_message(down)
        assert (uploaded.body, uploaded.one("connection")) == (b"6", "close")
        # Its head was sent before the stop; the next answer on the connection tells.
        assert (downloaded.body, downloaded.one("connection")) == (b"piece" * 3, None)
        down_writer.write(REQUEST)
        assert (await read_message(down)).one("connection") == "close"
        for writer in (up_writer, down_writer):
            writer.close()


async def test_answer_at_once_is_one_exchange_after_the_other(system: System) -> None:
    """G-09: a connection is kept for the next request."""
    system.schedule.answer = answer(b"[]")
    name, value = system.bearer()
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    for _ in range(3):
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
        assert (await read_message(reader)).body == b"[]"
    writer.close()
