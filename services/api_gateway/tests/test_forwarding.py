"""What crosses the gateway in either direction, and what becomes of a service's failures."""

import asyncio
import gzip
import hashlib
import random
import time

import pytest

from services.api_gateway.forwarding import MAX_BODY_BYTES
from services.api_gateway.tests.conftest import QUICK_SECONDS, StartSystem, System, running_system
from services.api_gateway.tests.doubles import (
    Answer,
    Message,
    Upstream,
    answer,
    hang,
    raw_answer,
    read_message,
    reset,
)

PATH = "/api/v1/todos"


def _chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def _send_chunked(system: System, *pieces: bytes, path: str = PATH) -> Message:
    name, value = system.bearer()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return await system.client.send_bytes(head.encode() + _chunked(*pieces))


@pytest.mark.parametrize(
    ("path", "service", "arrives_as"),
    [
        ("/api/v1/auth/signin", "user", "/v1/auth/signin"),
        ("/api/v1/users/me", "user", "/v1/users/me"),
        ("/api/v1/friends", "user", "/v1/friends"),
        ("/api/v1/groups/1/members", "user", "/v1/groups/1/members"),
        (
            "/api/v1/integrations/canvas/sync?mode=courses",
            "user",
            "/v1/integrations/canvas/sync?mode=courses",
        ),
        ("/api/v1/courses/1", "course", "/v1/courses/1"),
        ("/api/v1/assignments/canvas/1", "course", "/v1/assignments/canvas/1"),
        ("/api/v1/enrollments/1/sync", "course", "/v1/enrollments/1/sync"),
        ("/api/v1/tasks", "course", "/v1/tasks"),
        ("/api/v1/notices/1", "course", "/v1/notices/1"),
        ("/api/v1/schedules", "schedule", "/v1/schedules"),
        ("/api/v1/todos/1", "schedule", "/v1/todos/1"),
        ("/api/v1/categories", "schedule", "/v1/categories"),
        ("/v3/api-docs/user-service", "user", "/v3/api-docs"),
        ("/v3/api-docs/course-service", "course", "/v3/api-docs"),
        ("/v3/api-docs/schedule-service", "schedule", "/v3/api-docs"),
    ],
)
async def test_route_leads_to_its_owner(
    system: System, path: str, service: str, arrives_as: str
) -> None:
    """G-02: the table of rest.md 1.4, row by row."""
    assert (await system.client.send("GET", path, [system.bearer()])).status == 200
    owner: Upstream = getattr(system, service)
    assert [request.target for request in owner.requests] == [arrives_as]
    assert system.arrivals == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_method_and_status_pass_through(system: System, method: str) -> None:
    system.schedule.answer = answer(b"" if method == "HEAD" else b"{}", "418 I'm a teapot")
    response = await system.client.send(method, PATH, [system.bearer()])
    assert response.status == 418
    assert system.schedule.requests[0].method == method


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "LOCK"])
async def test_foreign_method_is_refused(system: System, method: str) -> None:
    """G-05: TRACE would show a client what the gateway adds."""
    assert (await system.client.send(method, PATH, [system.bearer()])).status == 405
    assert system.arrivals == 0


async def test_bodies_stay_intact(system: System) -> None:
    """G-05: random bodies of all lengths arrive and return with the same hash, with a length or chunked."""

    async def echo(request: Message, writer: asyncio.StreamWriter) -> None:
        if len(request.body) % 2:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            half = len(request.body) // 2
            pieces = [piece for piece in (request.body[:half], request.body[half:]) if piece]
            writer.write(_chunked(*pieces))
        else:
            await answer(request.body)(request, writer)

    system.schedule.answer = echo
    dice = random.Random(20261121)
    for number in range(100):
        body = dice.randbytes(dice.choice([0, 1, 17, 4096, 65536, 65537, 300_000]))
        if number % 3:
            response = await system.client.send("POST", PATH, [system.bearer()], body)
        else:
            cut = dice.randrange(len(body) + 1)
            response = await _send_chunked(
                system, *(piece for piece in (body[:cut], body[cut:]) if piece)
            )
        assert response.status == 200
        assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()


