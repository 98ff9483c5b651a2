"""Who a service believes is calling, whatever the client writes into its headers."""

from urllib.parse import unquote

import pytest

from services.api_gateway.tests.conftest import StartSystem, System
from services.api_gateway.tests.doubles import SigningKey, access_claims

NAMES = ["X-Cognito-Sub", "X-User-Email", "X-User-Name", "X-Api-Key", "X-Gateway-Key"]

SPELLINGS = [
    str,
    str.lower,
    str.upper,
    str.swapcase,
    lambda name: name.replace("-", "_"),
    lambda name: name.replace("-", "_").upper(),
    lambda name: name.replace("-", "_", 1),
    lambda name: name.replace("-", "."),
    lambda name: f"{name[:2]}{name[2:].replace('-', '_')}",
]

SPOOFED = [(spell(name), "spoofed") for name in NAMES for spell in SPELLINGS]


def _identity_of(request: object) -> dict[str, list[str]]:
    seen: dict[str, list[str]] = {}
    for name, value in request.headers:
        plain = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
        if plain in {known.lower() for known in NAMES}:
            seen.setdefault(plain, []).append(value)
    return seen


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_protected_route_gets_the_tokens_identity_alone(system: System, method: str) -> None:
    """G-01: exactly one value each, the token's."""
    answer = await system.client.send(
        method, "/api/v1/users/me", [*SPOOFED, system.bearer(), *SPOOFED]
    )
    assert answer.status == 200
    assert _identity_of(system.user.requests[0]) == {
        "x-cognito-sub": ["11111111-2222-4333-8444-555555555555"],
        "x-user-email": ["student@example.ac.kr"],
        "x-user-name": ["%EA%B9%80%EB%AF%BC%EC%88%98"],
    }
    assert "spoofed" not in str(system.user.requests[0].headers)


@pytest.mark.parametrize(
    "path", ["/api/v1/auth/signin", "/api/v1/auth/health", "/v3/api-docs/user-service"]
)
@pytest.mark.parametrize("with_token", [False, True])
async def test_public_route_carries_no_identity(
    system: System, path: str, with_token: bool
) -> None:
    """G-01, R-2: on public routes there is no identity, even with a good token."""
    headers = [*SPOOFED, system.bearer()] if with_token else SPOOFED
    assert (await system.client.send("GET", path, headers)).status == 200
    assert _identity_of(system.user.requests[0]) == {}
    assert "spoofed" not in str(system.user.requests[0].headers)


async def test_access_token_gives_no_name_and_no_email(
    system: System, signing_key: SigningKey
) -> None:
    """G-01: what the token does not say is left out, not taken from the client."""
    bearer = ("Authorization", f"Bearer {signing_key.token(access_claims())}")
    await system.client.send("GET", "/api/v1/todos", [*SPOOFED, bearer])
    assert set(_identity_of(system.schedule.requests[0])) == {"x-cognito-sub"}


@pytest.mark.parametrize(
    "name",
    ["김민수", "José", "a\r\nX-Api-Key: stolen", "100%", "홍 길동", "😀", "\x00", "a, b"],
)
async def test_any_name_arrives_encoded(system: System, name: str) -> None:
    """G-01: names are percent-encoded UTF-8 and can be read back."""
    answer = await system.client.send("GET", "/api/v1/todos", [system.bearer(name=name)])
    assert answer.status == 200
    presented = system.schedule.requests[0].one("x-user-name")
    assert presented is not None
    assert presented.isascii()
    assert unquote(presented) == name


async def test_hostile_email_cannot_add_a_header(system: System) -> None:
    """G-01: claims are data, never header syntax."""
    await system.client.send("GET", "/api/v1/todos", [system.bearer(email="a@b.c\r\nX-Api-Key: x")])
    request = system.schedule.requests[0]
    assert request.one("x-api-key") is None
    assert request.one("x-user-email") == "a@b.c%0D%0AX-Api-Key%3A%20x"


async def test_very_long_name_is_shortened(system: System) -> None:
    """G-01: a service's limit on headers is not reached by a name."""
    answer = await system.client.send("GET", "/api/v1/todos", [system.bearer(name="김" * 1000)])
    assert answer.status == 200
    presented = system.schedule.requests[0].one("x-user-name")
    assert presented is not None
    assert unquote(presented) == "김" * 255


async def test_connection_cannot_nominate_our_headers_away(system: System) -> None:
    """G-01, G-05: what `Connection` names is the client's header, never ours."""
    headers = [("Connection", "X-Cognito-Sub, X-Request-Id, X-Forwarded-For"), system.bearer()]
    await system.client.send("GET", "/api/v1/todos", headers)
    request = system.schedule.requests[0]
    assert request.one("x-cognito-sub")
    assert request.one("x-request-id")
    assert request.one("x-forwarded-for")


async def test_gateway_key_is_sent_on_every_route_and_never_the_clients(
    start_system: StartSystem,
) -> None:
    """G-03: services see the configured key once, on public routes, too."""
    async with start_system(gateway_key="k" * 32) as system:
        await system.client.send("GET", "/api/v1/auth/health", [("X-Gateway-Key", "spoofed")])
        await system.client.send(
            "GET", "/api/v1/users/me", [("x_gateway_key", "spoofed"), system.bearer()]
        )
        assert [request.one("x-gateway-key") for request in system.user.requests] == ["k" * 32] * 2
        assert "spoofed" not in str([request.headers for request in system.user.requests])
