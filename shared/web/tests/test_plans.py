"""A planned endpoint answers as FastAPI itself would."""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Annotated, Any

import httpx
import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    Header,
    Query,
    Request,
    Response,
)
from fastapi.routing import APIRoute
from starlette.routing import Match

from shared.identity.headers import Caller
from shared.web.app import create_app, json_answer
from shared.web.errors import Unauthorized, code_shape
from shared.web.health import always_ready
from shared.web.json_body import StrictRoute, strict_router
from shared.web.pages import PageParameters
from shared.web.plans import PlannedPaths, plan_of
from shared.web.schemas import BoolParameter, DatetimeParameter, LongParameter, PathId
from shared.web.time_zone import bind_time_zone, current_zone

SUB = "7b0e0f6a-1111-4222-8333-944455556666"


class Kind(StrEnum):
    BIG = "BIG"
    SMALL = "SMALL"


async def require_key(x_key: Annotated[str | None, Header()] = None) -> None:
    if x_key == "wrong":
        raise Unauthorized("wrong key")


async def list_things(
    request: Request,
    page: PageParameters,
    thing_id: PathId,
    caller: Caller,
    kind: Annotated[Kind, Query(description="needed")],
    group_id: Annotated[LongParameter, Query(alias="groupId")] = None,
    start: Annotated[DatetimeParameter, Query(alias="startDate")] = None,
    is_on: BoolParameter = None,
    count: Annotated[int, Query(ge=1)] = 7,
) -> Response:
    read: dict[str, Any] = {
        "path": request.url.path,
        "thing": thing_id,
        "caller": caller,
        "limit": page.limit,
        "after": page.after,
        "kind": kind,
        "group": group_id,
        "start": start,
        "isOn": is_on,
        "count": count,
        "zone": current_zone().key,
    }
    return json_answer(read)


@pytest.fixture
async def send() -> AsyncIterator[Callable[..., Any]]:
    """Return what asks FastAPI's own route and the planned one the same, and gives both answers."""
    by_fastapi = APIRouter(prefix="/v1/things", dependencies=[Depends(bind_time_zone)])
    planned = strict_router("/v1/things", "Things")
    apps = []
    for router in (by_fastapi, planned):
        router.get("/{thing_id}", dependencies=[Depends(require_key)])(list_things)
        apps.append(
            create_app(
                title="Things",
                routers=[router],
                error_shape=code_shape,
                is_ready=always_ready,
                state={},
            )
        )
    assert (
        apps[0].openapi()["paths"]["/v1/things/{thingId}"]["get"]["parameters"]
        == (apps[1].openapi()["paths"]["/v1/things/{thingId}"]["get"]["parameters"])
    )
    clients = [
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") for app in apps
    ]

    async def ask(target: str, headers: dict[str, str]) -> list[tuple[int, Any]]:
        answers = [await client.get(f"/v1/things/{target}", headers=headers) for client in clients]
        return [(answer.status_code, answer.json()) for answer in answers]

    yield ask
    for client in clients:
        await client.aclose()


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("5?kind=BIG", {}, 200),
        (
            "5?kind=SMALL&groupId=12&startDate=2026-03-04T09:30&is_on=TRUE&count=3&limit=4",
            {"X-Time-Zone": "Asia/Seoul"},
            200,
        ),
        ("5?kind=BIG&groupId=&startDate=&is_on=", {}, 200),
        ("5?kind=BIG&kind=SMALL&count=1&count=2&unknown=1", {}, 200),
        ("5?kind=BIG&cursor=WzNd", {}, 200),
        ("5", {}, 400),
        ("5?kind=", {}, 400),
        ("5?kind=HUGE", {}, 400),
        ("five?kind=BIG", {}, 400),
        ("5?kind=BIG&count=0", {}, 400),
        ("5?kind=BIG&count=", {}, 400),
        ("5?kind=BIG&count=many&groupId=x", {}, 400),
        ("5?kind=BIG&groupId=x&startDate=yesterday", {}, 400),
        ("5?kind=BIG&limit=0", {}, 400),
        ("5?kind=HUGE&limit=101", {}, 400),
        ("5?kind=BIG&cursor=nonsense", {}, 400),
        ("5?kind=BIG&cursor=" + "W" * 513, {}, 400),
        ("5?kind=BIG", {"X-Time-Zone": "Mars/Olympus"}, 400),
        ("5?kind=BIG", {"X-Cognito-Sub": " "}, 401),
        ("5?limit=0&kind=HUGE", {"X-Cognito-Sub": ""}, 401),
        ("5?limit=0", {"X-Key": "wrong"}, 401),
        ("5?limit=0", {"X-Key": "wrong", "X-Time-Zone": "Mars/Olympus"}, 400),
    ],
)
async def test_a_plan_reads_and_refuses_what_fastapi_reads_and_refuses(
    send: Callable[..., Any], target: str, headers: dict[str, str], status: int
) -> None:
    by_fastapi, planned = await send(target, {"X-Cognito-Sub": SUB, **headers})

    assert planned == by_fastapi
    assert planned[0] == status


async def plain(name: str) -> Response:
    return json_answer(name)


async def with_several(names: Annotated[list[str], Query()]) -> Response:
    return json_answer(names)


async def with_body(name: Annotated[str, Body()]) -> Response:
    return json_answer(name)


async def with_cookie(name: Annotated[str, Cookie()]) -> Response:
    return json_answer(name)


async def with_tasks(tasks: BackgroundTasks) -> Response:
    return json_answer(len(tasks.tasks))


async def with_model() -> dict[str, str]:
    return {}


def in_a_thread() -> Response:
    return json_answer(None)


async def opened() -> AsyncIterator[int]:
    yield 1


async def with_something_opened(number: Annotated[int, Depends(opened)]) -> Response:
    return json_answer(number)


@pytest.mark.parametrize(
    "endpoint",
    [
        with_several,
        with_body,
        with_cookie,
        with_tasks,
        with_model,
        in_a_thread,
        with_something_opened,
    ],
)
def test_what_a_plan_would_not_read_is_left_to_fastapi(endpoint: Callable[..., Any]) -> None:
    assert plan_of(APIRoute("/", endpoint, methods=["POST"]).dependant) is None


def test_reading_endpoints_are_planned() -> None:
    """Else the comparison above would compare FastAPI with itself."""
    assert plan_of(StrictRoute("/{thing_id}", list_things).dependant) is not None


def test_only_planned_get_endpoints_without_path_parameters_are_found_by_their_path() -> None:
    router = strict_router("/v1/things", "Things")
    router.get("")(plain)
    router.post("")(plain)
    router.get("/{thing_id}")(list_things)
    router.get("/models", response_model=dict[str, str])(with_model)
    paths = PlannedPaths([router])

    def is_found(method: str, path: str) -> bool:
        match, found = paths.matches({"type": "http", "method": method, "path": path})
        return match is Match.FULL and found["route"].path == path

    assert is_found("GET", "/v1/things")
    assert not is_found("POST", "/v1/things")
    assert not is_found("GET", "/v1/things/5")
    assert not is_found("GET", "/v1/things/{thing_id}")
    assert not is_found("GET", "/v1/things/models")
    assert not is_found("GET", "/v1/things/")
