"""Students who use the running system through the gateway, and what it shows them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local_stack.health import NO_AUTHORITIES
from shared.testing.schemas import execute

Stack = dict[str, Any]

PASSWORD = "Planner2026"


@dataclass
class Student:
    """A student who signed up and connected Canvas."""

    stack: Stack
    gateway: httpx.AsyncClient
    canvas: httpx.AsyncClient
    cognito_sub: str
    email: str
    canvas_token: str

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.gateway.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, **query: Any) -> Any:
        answer = await self.gateway.post(f"/api/v1{path}", json=body, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    async def sync(self, mode: str = "assignments") -> Any:
        return await self.post("/integrations/canvas/sync", mode=mode)

    async def set_sync_enabled(self, enrollment_id: int, is_enabled: bool) -> None:
        answer = await self.gateway.put(
            f"/api/v1/enrollments/{enrollment_id}/sync", json={"isSyncEnabled": is_enabled}
        )
        assert answer.status_code == 200, answer.text

    async def planner(self) -> dict[int, tuple[str, str]]:
        """Return title and start of every Canvas schedule by the assignment's Canvas id."""
        return {
            int(schedule["sourceId"].split("-")[2]): (schedule["title"], schedule["startTime"])
            for schedule in await self.get("/schedules")
            if schedule["source"] == "CANVAS"
        }

    async def sync_everything(self) -> None:
        """Announce the courses, wait for the enrollments, then plan the assignments."""
        announced = (await self.sync("courses"))["coursesCount"]
        await until(lambda: self._has_enrollments(announced))
        await self.sync()

    async def _has_enrollments(self, count: int) -> bool:
        return len(await self.get("/enrollments")) == count

    async def shows(self, expected: dict[int, tuple[str, str]], *, seconds: float = 20) -> None:
        """Wait until the planner is exactly as expected."""

        async def is_as_expected() -> bool:
            return await self.planner() == expected

        try:
            await until(is_as_expected, seconds=seconds)
        except TimeoutError:
            assert await self.planner() == expected


async def until(condition: Callable[[], Awaitable[Any]], *, seconds: float = 20) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: It did not in time.
    """
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def queues_are_empty(stack: Stack, *, and_analysed: bool = False) -> bool:
    """Tell whether nothing waits or is in work on the way to the planner.

    Args:
        stack: The running system.
        and_analysed: Also on the way through the analysis, which takes its time.
    """
    waiting = rows(stack, "course_service", "SELECT event_type FROM outbox")
    analysed = ("ASSIGNMENT_", "SUBMISSION_DETECTED")
    if any(and_analysed or not event_type.startswith(analysed) for (event_type,) in waiting):
        return False
    queues = ["assignment-events-queue", "task-creation-queue"]
    if and_analysed:
        queues[1:1] = ["llm-analysis-queue", "submission-events-queue"]
    async with httpx.AsyncClient(verify=NO_AUTHORITIES) as client:
        for name in queues:
            answer = await client.post(
                stack["aws"],
                headers={
                    "X-Amz-Target": "AmazonSQS.GetQueueAttributes",
                    "Content-Type": "application/x-amz-json-1.0",
                    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/"
                    f"{stack['region']}/sqs/aws4_request, SignedHeaders=host, Signature=0",
                },
                json={"QueueUrl": stack["queues"][name], "AttributeNames": ["All"]},
            )
            attributes = answer.json()["Attributes"]
            if attributes["ApproximateNumberOfMessages"] != "0":
                return False
            if attributes["ApproximateNumberOfMessagesNotVisible"] != "0":
                return False
    return True


def rows(stack: Stack, service: str, statement: str, *parameters: Any) -> list[Any]:
    """Run a statement on a service's schema, as an operator would."""
    mysql = stack["mysql"]
    url = f"mysql://{mysql['user']}:{mysql['password']}@{mysql['host']}:{mysql['port']}"
    return execute(f"{url}/{mysql['databases'][service]}", statement, parameters)


SignUp = Callable[..., Awaitable[Student]]


@pytest.fixture
async def canvas(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the Canvas sandbox's control API, on a small semester of its own."""
    async with httpx.AsyncClient(base_url=stack["canvas"], timeout=60) as client:
        await reset(client)
        yield client


async def reset(canvas: httpx.AsyncClient, **semester: int) -> None:
    """Give Canvas another semester, with ids no earlier test has used."""
    body = {"seed": time.time_ns() % 2**31, "courses": 2, "assignments_per_course": 8, **semester}
    answer = await canvas.post("/_sandbox/reset", json=body)
    assert answer.is_success, answer.text


async def due_assignments(canvas: httpx.AsyncClient) -> dict[int, tuple[str, str]]:
    """Return what a planner of all courses must show: title and due date by Canvas id."""
    state = (await canvas.get("/_sandbox/state")).json()
    return {
        assignment["id"]: (assignment["name"], assignment["due_at"].removesuffix("Z"))
        for course in state["courses"]
        if course["name"]
        for assignment in course["assignments"]
        if assignment["due_at"]
    }


@pytest.fixture
async def sign_up(stack: Stack, canvas: httpx.AsyncClient) -> AsyncIterator[SignUp]:
    """Yield a function that makes a student with a Canvas account in all courses."""
    gateways: list[httpx.AsyncClient] = []

    async def make(**canvas_user: Any) -> Student:
        gateway = httpx.AsyncClient(base_url=stack["gateway"], timeout=160)
        gateways.append(gateway)
        email = f"student-{uuid4().hex[:12]}@example.com"
        account = {"email": email, "password": PASSWORD, "name": "김유니"}
        answer = await gateway.post("/api/v1/auth/signup", json=account)
        assert answer.status_code == 201, answer.text
        gateway.headers["Authorization"] = f"Bearer {answer.json()['idToken']}"
        token = (await canvas.post("/_sandbox/users", json=canvas_user)).json()["token"]
        student = Student(stack, gateway, canvas, answer.json()["cognitoSub"], email, token)
        await student.post("/integrations/canvas/credentials", {"canvasToken": token})
        return student

    yield make
    for gateway in gateways:
        await gateway.aclose()
