"""What becomes of every spelling of a path, sent byte by byte over a socket."""

import pytest

from services.api_gateway.errors import PathRefused, TargetTooLong
from services.api_gateway.paths import canonical_path, encoded_path
from services.api_gateway.tests.conftest import System

AMBIGUOUS = [
    # Dot segments, raw and encoded, alone and in company.
    "/api/v1/todos/../../internal/groups/1/data",
    "/api/v1/todos/..",
    "/api/v1/todos/.",
    "/api/v1/./todos",
    "/api/./internal/users/x/groups",
    "/api/v1/../internal/groups/1/data",
    "/api/v1/auth/../users/me",
    "/api/v1/auth/..",
    "/../api/internal/x",
    "/./api/v1/todos",
    "/api/v1/todos/%2e%2e/%2e%2e/internal/x",
    "/api/v1/todos/%2E%2E/x",
    "/api/v1/todos/.%2e/x",
    "/api/v1/todos/%2e./x",
    "/api/v1/auth/%2e%2e/users/me",
    "/api/v1/auth/%2e/health",
    "/api/%2e%2e/internal/v1/enrollments/enabled",
    "/%2e%2e/internal/v1/credentials/canvas/by-cognito-sub/x",
    "/swagger-ui/../api/internal/x",
    "/swagger-ui/%2e%2e/%2e%2e/etc/passwd",
    "/actuator/%2e%2e/api/v1/users/me",
    "/api/v1/todos/..%20/x",
    "/api/v1/todos/%20../x",
    # Encoded separators.
    "/api%2finternal/groups/1/data",
    "/api/v1%2fusers/me",
    "/api/v1/auth%2f..%2fusers/me",
    "/api/v1/auth/..%2fusers/me",
    "/api/v1/auth/%2F..%2Fusers%2Fme",
    "/api/v1/todos/%2f",
    "/api%5cinternal/x",
    "/api/v1/auth/..%5cusers%5cme",
    "/api\\internal\\x",
    "/api/v1/auth\\..\\users\\me",
    "/api/v1/todos/a%3Fb",
    "/api/v1/todos/a%23b",
    # Double encoding.
    "/api/v1/todos/%252e%252e/x",
    "/api/v1/auth/%252e%252e%252fusers/me",
    "/api%252finternal/x",
    "/api/v1/todos/100%25",
    "/api/v1/todos/%2525",
    # Empty segments.
    "//api/internal/x",
    "//api/v1/todos",
    "/api//internal/x",
    "/api/v1//todos",
    "/api/v1/todos//",
    "/api/v1/todos//1",
    "/api/v1/auth//../users/me",
    "///",
    "//",
    "//evil.example.org/api/v1/todos",
    # Path parameters.
    "/api/internal;x=1/groups",
    "/api;a/internal/x",
    "/api/v1/auth;/users/me",
    "/api/v1/auth/..;/users/me",
    "/api/v1/users/me;jsessionid=1",
    "/api/v1/auth/%3b/x",
    "/api/v1/auth/..%3B/users/me",
    # Control and invisible characters.
    "/api/v1/todos/%00",
    "/api/v1/users/me%00.html",
    "/api/v1/todos/a%0d%0aX-Cognito-Sub:%20x",
    "/api/v1/todos/%0a",
    "/api/v1/todos/%09",
    "/api/v1/todos/%7f",
    "/api/v1/todos/%C2%85",
    "/api/v1/todos/%E2%80%8B",
    "/api/v1/todos/%E2%80%AE",
    # Percent-encoding that is none, and bytes that are no UTF-8.
    "/api/v1/todos/%",
    "/api/v1/todos/%2",
    "/api/v1/todos/%zz",
    "/api/v1/todos/%u002e",
    "/api/v1/todos/%c0%ae%c0%ae/x",
    "/api/v1/todos/%c0%af",
    "/api/v1/todos/%e0%80%af",
    "/api/v1/todos/%ff",
    "/api/v1/todos/%ed%a0%80",
    # Characters that become separators or dots when somebody normalises.
    "/api/v1/auth/%EF%BC%8E%EF%BC%8E/users/me",
    "/api/v1/auth/%E2%80%A5/users/me",
    "/api/v1/todos%EF%BC%8F1",
    "/api/v1/todos/%EF%BC%85",
    "/api/v1/auth%EF%BC%9B/users",
    # Characters that belong encoded.
    '/api/v1/todos/"x"',
    "/api/v1/todos/<x>",
    "/api/v1/todos/{x}",
    "/api/v1/todos/a|b",
    "/api/v1/todos/a^b",
    "/api/v1/todos/`x`",
]

BLOCKED = [
    "/api/internal",
    "/api/internal/",
    "/api/internal/groups/1/data",
    "/api/internal/v1/credentials",
    "/api/%69nternal/groups/1/data",
    "/%61pi/internal/x",
    "/%61%70%69/%69%6e%74%65%72%6e%61%6c/x",
    "/api/internal/users/x/groups?y=1",
]

UNKNOWN = [
    "/",
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/",
    "/api/v2/todos",
    "/internal/v1/enrollments/enabled",
    "/internal/v1/credentials/canvas/by-cognito-sub/x",
    "/v1/todos",
    "/v1/users/me",
    "/API/internal/x",
    "/api/Internal/x",
    "/Api/V1/todos",
    "/api/v1/Todos",
    "/api/v1/todosx",
    "/api/v1/todo",
    "/api/v1/internal/x",
    "/api/v1/authx/health",
    "/api/internalx",
    "/api/v1/api/internal/x",
    "/api/v1/todos%20/1",
    "/api/v1/t%C3%B6dos",
    "/v3/api-docs/user-service/internal",
    "/v3/api-docs/other-service",
    "/v3/api-docs/",
    "/actuator/gateway",
    "/actuator/gateway/refresh",
    "/actuator/prometheus",
    "/actuator/env",
    "/actuator/health/",
    "/webjars/x.js",
    "/swagger-ui/",
    "/swagger-ui.html/",
    "/favicon.ico",
]

