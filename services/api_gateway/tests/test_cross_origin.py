"""Which pages in a browser may call."""

import pytest

from services.api_gateway.tests.conftest import ALLOWED_ORIGIN, System
from services.api_gateway.tests.doubles import Message, answer

OPEN = ("Origin", ALLOWED_ORIGIN)
EVIL = ("Origin", "https://evil.example.org")
ASKS = ("Access-Control-Request-Method", "PUT")


def _permissions(message: Message) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in message.headers
        if name.lower().startswith("access-control-")
    }


def _varies_by_origin(message: Message) -> bool:
    return "Origin" in ", ".join(message.all("vary")).split(", ")


@pytest.mark.parametrize(
    "path",
    ["/api/v1/todos", "/api/v1/auth/signin", "/actuator/health", "/unknown", "/v3/api-docs"],
)
async def test_preflight_needs_no_token_and_reaches_no_service(system: System, path: str) -> None:
    """G-10: preflights are answered here, on all paths."""
    headers = [OPEN, ASKS, ("Access-Control-Request-Headers", "authorization, x-time-zone")]
    answer = await system.client.send("OPTIONS", path, headers)
    assert answer.status == 200
    assert _permissions(answer) == {
        "access-control-allow-origin": ALLOWED_ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, PUT, DELETE, PATCH, OPTIONS",
        "access-control-allow-headers": "authorization, x-time-zone",
        "access-control-max-age": "3600",
    }
    assert _varies_by_origin(answer)
    assert system.arrivals == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/todos", 401),
        ("/unknown", 404),
        ("/api/v1//todos", 400),
        ("/api/internal/x", 403),
        ("/api/v1/auth/health", 200),
        ("/actuator/health", 200),
        ("/actuator/unknown", 404),
    ],
)
async def test_every_answer_may_be_read_by_the_allowed_page(
    system: System, path: str, status: int
) -> None:
    """G-10: refusals carry the permission, too, or the page could not see them."""
    answer = await system.client.send("GET", path, [OPEN])
    assert answer.status == status
    assert answer.one("access-control-allow-origin") == ALLOWED_ORIGIN
    assert answer.one("access-control-allow-credentials") == "true"
    assert _varies_by_origin(answer)


async def test_page_may_read_the_headers_of_the_contract(system: System) -> None:
    """G-10: a browser hides `Link` from scripts of another origin unless the answer names it."""
    link = '</api/v1/todos?limit=1&cursor=WzFd>; rel="next"'
    system.schedule.answer = answer(headers=[("Link", link)])
    headers = [OPEN, system.bearer(), ("X-Time-Zone", "Asia/Seoul")]
    shown = await system.client.send("GET", "/api/v1/todos?limit=1", headers)
    assert shown.one("link") == link
    exposed = shown.one("access-control-expose-headers") or ""
    assert exposed.split(", ") == ["Link", "Retry-After", "X-Request-Id"]
    assert system.schedule.requests[0].one("x-time-zone") == "Asia/Seoul"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.org",
        "null",
        "",
        "*",
        f"{ALLOWED_ORIGIN}.evil.example.org",
        f"{ALLOWED_ORIGIN}:444",
        f"{ALLOWED_ORIGIN}/",
        ALLOWED_ORIGIN.replace("https", "http"),
        ALLOWED_ORIGIN.upper(),
        "https://xplanner.example.org",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_other_origin_is_refused(system: System, origin: str, method: str) -> None:
    """G-10: only the configured origin, character by character."""
    headers = [("Origin", origin), ASKS, system.bearer()]
    answer = await system.client.send(method, "/api/v1/todos", headers)
    assert answer.status == 403
    assert set(answer.json()) == {"error"}
    assert _permissions(answer) == {}
    assert _varies_by_origin(answer)
    assert system.arrivals == 0


async def test_two_origins_are_refused(system: System) -> None:
    """G-10: nobody has to guess which of two origins counts."""
    answer = await system.client.send("GET", "/api/v1/todos", [OPEN, EVIL, system.bearer()])
    assert answer.status == 403
    assert system.arrivals == 0


@pytest.mark.parametrize(
    ("host", "origin", "forwarded", "status"),
    [
        ("api.example.org", "http://api.example.org", None, 200),
        ("api.example.org", "http://api.example.org:80", None, 200),
        ("API.example.org:8080", "http://api.example.org:8080", None, 200),
        ("api.example.org", "https://api.example.org", "https", 200),
        ("api.example.org:443", "https://api.example.org", "https", 200),
        ("api.example.org", "https://api.example.org", None, 403),
        ("api.example.org", "http://api.example.org", "https", 403),
        ("api.example.org", "http://api.example.org:8080", None, 403),
        ("api.example.org", "http://other.example.org", None, 403),
    ],
)
async def test_own_origin_is_not_cross_origin(
    system: System, host: str, origin: str, forwarded: str | None, status: int
) -> None:
    """G-10: the API page calls from its own scheme and host, also behind a load balancer that ends TLS."""
    headers = [("Host", host), ("Origin", origin), system.bearer()]
    if forwarded:
        headers.append(("X-Forwarded-Proto", forwarded))
    answer = await system.client.send("POST", "/api/v1/todos", headers)
    assert answer.status == status
    assert _permissions(answer) == {}


async def test_services_give_no_permissions(system: System) -> None:
    """G-10: only the gateway says who may read an answer."""
    system.schedule.answer = answer(
        headers=[("Access-Control-Allow-Origin", "*"), ("Vary", "Accept")]
    )
    allowed = await system.client.send("GET", "/api/v1/todos", [OPEN, system.bearer()])
    assert allowed.one("access-control-allow-origin") == ALLOWED_ORIGIN
    assert "Accept" in allowed.all("vary")
    without_origin = await system.client.send("GET", "/api/v1/todos", [system.bearer()])
    assert _permissions(without_origin) == {}
    assert _varies_by_origin(without_origin)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Access-Control-Request-Method", "TRACE"),
        ("Access-Control-Request-Headers", "a\x7fb"),
        ("Access-Control-Request-Headers", "a: b"),
    ],
)
async def test_preflight_for_what_is_never_allowed_is_refused(
    system: System, name: str, value: str
) -> None:
    headers = dict([OPEN, ASKS]) | {name: value}
    answer = await system.client.send("OPTIONS", "/api/v1/todos", list(headers.items()))
    assert answer.status in {400, 403}
    assert _permissions(answer) == {}
