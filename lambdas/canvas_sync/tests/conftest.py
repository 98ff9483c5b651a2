"""Doubles for everything around the function: Canvas, the two services and the queue."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lambdas.canvas_sync.canvas.transport import RetryPolicy
from lambdas.canvas_sync.runtime import Function, open_canvas_sync
from lambdas.canvas_sync.schemas import SyncMode, SyncRequest, SyncResult
from lambdas.canvas_sync.settings import CanvasSyncSettings
from local_stack.canvas_sandbox.main import create_sandbox
from local_stack.canvas_sandbox.running import running_sandbox
from local_stack.canvas_sandbox.sandbox import Sandbox
from shared.events.routes import ASSIGNMENT_EVENTS
from shared.events.validation import problem_of
from shared.messaging.queues import create_queues
from shared.testing.hostile_sqs import HostileSQS
from shared.testing.loopback import served

SUB = "7b0e0f6a-1111-4222-8333-944455556666"
API_KEY = "key-of-the-function"
REQUEST_ID = "request-0001"


class ScriptedServer:
    """A real HTTP server on loopback whose answers a test writes; it remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Response | Awaitable[Response]] = lambda request: Response(
            status_code=404
        )
        self.delay_seconds = 0.0

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.requests.append(request)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        answered = self.answer(request)
        response = await answered if inspect.isawaitable(answered) else answered
        await response(scope, receive, send)


@pytest.fixture(scope="session")
def scripted_servers() -> Iterator[tuple[ScriptedServer, ScriptedServer]]:
    one, other = ScriptedServer(), ScriptedServer()
    with served(one) as one.url, served(other) as other.url:
        yield one, other


@pytest.fixture
def scripted_canvas(scripted_servers: tuple[ScriptedServer, ScriptedServer]) -> ScriptedServer:
    """A Canvas for what the sandbox rightly refuses to do."""
    server = scripted_servers[0]
    server.requests, server.delay_seconds = [], 0.0
    return server


@dataclass
class Services:
    """user_service and course_service as the function sees them."""

    server: ScriptedServer
    enabled_ids: list[int] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Students whose token was reported as refused."""
    refused_digests: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Students of whom a run is on elsewhere."""
    claimed: list[str] = field(default_factory=list)
    """Whom each run is of; the ids count from 1."""
    ends: dict[int, dict[str, Any]] = field(default_factory=dict)

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        if path == "/internal/v1/enrollments/enabled" and "X-Cognito-Sub" in request.headers:
            return JSONResponse(
                [
                    {"courseId": n, "canvasCourseId": canvas_id, "courseName": "any"}
                    for n, canvas_id in enumerate(self.enabled_ids, 1)
                ]
            )
        if request.headers.get("X-Api-Key") != API_KEY:
            return JSONResponse({"error": "unauthorized"}, 401)
        return await self._answer_to_function(request, path)

    async def _answer_to_function(self, request: Request, path: str) -> Response:
        if path.startswith("/internal/v1/sync-runs"):
            return self._answer_about_runs(request, await request.json())
        if path.endswith("/refused"):
            self.refused.append(path.split("/")[-2])
            self.refused_digests.append((await request.json())["tokenSha256"])
            return Response(status_code=204)
        if path == "/internal/v1/credentials/canvas/connected":
            return self._page_of_students(request)
        student = path.removeprefix("/internal/v1/credentials/canvas/by-cognito-sub/")
        if student not in self.tokens:
            return JSONResponse({"errorCode": "CANVAS_TOKEN_NOT_FOUND"}, 404)
        return JSONResponse({"canvasToken": self.tokens[student]})

    def _answer_about_runs(self, request: Request, body: dict[str, Any]) -> Response:
        if request.method == "PUT":
            self.ends[int(request.url.path.rpartition("/")[2])] = body
            return Response(status_code=204)
        student = body["cognitoSub"]
        if student in self.taken:
            return JSONResponse({"errorCode": "SYNC_ALREADY_RUNNING"}, 409)
        if student in self.refused:
            return JSONResponse({"errorCode": "INVALID_CANVAS_TOKEN"}, 400)
        if student not in self.tokens:
            return JSONResponse({"errorCode": "CANVAS_TOKEN_NOT_FOUND"}, 404)
        self.claimed.append(student)
        return JSONResponse({"runId": len(self.claimed), "leaseSeconds": 150}, 201)

    def _page_of_students(self, request: Request) -> Response:
        limit = int(request.query_params["limit"])
        after = request.query_params.get("after", "")
        students = sorted(s for s in self.tokens if s > after and s not in self.refused)
        rest = students[limit:]
        page = {"cognitoSubs": students[:limit], "next": students[limit - 1] if rest else None}
        return JSONResponse(page)


@pytest.fixture
def services(scripted_servers: tuple[ScriptedServer, ScriptedServer]) -> Services:
    server = scripted_servers[1]
    server.requests, server.delay_seconds = [], 0.0
    double = Services(server)
    server.answer = double.answer
    return double


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[tuple[str, Sandbox]]:
    app = create_sandbox(courses=1, assignments_per_course=1)
    with running_sandbox(app) as url:
        yield url, app.state.sandbox