VALID = {
    "/api/v1/todos": "/v1/todos",
    "/api/v1/todos?x=1": "/v1/todos?x=1",
    "/api/v1/todos/": "/v1/todos/",
    "/api/v1/todos/1/subtasks": "/v1/todos/1/subtasks",
    "/api/v1/%74odos/1": "/v1/todos/1",
    "/%61pi/v1/todos": "/v1/todos",
    "/api/v1/todos/a%20b": "/v1/todos/a%20b",
    "/api/v1/todos/%EA%B9%80": "/v1/todos/%EA%B9%80",
    "/api/v1/todos/%ea%b9%80": "/v1/todos/%EA%B9%80",
    "/api/v1/todos/a:b@c,d=e+f~g": "/v1/todos/a:b@c,d=e+f~g",
    "/api/v1/todos/%7Ex%2D": "/v1/todos/~x-",
    "/api/v1/todos/...": "/v1/todos/...",
    "/api/v1/todos/.x": "/v1/todos/.x",
    "/api/v1/todos/api/internal/x": "/v1/todos/api/internal/x",
    "/api/v1/todos?next=../../internal&p=%2e%2e%2F": "/v1/todos?next=../../internal&p=%2e%2e%2F",
    "/api/v1/todos?a=%EA%B9%80&a=1&b=+%20&c": "/v1/todos?a=%EA%B9%80&a=1&b=+%20&c",
    "/api/v1/todos?q=a;b//c?d": "/v1/todos?q=a;b//c?d",
    "/api/v1/todos?q=%00%0a": "/v1/todos?q=%00%0a",
}


def test_battery_is_large_enough() -> None:
    """G-02: at least 60 spellings that must not pass."""
    assert len(set(AMBIGUOUS)) >= 60


@pytest.mark.parametrize("target", AMBIGUOUS)
async def test_ambiguous_path_is_refused(system: System, target: str) -> None:
    """G-02: no reader behind the gateway gets to choose what a path means; a token does not help."""
    for headers in ([], [system.bearer()]):
        answer = await system.client.send("GET", target, headers)
        assert answer.status == 400
        assert set(answer.json()) == {"error"}
    assert system.arrivals == 0


@pytest.mark.parametrize("target", BLOCKED)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_internal_path_is_forbidden(system: System, target: str, method: str) -> None:
    """G-02: internal endpoints answer 403 without a body, signed in or not."""
    for headers in ([], [system.bearer()], [("Origin", "https://evil.example.org")]):
        answer = await system.client.send(method, target, headers)
        assert (answer.status, answer.body) == (403, b"")
    assert system.arrivals == 0


@pytest.mark.parametrize("target", UNKNOWN)
async def test_path_outside_the_table_is_unknown(system: System, target: str) -> None:
    """G-02: what no row lists reaches no service, whoever asks."""
    for headers in ([], [system.bearer()]):
        answer = await system.client.send("GET", target, headers)
        assert answer.status == 404
        assert answer.json()["error"] == "Not Found"
    assert system.arrivals == 0


@pytest.mark.parametrize(("target", "arrives_as"), VALID.items())
async def test_valid_path_arrives_exactly(system: System, target: str, arrives_as: str) -> None:
    """G-02: valid paths and queries arrive as documented."""
    answer = await system.client.send("GET", target, [system.bearer()])
    assert answer.status == 200
    assert [request.target for request in system.schedule.requests] == [arrives_as]
    assert system.arrivals == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_spelling_is_judged_for_every_method(system: System, method: str) -> None:
    """G-02: the method does not matter."""
    answer = await system.client.send(method, "/api/v1/todos/%2e%2e/x", [system.bearer()])
    assert answer.status == 400
    assert system.arrivals == 0


@pytest.mark.parametrize(
    "target",
    [b"/api/v1/todos/\xea\xb9\x80", b"/api/v1/todos/\x01", b"/api/v1/todos?x=\x7f", b"todos", b"*"],
)
async def test_target_that_is_no_path_is_refused(system: System, target: bytes) -> None:
    """G-02: raw bytes and other forms of target do not get through either."""
    answer = await system.client.send("GET", target, [system.bearer()])
    assert answer.status == 400
    assert system.arrivals == 0


async def test_absolute_target_is_routed_by_its_path(system: System) -> None:
    """G-02: a proxy's form of target goes to our service, not to the host it names."""
    answer = await system.client.send(
        "GET", "http://evil.example.org/api/v1/todos?x=1", [system.bearer()]
    )
    assert answer.status == 200
    assert [request.target for request in system.schedule.requests] == ["/v1/todos?x=1"]


async def test_overlong_target_is_refused(system: System) -> None:
    """G-06: path and query end at 8 KiB."""
    answer = await system.client.send("GET", f"/api/v1/todos?x={'1' * 8192}", [system.bearer()])
    assert answer.status == 414
    assert system.arrivals == 0


def test_length_limit_counts_path_and_query() -> None:
    with pytest.raises(TargetTooLong):
        canonical_path(b"/api" + b"/a" * 3000, b"x" * 3000)


def test_encoding_a_canonical_path_gives_the_same_path_again() -> None:
    """G-02: what is sent on decodes to what was routed, and to nothing else when decoded once more."""
    for character in map(chr, range(1, 0x3000)):
        try:
            path = canonical_path(encoded_path(f"/a{character}b").encode())
        except PathRefused:
            continue
        assert path == f"/a{character}b"
        assert canonical_path(encoded_path(path).encode()) == path
