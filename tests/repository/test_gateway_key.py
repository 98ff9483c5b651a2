"""Every endpoint of every service asks whoever reaches its port for a key, once one is configured."""

import asyncio
from collections.abc import Iterable, Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.course_service.main import course_app
from services.course_service.settings import QueueNames
from services.schedule_service.main import build_app as schedule_app
from services.schedule_service.settings import APISettings
from services.user_service.main import build_app as user_app
from shared.database import Database
from shared.settings import SettingsError, read_settings

KEY = "k" * 32
API_KEY = "a" * 32
CALLER = {"X-Cognito-Sub": "7b0e0f6a-1111-4222-8333-944455556666"}

REFUSED: list[dict[str, str]] = [
    {},
    {"X-Gateway-Key": ""},
    {"X-Gateway-Key": "wrong"},
    {"X-Gateway-Key": KEY[:-1]},
    {"X-Gateway-Key": KEY + "k"},
    {"X-Gateway-Key": KEY.upper()},
    {"X-Gateway-Key": API_KEY},
    {"X-Gateway-Key": "None"},
    {"X-Gateway-Key": "changeme"},
    {"X-Gateway-Keys": KEY},
    {"Authorization": f"Bearer {KEY}"},
    {"X-Api-Key": KEY},
    {"X-Api-Key": "wrong"},
    {"X-Api-Key": ""},
]
"""Without, wrong, foreign, default, and the right one in the wrong place."""


def _database() -> Database:
    """Return one that nobody can reach: what gets as far as asking it was let through."""
    return Database("mysql://nobody:nothing@127.0.0.1:1/none")


def _apps(key: str | None) -> Iterator[FastAPI]:
    yield user_app(_database(), {"api_key": API_KEY, "sealer": None}, None, gateway_key=key)
    yield course_app(_database(), QueueNames("a", "b", "c"), gateway_key=key)
    yield schedule_app(
        _database(),
        httpx.AsyncClient(),
        api_key=API_KEY,
        analysis_calls_per_day=1,
        gateway_key=key,
    )


def _endpoints(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, item in _paths(app).items():
        for method in item:
            yield method, path


def _paths(app: FastAPI) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for route in _routes(app.routes):
        filled = route.path
        for name in route.param_convertors:
            filled = filled.replace(f"{{{name}}}", "1").replace(f"{{{name}:path}}", "1")
        if filled.startswith(("/v1/", "/internal/", "/api/internal/")):
            found.setdefault(filled, set()).update(route.methods)
    return found


def _routes(routes: object) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)


async def _statuses(calls: Iterable[tuple[FastAPI, str]], headers: dict[str, str]) -> list[int]:
    """Return how each app answers; all are asked at once, for each waits until its database is given up."""

    async def status(app: FastAPI, path: str) -> int:
        async with _client(app) as client:
            return (await client.get(path, headers=headers)).status_code

    return await asyncio.gather(*(status(app, path) for app, path in calls))


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


@pytest.mark.parametrize("app", list(_apps(KEY)), ids=lambda app: app.title)
async def test_no_endpoint_believes_a_caller_without_the_key(app: FastAPI) -> None:
    """G-03: business and internal endpoints alike refuse 100 % of calls without, with a wrong or a foreign key."""
    endpoints = list(_endpoints(app))
    assert len(endpoints) >= 8
    async with _client(app) as client:
        passed = [
            (method, path, sorted(headers))
            for method, path in endpoints
            for headers in REFUSED
            if (await client.request(method, path, headers=CALLER | headers)).status_code != 401
        ]
    print(f"{app.title}: {len(endpoints) * len(REFUSED)} calls, {len(passed)} let in")
    assert passed == []


@pytest.mark.parametrize("app", list(_apps(KEY)), ids=lambda app: app.title)
async def test_two_keys_are_none(app: FastAPI) -> None:
    """G-03: a key added by whoever sits between is not picked out of several."""
    method, path = next(iter(_endpoints(app)))
    headers = [("X-Gateway-Key", KEY), ("X-Gateway-Key", "other"), *CALLER.items()]
    async with _client(app) as client:
        assert (await client.request(method, path, headers=headers)).status_code == 401


@pytest.mark.parametrize("app", list(_apps(KEY)), ids=lambda app: app.title)
async def test_documents_and_health_stay_open(app: FastAPI) -> None:
    """G-03, O1 to O3: load balancers and readers have no key."""
    async with _client(app) as client:
        for path in ("/actuator/health/liveness", "/actuator/info", "/v3/api-docs"):
            assert (await client.get(path)).status_code == 200
        assert (await client.get("/v3/api-docs/../v1/x")).status_code in {401, 404}


@pytest.mark.parametrize("key", [KEY, None])
async def test_the_key_opens_what_needs_it_and_nobody_asks_when_it_is_unset(
    key: str | None,
) -> None:
    """G-03, additions.md A: with the key a call reaches the endpoint, as it does without any setting."""
    headers = {} if key is None else {"X-Gateway-Key": key}
    paths = ("/v1/friends", "/v1/enrollments", "/v1/categories")

    statuses = await _statuses(zip(_apps(key), paths, strict=True), CALLER | headers)

    assert not {401, 404} & set(statuses), statuses


async def test_functions_reach_their_endpoints_with_their_own_key() -> None:
    """G-03: keys are per caller; a function needs no other."""
    paths = {
        "User Service API": "/internal/v1/credentials/canvas/connected",
        "Schedule Service API": f"/internal/v1/analyses/{'0' * 64}",
    }
    calls = [(app, paths[app.title]) for app in _apps(KEY) if app.title in paths]

    statuses = await _statuses(calls, {"X-Api-Key": API_KEY})

    assert len(statuses) == 2
    assert not {401, 404} & set(statuses), statuses


@pytest.mark.parametrize("key", ["short", "with blanks in it, 32 long", "x" * 257])
def test_unusable_key_is_refused_at_the_start(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """G-03, I-05."""
    for name, value in {
        "GATEWAY_KEY": key,
        "DATABASE_URL": "mysql://user:password@127.0.0.1:1/none",
        "USER_SERVICE_URL": "http://127.0.0.1:1",
        "CANVAS_SYNC_API_KEY": API_KEY,
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="GATEWAY_KEY") as refused:
        read_settings(APISettings)
    assert key not in str(refused.value)
