"""Operational routes, the API document, and the common rules at this service's doors."""

import re
from collections.abc import Callable

import httpx
import pytest

from services.user_service.main import build_app
from shared.database import Database

Rows = Callable[..., list[tuple[object, ...]]]

PUBLIC_PATHS = {
    "/v1/auth/signup": {"post"},
    "/v1/auth/signin": {"post"},
    "/v1/auth/health": {"get"},
    "/v1/auth/refresh": {"post"},
    "/v1/auth/signout": {"post"},
    "/v1/users/me": {"get", "put", "delete"},
    "/v1/friends": {"get"},
    "/v1/friends/search": {"get"},
    "/v1/friends/requests": {"post"},
    "/v1/friends/requests/pending": {"get"},
    "/v1/friends/requests/{requestId}/accept": {"post"},
    "/v1/friends/requests/{requestId}/reject": {"post"},
    "/v1/friends/{friendshipId}": {"delete"},
    "/v1/friends/{friendCognitoSub}/block": {"post"},
    "/v1/groups": {"get", "post"},
    "/v1/groups/{groupId}": {"get", "put", "delete"},
    "/v1/groups/{groupId}/members": {"get", "post"},
    "/v1/groups/{groupId}/members/{memberId}": {"delete"},
    "/v1/groups/{groupId}/members/{memberId}/role": {"patch"},
    "/v1/groups/{groupId}/leave": {"post"},
    "/v1/integrations/status": {"get"},
    "/v1/integrations/canvas/credentials": {"post", "get", "delete"},
    "/v1/integrations/canvas/sync": {"post"},
    "/v1/integrations/canvas/sync/runs": {"get"},
}


async def test_health_is_up_while_the_database_answers(client: httpx.AsyncClient) -> None:
    """O1, HEAD included."""
    for path in ("/actuator/health", "/actuator/health/readiness", "/actuator/health/liveness"):
        assert (await client.get(path)).json() == {"status": "UP"}
    head = await client.head("/actuator/health")
    assert (head.status_code, head.content) == (200, b"")


async def test_without_a_database_health_is_down_and_requests_are_unavailable() -> None:
    """O1, D-04: 503, neither 500 nor a hanging request."""
    database = Database("mysql://nobody:nothing@127.0.0.1:9/user_db")
    transport = httpx.ASGITransport(build_app(database, {}, None))
    async with httpx.AsyncClient(transport=transport, base_url="http://user") as client:
        health = await client.get("/actuator/health")
        assert (health.status_code, health.json()) == (503, {"status": "DOWN"})
        assert (await client.get("/actuator/health/liveness")).status_code == 200
        answer = await client.get("/v1/users/me", headers={"X-Cognito-Sub": "sub-1"})
        assert (answer.status_code, answer.json()["errorCode"]) == (503, "SERVICE_UNAVAILABLE")
    await database.close()


async def test_info_is_an_object(client: httpx.AsyncClient) -> None:
    """O2."""
    assert (await client.get("/actuator/info")).json() == {}


async def test_the_document_lists_the_public_endpoints_and_no_other(
    client: httpx.AsyncClient,
) -> None:
    """O3, R-27: internal endpoints stay out."""
    document = (await client.get("/v3/api-docs")).json()
    assert document["info"] == {"title": "User Service API", "version": "1.0.0"}
    assert document["servers"] == [{"url": "/api"}]
    assert {path: set(verbs) for path, verbs in document["paths"].items()} == PUBLIC_PATHS


async def test_every_documented_endpoint_says_what_it_does_and_how_it_fails(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/v3/api-docs")).json()
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            assert operation["summary"], path
            assert "422" not in operation["responses"]
            if path != "/v1/auth/health":
                assert {"400", "500", "503"} <= operation["responses"].keys(), path


async def test_the_api_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """O8."""
    page = await client.get("/swagger-ui.html")
    assert page.status_code == 200
    addresses = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)""", page.text)
    assert addresses
    assert [address for address in addresses if not address.startswith("/")] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/users/me/", 404, "NOT_FOUND"),
        ("GET", "/v1/unknown", 404, "NOT_FOUND"),
        ("PUT", "/v1/auth/signin", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/integrations/status", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_wrong_paths_and_methods_have_the_service_error_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path, headers={"X-Cognito-Sub": "sub-1"})
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"", "application/json", 400, "BAD_REQUEST"),
        (b"{", "application/json", 400, "BAD_REQUEST"),
        (b"[]", "application/json", 400, "BAD_REQUEST"),
        (b'{"email": {}, "password": "x"}', "application/json", 400, "BAD_REQUEST"),
        (b'{"email": "a@b.kr", "password": "x"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_an_unreadable_body_is_the_clients_mistake(
    client: httpx.AsyncClient, content: bytes, media_type: str, status: int, code: str
) -> None:
    """R-1."""
    answer = await client.post(
        "/v1/auth/signin", content=content, headers={"Content-Type": media_type}
    )
    assert (answer.status_code, answer.json().get("errorCode")) == (status, code)