@dataclass
class Canvas:
    """The sandbox, driven by its control API, and one student in it."""

    url: str
    control: httpx.AsyncClient
    sandbox: Sandbox
    token: str = ""

    async def reset(self, **shape: Any) -> None:
        answer = await self.control.post("/_sandbox/reset", json=shape)
        answer.raise_for_status()
        answer = await self.control.post("/_sandbox/users", json={})
        self.token = answer.raise_for_status().json()["token"]

    async def courses(self) -> list[dict[str, Any]]:
        answer = await self.control.get("/_sandbox/state")
        return answer.raise_for_status().json()["courses"]

    async def set_faults(self, **faults: Any) -> None:
        (await self.control.put("/_sandbox/faults", json=faults)).raise_for_status()

    async def requests(self) -> dict[str, Any]:
        return (await self.control.get("/_sandbox/requests")).raise_for_status().json()

    async def revoke(self) -> None:
        (await self.control.delete(f"/_sandbox/tokens/{self.token}")).raise_for_status()


@pytest.fixture
async def canvas(sandbox_server: tuple[str, Sandbox]) -> AsyncIterator[Canvas]:
    """Two courses with three assignments each, and one restricted by date."""
    url, sandbox = sandbox_server
    async with httpx.AsyncClient(base_url=url, timeout=30) as control:
        double = Canvas(url, control, sandbox)
        await double.reset(courses=2, assignments_per_course=3)
        yield double


@pytest.fixture
async def sqs() -> HostileSQS:
    queues = HostileSQS(copies=1)
    await create_queues(queues, {})
    return queues


@dataclass
class Synchroniser:
    """The function, put together as in production but for the queue and shorter pauses."""

    function: Function
    sqs: HostileSQS
    services: Services

    async def run(self, mode: str = "assignments", **options: Any) -> SyncResult:
        request = SyncRequest(SUB, SyncMode(mode), REQUEST_ID)
        return await self.function.sync.synchronise(request, **options)

    def messages(self) -> list[Any]:
        bodies = self.sqs.bodies(ASSIGNMENT_EVENTS.name)
        problems = [problem_of(ASSIGNMENT_EVENTS, orjson.dumps(body)) for body in bodies]
        assert not any(problems), f"Q-10: a body does not meet its published schema: {problems}"
        return bodies

    def by_course(self) -> dict[int, list[dict[str, Any]]]:
        parts: dict[int, list[dict[str, Any]]] = {}
        for message in self.messages():
            for course in message["courses"]:
                parts.setdefault(course["canvasCourseId"], []).append(course)
        return parts


def settings_for(canvas_url: str, services: Services) -> CanvasSyncSettings:
    return CanvasSyncSettings(
        environment="local",
        canvas_api_base_url=f"{canvas_url}/api/v1",
        user_service_url=services.server.url,
        course_service_url=services.server.url,
        canvas_sync_api_key=API_KEY,
    )


async def _synchroniser(
    canvas_url: str,
    services: Services,
    sqs: HostileSQS,
    stack: AsyncExitStack,
    retry: RetryPolicy,
) -> Synchroniser:
    function = await open_canvas_sync(
        stack,
        settings_for(canvas_url, services),
        sqs=sqs,
        retry=retry,
    )
    return Synchroniser(function, sqs, services)


PATIENT = RetryPolicy(
    first_pause_seconds=0.02, idle_seconds=300, try_seconds=300, max_seconds=1_000
)
"""Before the sandbox nothing hangs: a try that a busy machine makes late must not become a second call."""


@pytest.fixture
async def synchroniser(
    canvas: Canvas, services: Services, sqs: HostileSQS
) -> AsyncIterator[Synchroniser]:
    """The function before the sandbox."""
    async with AsyncExitStack() as stack:
        yield await _synchroniser(canvas.url, services, sqs, stack, PATIENT)


@pytest.fixture
async def scripted_synchroniser(
    scripted_canvas: ScriptedServer, services: Services, sqs: HostileSQS
) -> AsyncIterator[Synchroniser]:
    """The function before a Canvas whose answers the test writes; course 1 is enabled."""
    services.enabled_ids = [1]
    services.tokens[SUB] = "a-token"
    async with AsyncExitStack() as stack:
        yield await _synchroniser(
            scripted_canvas.url, services, sqs, stack, RetryPolicy(first_pause_seconds=0.02)
        )


@pytest.fixture
async def enable_all(canvas: Canvas, services: Services) -> Callable[[], Any]:
    """Call it after a reset: the student is known to the services, with every course enabled."""

    async def enable() -> list[int]:
        services.tokens[SUB] = canvas.token
        services.enabled_ids = [course["id"] for course in await canvas.courses()]
        return services.enabled_ids

    await enable()
    return enable