async def test_compressed_answer_passes_unopened(system: System) -> None:
    """G-05: the bytes and their encoding stay together."""
    packed = gzip.compress(b'{"title": "x"}' * 100)
    system.schedule.answer = answer(packed, headers=[("Content-Encoding", "gzip")])
    response = await system.client.send("GET", PATH, [system.bearer(), ("Accept-Encoding", "gzip")])
    assert (response.body, response.one("content-encoding")) == (packed, "gzip")
    assert system.schedule.requests[0].one("accept-encoding") == "gzip"


async def test_gateway_adds_no_preferences_of_its_own(system: System) -> None:
    """G-05: what the client did not ask for, the service is not asked for."""
    await system.client.send("POST", PATH, [system.bearer()], b"{}")
    for name in ("accept", "accept-encoding", "user-agent", "content-type", "cookie"):
        assert system.schedule.requests[0].one(name) is None


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_answer_without_body_passes(system: System, status: str) -> None:
    """G-05: 204 and 304 have no body and leave the connection usable."""
    system.schedule.answer = raw_answer(
        f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode(), then_close=False
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    name, value = system.bearer()
    for _ in range(2):
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
        response = await read_message(reader, has_body=lambda _: False)
        assert f"{response.status}" == status[:3]
        assert response.one("content-length") is None
    writer.close()


async def test_not_modified_with_a_length_passes(system: System) -> None:
    """G-05: RFC 9110 lets a 304 state the length of what it does not send."""
    system.schedule.answer = raw_answer(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", then_close=False
    )
    assert (await system.client.send("GET", PATH, [system.bearer()])).status == 304


async def test_head_keeps_the_length_and_has_no_body(system: System) -> None:
    """G-05: HEAD answers as GET would, without the body."""
    system.schedule.answer = raw_answer(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: application/json\r\n\r\n",
        then_close=False,
    )
    name, value = system.bearer()
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    for _ in range(2):
        writer.write(f"HEAD {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
        response = await read_message(reader, has_body=lambda _: False)
        assert (response.status, response.one("content-length")) == (200, "1234")
    writer.close()


async def test_large_answer_is_streamed(system: System) -> None:
    """G-05: the beginning of an answer arrives before its end exists, and all of it arrives."""
    piece = random.Random(1).randbytes(65536)
    may_go_on = asyncio.Event()

    async def stream(_: Message, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (320 * len(piece)))
        writer.write(piece)
        await may_go_on.wait()
        for _ in range(319):
            writer.write(piece)
            await writer.drain()

    system.schedule.answer = stream
    name, value = system.bearer()
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
    assert b"200" in await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(len(piece)) == piece
    may_go_on.set()
    rest = await reader.readexactly(319 * len(piece))
    assert hashlib.sha256(rest).digest() == hashlib.sha256(piece * 319).digest()
    writer.close()


async def test_body_at_the_limit_passes(system: System) -> None:
    """G-06: 1 MiB is allowed."""
    body = b"x" * MAX_BODY_BYTES
    assert (await system.client.send("POST", PATH, [system.bearer()], body)).status == 200
    assert system.schedule.requests[0].body == body


async def test_declared_body_over_the_limit_is_refused_unread(system: System) -> None:
    """G-06: the length alone is enough for 413; the service hears nothing."""
    headers = [system.bearer(), ("Content-Length", str(MAX_BODY_BYTES + 1))]
    response = await system.client.send("POST", PATH, headers)
    assert response.status == 413
    assert set(response.json()) == {"error"}
    assert system.arrivals == 0


async def test_sent_body_over_the_limit_is_refused(system: System) -> None:
    """G-06: a client that sends all of it still gets to see the 413."""
    body = b"x" * (MAX_BODY_BYTES + 50_000)
    response = await system.client.send("POST", PATH, [system.bearer()], body)
    assert response.status == 413
    assert system.arrivals == 0


async def test_chunked_body_over_the_limit_is_refused_while_it_streams(system: System) -> None:
    """G-06: without a declared length the limit holds, too, and the service sees no complete request."""
    response = await _send_chunked(system, *[b"x" * 65536] * 17)
    assert response.status == 413
    assert system.arrivals == 0
    await asyncio.wait_for(system.schedule.cut_off.wait(), 1)


async def test_body_that_stops_is_the_clients_fault(system: System) -> None:
    """G-07: an upload that stalls is 408, not a failure of the service."""
    name, value = system.bearer()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Length: 10\r\n\r\nabc"
    assert (await system.client.send_bytes(head.encode())).status == 408
    assert system.arrivals == 0


HOP_BY_HOP = [
    ("Connection", "keep-alive, X-Private, x-other"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authorization", "Basic x"),
    ("Proxy-Authenticate", "Basic"),
    ("TE", "trailers"),
    ("Trailer", "X-Sum"),
    ("X-Private", "nominated"),
    ("X-Other", "nominated"),
]


async def test_hop_by_hop_headers_of_a_request_end_here(system: System) -> None:
    """G-05: none is forwarded, those nominated by Connection included; others are."""
    headers = [*HOP_BY_HOP, ("X-Custom", "kept"), ("Accept-Language", "ko"), system.bearer()]
    await system.client.send("GET", PATH, headers)
    request = system.schedule.requests[0]
    names = {name.lower() for name, _ in request.headers}
    assert names.isdisjoint(name.lower() for name, _ in HOP_BY_HOP)
    assert (request.one("x-custom"), request.one("accept-language")) == ("kept", "ko")


async def test_hop_by_hop_headers_of_an_answer_end_here(system: System) -> None:
    """G-05: the other way, too; the rest of the answer's headers stay."""
    system.schedule.answer = answer(
        headers=[
            *HOP_BY_HOP,
            ("Link", '<x>; rel="next"'),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Server", "uvicorn"),
            ("X-Request-Id", "from-the-service"),
        ]
    )
    response = await system.client.send("GET", PATH, [system.bearer()])
    names = {name.lower() for name, _ in response.headers}
    assert names.isdisjoint(name.lower() for name, _ in HOP_BY_HOP)
    assert "server" not in names
    assert response.one("link") == '<x>; rel="next"'
    assert response.all("set-cookie") == ["a=1", "b=2"]
    assert response.one("x-request-id") != "from-the-service"


async def test_upgrade_is_not_passed_on(system: System) -> None:
    """G-05: no upgrade."""
    headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), system.bearer()]
    await system.client.send("GET", PATH, headers)
    assert all(
        request.one("upgrade") is None and request.one("connection") is None
        for request in system.schedule.requests
    )


async def test_answer_is_private(system: System) -> None:
    """S-04: nobody keeps or sniffs what is about a user; a service's own rule stays."""
    response = await system.client.send("GET", PATH, [system.bearer()])
    assert response.one("cache-control") == "no-store"
    assert response.one("x-content-type-options") == "nosniff"
    system.schedule.answer = answer(headers=[("Cache-Control", "private, max-age=5")])
    response = await system.client.send("GET", PATH, [system.bearer()])
    assert response.one("cache-control") == "private, max-age=5"


async def test_forwarding_headers_are_ours(system: System) -> None:
    """G-10: a client's forwarding headers are not believed, only kept in front of ours in X-Forwarded-For."""
    spoofed = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "evil.example.org"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "1"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X_Forwarded_Host", "evil.example.org"),
        ("Forwarded", "for=203.0.113.9;host=evil.example.org"),
    ]
    headers = [("Host", "api.example.org:8443"), *spoofed, system.bearer()]
    await system.client.send("GET", PATH, headers)
    request = system.schedule.requests[0]
    assert request.one("host") == f"127.0.0.1:{system.schedule.port}"
    assert request.one("x-forwarded-for") == "203.0.113.9, 127.0.0.1"
    assert request.one("x-forwarded-host") == "api.example.org:8443"
    assert request.one("x-forwarded-proto") == "http"
    assert request.one("x-forwarded-port") == "8443"
    assert request.one("x-forwarded-prefix") == "/api"
    assert request.one("forwarded") == 'for=127.0.0.1;proto=http;host="api.example.org:8443"'
    assert "evil" not in str(request.headers)


