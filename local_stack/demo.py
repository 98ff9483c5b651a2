"""Does the main job as a user would, over HTTP through the gateway: Canvas to planner."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from local_stack.errors import StackError
from local_stack.progress import say

EMAIL = "demo@unisync.example"
PASSWORD = "Planner2026"  # noqa: S105 - of a throw-away pool on loopback
NAME = "김유니 (Demo)"

WAIT_SECONDS = 60.0
"""Each step takes effect within about five seconds; a loaded machine takes longer."""

SYNC_TIMEOUT_SECONDS = 160.0
"""The gateway itself gives up on a sync after 155 s."""

API_PAGE_PATH = "/swagger-ui.html"

JSONValue = Any

ResultT = TypeVar("ResultT")


class DemoUser:
    """A user of the gateway, signed in."""

    def __init__(self, gateway: httpx.AsyncClient, token: str) -> None:
        self._gateway = gateway
        self.token = token

    async def get(self, path: str, **query: str) -> JSONValue:
        """Return the answer of a GET below `/api/v1`."""
        return await _call(self._gateway, "GET", path, token=self.token, params=query)

    async def post(self, path: str, body: JSONValue = None, **query: str) -> JSONValue:
        """Return the answer of a POST below `/api/v1`."""
        return await _call(self._gateway, "POST", path, token=self.token, json=body, params=query)


def open_gateway(url: str) -> httpx.AsyncClient:
    """Return a client of the gateway, patient enough for a sync."""
    return httpx.AsyncClient(base_url=url, timeout=SYNC_TIMEOUT_SECONDS, trust_env=False)


async def sign_in(gateway: httpx.AsyncClient) -> DemoUser:
    """Sign the demo user in, or up if the pool does not know the user yet.

    Raises:
        StackError: Neither works.
    """
    account = {"email": EMAIL, "password": PASSWORD}
    try:
        answer = await gateway.post("/api/v1/auth/signin", json=account)
    except httpx.HTTPError as problem:
        raise StackError(f"the gateway did not answer a sign-in: {problem!r}") from problem
    if answer.status_code == 200:
        return DemoUser(gateway, str(answer.json()["idToken"]))
    signed_up = await _call(gateway, "POST", "/auth/signup", json={**account, "name": NAME})
    return DemoUser(gateway, str(signed_up["idToken"]))


async def run_demo(gateway: httpx.AsyncClient, canvas_token: str) -> DemoUser:
    """Sign up, connect Canvas, synchronise and print the planner, saying how long each step took.

    Raises:
        StackError: A step was refused or did not take effect.
    """
    started = time.monotonic()

    def done(step: str) -> None:
        say(f"[{time.monotonic() - started:5.1f} s] {step}")

    user = await sign_in(gateway)
    done(f"signed up {EMAIL}")

    await user.post("/integrations/canvas/credentials", {"canvasToken": canvas_token})
    done("registered the Canvas token, validated against Canvas")

    courses = (await user.post("/integrations/canvas/sync", mode="courses"))["coursesCount"]
    done(f"Canvas listed {courses} courses")
    await _until(lambda: _has_enrollments(user, courses), "the enrollments")
    done(f"course_service has the {courses} enrollments")

    synced = await user.post("/integrations/canvas/sync", mode="assignments")
    done(f"Canvas listed {synced['assignmentsCount']} assignments")
    answered = time.monotonic()
    due_count = await _until(
        lambda: _complete_planner(user, synced["assignmentsCount"]), "the planner"
    )
    took = time.monotonic() - answered
    done(f"the planner shows all {due_count} that have a due date, {took:.1f} s after the answer")

    say()
    for line in await planner(user):
        say(line)
    say()
    return user


async def planner(user: DemoUser) -> list[str]:
    """Return one line per schedule, `YYYY-MM-DDTHH:MM:SS  course  title`, in order."""
    schedules, categories = await asyncio.gather(user.get("/schedules"), user.get("/categories"))
    courses = {category["categoryId"]: category["name"] for category in categories}
    return sorted(
        f"{schedule['startTime'][:19]}  {courses[schedule['categoryId']]}  {schedule['title']}"
        for schedule in schedules
    )


async def _has_enrollments(user: DemoUser, count: int) -> bool:
    return len(await user.get("/enrollments")) >= count


async def _complete_planner(user: DemoUser, assignment_count: int) -> int:
    """Return how many schedules there are once every assignment has arrived and every due one is planned."""
    courses = await user.get("/courses")
    listings = await asyncio.gather(
        *(user.get(f"/courses/{course['id']}/assignments") for course in courses)
    )
    due_dates = [assignment["dueAt"] for listing in listings for assignment in listing]
    due_count = len([due_at for due_at in due_dates if due_at])
    if len(due_dates) < assignment_count or len(await user.get("/schedules")) < due_count:
        return 0
    return due_count


async def _until(condition: Callable[[], Awaitable[ResultT]], what: str) -> ResultT:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if result := await condition():
            return result
        await asyncio.sleep(0.1)
    raise StackError(f"{what} did not appear within {WAIT_SECONDS:.0f} s: see `make logs`")


async def _call(
    gateway: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    token: str | None = None,
    json: JSONValue = None,
    params: dict[str, str] | None = None,
) -> JSONValue:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = await gateway.request(
            method, f"/api/v1{path}", headers=headers, json=json, params=params
        )
    except httpx.HTTPError as problem:
        raise StackError(f"the gateway did not answer {method} {path}: {problem!r}") from problem
    if not answer.is_success:
        raise StackError(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()
