"""The gateway's own pages, its unknown paths and what it says about itself."""

import asyncio
import json
import logging
import re

import pytest

from services.api_gateway.access_log import FLUSH_SECONDS
from services.api_gateway.tests.conftest import System
from services.api_gateway.tests.doubles import answer, hang
from shared.logging import JSONFormatter


@pytest.mark.parametrize(
    "path", ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_depends_on_nobody(system: System, path: str, method: str) -> None:
    """O1: up while services hang; HEAD works."""
    for service in system.services:
        service.answer = hang
    response = await system.client.send(method, path)
    assert response.status == 200
    if method == "GET":
        assert response.json() == {"status": "UP"}


async def test_info_is_an_empty_object(system: System) -> None:
    """O2, R-27: nothing about versions or hosts."""
    assert (await system.client.send("GET", "/actuator/info")).json() == {}


async def test_swagger_config_lists_the_three_documents(system: System) -> None:
    """O7."""
    config = (await system.client.send("GET", "/v3/api-docs/swagger-config")).json()
    assert config == {
        "urls": [
            {"url": "/v3/api-docs/user-service", "name": "User Service"},
            {"url": "/v3/api-docs/course-service", "name": "Course Service"},
            {"url": "/v3/api-docs/schedule-service", "name": "Schedule Service"},
        ],
        "urls.primaryName": "User Service",
    }


async def test_documents_are_passed_on(system: System) -> None:
    """O4 to O6: the services' own words, without a token."""
    document = json.dumps({"openapi": "3.1.0"}).encode()
    for name, service in zip(
        ("user-service", "course-service", "schedule-service"), system.services, strict=True
    ):
        service.answer = answer(document)
        response = await system.client.send("GET", f"/v3/api-docs/{name}")
        assert response.body == document
        assert service.requests[0].target == "/v3/api-docs"


async def test_api_page_needs_nothing_from_elsewhere(system: System) -> None:
    """O8: every file the page names is served here, and its policy lets a browser load no other."""
    page = await system.client.send("GET", "/swagger-ui.html")
    assert page.status == 200
    policy = page.one("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    files = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert len(files) == 5
    for file in files:
        assert file.startswith("/swagger-ui/")
        assert (await system.client.send("GET", file)).status == 200
    assert "<script>" not in page.body.decode()


@pytest.mark.parametrize("path", ["/swagger-ui.html", "/actuator/health", "/v3/api-docs", "/x"])
async def test_own_answers_are_not_sniffed(system: System, path: str) -> None:
    """S-04."""
    response = await system.client.send("GET", path)
    assert response.one("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("path", ["/unknown", "/actuator/unknown", "/api/v1/nothing/%EA%B9%80"])
async def test_unknown_path_is_described(system: System, path: str) -> None:
    """rest.md 1.4: at least timestamp, path, status, error."""
    response = await system.client.send("GET", path)
    body = response.json()
    assert response.status == 404
    assert (body["status"], body["error"]) == (404, "Not Found")
    assert body["path"] == path.replace("%EA%B9%80", "김")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", body["timestamp"])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pages_only_answer_reads(system: System, method: str) -> None:
    """R-27: nothing under /actuator changes anything."""
    response = await system.client.send(method, "/actuator/health")
    assert response.status == 405
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/auth/signin", 200),
        ("GET", "/api/v1/auth/health", 200),
        ("POST", "/api/v1/auth/refresh", 200),
        ("POST", "/api/v1/auth/signout", 401),
        ("GET", "/api/v1/auth", 401),
        ("GET", "/api/v1/todos", 401),
    ],
)
async def test_only_public_paths_need_no_token(
    system: System, method: str, path: str, status: int
) -> None:
    """rest.md 1.4, additions.md B: everything below /api/v1/auth/ but signout."""
    response = await system.client.send(method, path)
    assert response.status == status
    assert system.arrivals == (status == 200)
    if status == 401:
        assert set(response.json()) == {"error"}


async def test_signout_carries_the_callers_identity(system: System) -> None:
    """additions.md B."""
    await system.client.send("POST", "/api/v1/auth/signout", [system.bearer(sub="me")])
    assert system.user.requests[0].one("x-cognito-sub") == "me"


async def test_access_line_names_nobody(system: System, capfd: pytest.CaptureFixture[str]) -> None:
    """S-07: one line with route, status, time, correlation id and pseudonym; no path, token, e-mail or name."""
    bearer = system.bearer(sub="sub-of-somebody")
    await system.client.send(
        "GET",
        "/api/v1/groups/1/members/secret-id?q=secret",
        [bearer, ("X-Request-Id", "trace-me")],
    )
    await asyncio.sleep(FLUSH_SECONDS * 1.5)
    (line,) = [each for each in capfd.readouterr().out.splitlines() if "trace-me" in each]
    entry = json.loads(line)
    assert entry.keys() == json.loads(_usual_line()).keys()
    assert entry["requestId"] == "trace-me"
    assert entry["metadata"]["route"] == "/api/v1/groups"
    assert (entry["metadata"]["method"], entry["metadata"]["status"]) == ("GET", 200)
    assert re.fullmatch("[0-9a-f]{16}", entry["userId"])
    for secret in ("secret", "sub-of-somebody", bearer[1], "example.ac.kr", "김"):
        assert secret not in line


def _usual_line() -> str:
    """Return a line as every other part of the process writes it."""
    record = logging.LogRecord("x", logging.INFO, "x", 1, "request_served", (), None)
    return JSONFormatter("api_gateway").format(record)