@pytest.mark.parametrize(
    "hosts", [["a.example.org", "b.example.org"], ["a b"], ["a/b"], ["a@b"], ["a,b"], [""]]
)
async def test_doubtful_host_is_refused(system: System, hosts: list[str]) -> None:
    """G-10: one Host, and one that can stand in a URL."""
    headers = [*(("Host", host) for host in hosts), system.bearer()]
    assert (await system.client.send("GET", PATH, headers)).status == 400
    assert system.arrivals == 0


@pytest.mark.parametrize("request_id", ["abcdefgh", "0123456789.AZ_az-", "x" * 64])
async def test_well_formed_request_id_is_carried(system: System, request_id: str) -> None:
    """G-10: one id for the client, the service and the log."""
    headers = [("X-Request-Id", request_id), system.bearer()]
    response = await system.client.send("GET", PATH, headers)
    assert response.one("x-request-id") == request_id
    assert system.schedule.requests[0].one("x-request-id") == request_id


@pytest.mark.parametrize(
    "request_id", ["short", "x" * 65, "with space!", "a/b/c/d/e", "", "아이디아이디아이디"]
)
async def test_malformed_request_id_is_replaced(system: System, request_id: str) -> None:
    """G-10: what is no id does not get into logs."""
    headers = [("X-Request-Id", request_id), system.bearer()]
    response = await system.client.send("GET", PATH, headers)
    assert response.one("x-request-id") not in {None, request_id}
    assert system.schedule.requests[0].one("x-request-id") == response.one("x-request-id")


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (reset, 503),
        (raw_answer(b""), 503),
        (raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), 503),
        (hang, 504),
        (raw_answer(b"HTTP/1.1 200 OK\r\nContent-Le", then_close=False), 504),
        (raw_answer(b"SSH-2.0-OpenSSH_9.6\r\n"), 502),
        (raw_answer(b"\x15\x03\x01\x00\x02\x02\x16"), 502),
        (raw_answer(b"HTTP/1.1 abc OK\r\n\r\n"), 502),
        (raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), 502),
        (raw_answer(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"), 502),
        (raw_answer(b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"), 502),
        (
            raw_answer(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
            ),
            502,
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_failure_of_a_service_is_mapped(
    system: System, reply: Answer, status: int, method: str
) -> None:
    """G-07: broken 503, silent 504, not HTTP 502; no host name or reason in the text."""
    system.schedule.answer = reply
    started = time.monotonic()
    response = await system.client.send(method, PATH, [system.bearer()])
    assert response.status == status
    assert set(response.json()) == {"error"}
    assert "127.0.0.1" not in response.json()["error"]
    assert time.monotonic() - started < QUICK_SECONDS + 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid:8081"])
async def test_unreachable_service_is_unavailable(start_system: StartSystem, url: str) -> None:
    """G-07: refused and unknown hosts are 503, quickly."""
    async with start_system(answer_within_seconds=10, schedule_service_url=url) as system:
        started = time.monotonic()
        response = await system.client.send("GET", PATH, [system.bearer()])
        assert response.status == 503
        assert "no-such-host" not in response.json()["error"]
        assert time.monotonic() - started < 4


async def test_one_failing_service_leaves_the_others(system: System) -> None:
    """G-07: calls to a hung service do not hold up another one's."""
    system.schedule.answer = hang
    hung = [
        asyncio.create_task(system.client.send("GET", PATH, [system.bearer()])) for _ in range(30)
    ]
    await asyncio.sleep(0.05)
    assert (await system.client.send("GET", "/api/v1/courses", [system.bearer()])).status == 200
    assert not any(call.done() for call in hung)
    assert {(await call).status for call in hung} == {504}


async def test_answer_that_breaks_off_is_cut_for_the_client(system: System) -> None:
    """G-05: half an answer never looks like a whole one."""
    system.schedule.answer = raw_answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    )
    with pytest.raises(asyncio.IncompleteReadError):
        await system.client.send("GET", PATH, [system.bearer()])


@pytest.mark.parametrize(
    ("method", "arrivals"),
    [("GET", 2), ("HEAD", 2), ("POST", 1), ("PUT", 1), ("PATCH", 1), ("DELETE", 1)],
)
async def test_only_reads_are_repeated(system: System, method: str, arrivals: int) -> None:
    """G-08: when a kept connection breaks, GET and HEAD are sent twice at most, everything else once."""
    await system.client.send("GET", PATH, [system.bearer()])
    system.schedule.requests.clear()
    system.schedule.answer = reset
    assert (await system.client.send(method, PATH, [system.bearer()])).status == 503
    assert len(system.schedule.requests) == arrivals


async def test_read_survives_a_stale_connection(system: System) -> None:
    """G-09: a service that closes a kept connection just then costs a repetition and no error."""
    await system.client.send("GET", PATH, [system.bearer()])
    replies = iter([reset, answer(b"[]")])

    async def once_broken(request: Message, writer: asyncio.StreamWriter) -> None:
        await next(replies)(request, writer)

    system.schedule.answer = once_broken
    response = await system.client.send("GET", PATH, [system.bearer()])
    assert (response.status, response.body) == (200, b"[]")


async def test_connections_to_a_service_are_kept(system: System) -> None:
    """G-09: at most one connect per 50 requests."""
    await system.client.send("GET", PATH, [system.bearer()])
    connections = system.schedule.connections
    for _ in range(50):
        await system.client.send("POST", PATH, [system.bearer()], b"{}")
    assert system.schedule.connections - connections <= 1


@pytest.mark.parametrize("has_body", [False, True])
async def test_client_that_leaves_ends_the_call(system: System, has_body: bool) -> None:
    """G-07: the service is not kept busy for more than a second for nobody."""
    system.user.answer = hang
    name, value = system.bearer()
    length = "Content-Length: 2\r\n" if has_body else ""
    head = f"POST /api/v1/users/me HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n{length}\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    writer.write(head.encode() + (b"{}" if has_body else b""))
    while not system.user.requests:
        await asyncio.sleep(0.01)
    started = time.monotonic()
    writer.close()
    await asyncio.wait_for(system.user.cut_off.wait(), 1)
    assert time.monotonic() - started < QUICK_SECONDS / 2


async def test_client_that_leaves_within_its_body_ends_the_call(system: System) -> None:
    """G-07: half a body never becomes a request."""
    name, value = system.bearer()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Length: 10\r\n\r\nabc"
    _, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await asyncio.wait_for(system.schedule.cut_off.wait(), 1)
    assert system.arrivals == 0


async def test_client_that_leaves_a_download_ends_the_call(system: System) -> None:
    """G-07: streaming stops, too."""

    async def endless(_: Message, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"5\r\nhello\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    system.schedule.answer = endless
    name, value = system.bearer()
    reader, writer = await asyncio.open_connection("127.0.0.1", system.client.port)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
    await reader.readuntil(b"hello")
    writer.close()
    await asyncio.wait_for(system.schedule.cut_off.wait(), 1)


async def test_redirect_passes_to_the_client(system: System) -> None:
    """G-02: the gateway itself goes nowhere a service points to."""
    system.schedule.answer = answer(
        b"", "307 Temporary Redirect", [("Location", f"{system.user.url}/api/internal/x")]
    )
    assert (await system.client.send("GET", PATH, [system.bearer()])).status == 307
    assert system.arrivals == 1


async def test_early_answer_to_an_upload_passes(system: System) -> None:
    """G-05: a service may answer before it has read the body, and the next request is not mixed up with it."""

    async def early(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(early, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    name, value = system.bearer()
    async with (
        server,
        running_system(
            system.signing_key, schedule_service_url=f"http://127.0.0.1:{port}"
        ) as other,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", other.client.port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode() + b"abc")
        assert (await read_message(reader)).status == 400
        writer.write(b"defghi" + b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read_message(reader)).json() == {"status": "UP"}
        writer.close()
