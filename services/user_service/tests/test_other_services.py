"""Calls to course_service and schedule_service."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.user_service.other_services import CourseService, ScheduleService
from services.user_service.tests.fakes import serve
from shared.logging import correlation_id
from shared.service_calls import service_client
from shared.web.errors import Unavailable

SUB = "7b0e0f6a-1111-4222-8333-944455556666"
IMPATIENT = httpx.Timeout(0.2, connect=1.0)


class Stub:
    """Answers with the statuses it is given, the last one for ever; 0 never answers."""

    def __init__(self) -> None:
        self.app = Starlette(
            routes=[Route("/{path:path}", self._serve, methods=["DELETE", "GET", "POST"])]
        )
        self.forget()

    def forget(self) -> None:
        self.statuses = [200]
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []

    async def _serve(self, request: Request) -> Response:
        self.requests.append(
            (request.method, request.scope["raw_path"].decode(), await request.body())
        )
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == 0:
            await asyncio.sleep(0.5)
        return Response(b"{}", status or 200, {"Location": "/elsewhere"})


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[tuple[Stub, ScheduleService, CourseService]]:
    stub = Stub()
    async with serve(stub.app) as url, service_client(url, timeout=IMPATIENT) as client:
        yield stub, ScheduleService(client), CourseService(client)


@pytest.fixture
def stub(served: tuple[Stub, ScheduleService, CourseService]) -> Stub:
    served[0].forget()
    return served[0]


@pytest.fixture
def schedule(served: tuple[Stub, ScheduleService, CourseService]) -> ScheduleService:
    return served[1]


@pytest.fixture
def course(served: tuple[Stub, ScheduleService, CourseService]) -> CourseService:
    return served[2]


async def test_a_groups_data_is_deleted_as_the_contract_says(
    schedule: ScheduleService, stub: Stub
) -> None:
    """I7."""
    correlation_id.set("request-of-a-test")
    await schedule.delete_group_data(7)
    assert stub.requests == [("DELETE", "/api/internal/groups/7/data", b"")]
    assert stub.headers[0]["user-agent"] == "UniSync/1.0"
    assert stub.headers[0]["x-request-id"] == "request-of-a-test"


async def test_a_users_data_is_deleted_with_heirs_where_there_are_groups(
    schedule: ScheduleService, course: CourseService, stub: Stub
) -> None:
    await schedule.delete_user_data(SUB, {7: "ann"})
    await schedule.delete_user_data("../x y", {})
    await course.delete_user_data(SUB, {7: "ann"})
    path = f"/internal/v1/users/{SUB}/data"
    assert stub.requests == [
        ("DELETE", path, b'{"groupOwners":{"7":"ann"}}'),
        ("DELETE", "/internal/v1/users/..%2Fx%20y/data", b'{"groupOwners":{}}'),
        ("DELETE", path, b""),
    ]


@pytest.mark.parametrize("first", [500, 503, 0])
async def test_a_failure_is_tried_once_more(
    schedule: ScheduleService, stub: Stub, first: int
) -> None:
    stub.statuses = [first, 200]
    await schedule.delete_group_data(7)
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("status", "calls"), [(500, 2), (503, 2), (404, 1), (401, 1), (302, 1), (0, 2)]
)
async def test_what_is_not_known_to_be_done_is_unavailable(
    schedule: ScheduleService,
    stub: Stub,
    status: int,
    calls: int,
) -> None:
    """R-4, R-7: an outage is not taken for success, and a redirect is not followed."""
    stub.statuses = [status]
    with pytest.raises(Unavailable):
        await schedule.delete_group_data(7)
    assert len(stub.requests) == calls


async def test_an_absent_service_is_unavailable_at_once() -> None:
    async with service_client("http://127.0.0.1:9", timeout=IMPATIENT) as client:
        with pytest.raises(Unavailable):
            await CourseService(client).delete_user_data(SUB, {})
