"""A small sandbox without a network, and one enrolled student's client for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from starlette.applications import Starlette

from local_stack.canvas_sandbox.main import create_sandbox
from local_stack.canvas_sandbox.sandbox import Sandbox
from local_stack.canvas_sandbox.semester import Assignment, Course

TODAY = date(2026, 11, 21)


class ManualClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Campus:
    """A sandbox with one student in all courses."""

    app: Starlette
    clock: ManualClock
    token: str
    canvas: httpx.AsyncClient
    """Calls the Canvas API as the student, relative to `/api/v1`."""
    control: httpx.AsyncClient
    """Calls the control API, relative to `/_sandbox`."""

    @property
    def sandbox(self) -> Sandbox:
        sandbox: Sandbox = self.app.state.sandbox
        return sandbox

    @property
    def course(self) -> Course:
        return next(iter(self.sandbox.semester.courses.values()))

    @property
    def restricted_course(self) -> Course:
        return next(c for c in self.sandbox.semester.courses.values() if c.is_restricted_by_date)

    @property
    def assignment(self) -> Assignment:
        return self.course.assignments[0]

    def client_with(self, headers: dict[str, str]) -> httpx.AsyncClient:
        return client_for(self.app, "/api/v1", headers)

    async def listed(self, **parameters: str) -> list[dict]:
        answer = await self.canvas.get(
            f"/courses/{self.course.id}/assignments", params={"per_page": "100", **parameters}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


def client_for(app: Starlette, path: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=f"http://canvas.test:8090{path}",
        headers={"User-Agent": "UniSync/1.0 (+tests)", **headers},
    )


@pytest.fixture
def campus() -> Iterator[Campus]:
    clock = ManualClock()
    app = create_sandbox(courses=3, assignments_per_course=25, today=TODAY, clock=clock)
    _, token = app.state.sandbox.enroll(None)
    return Campus(
        app=app,
        clock=clock,
        token=token,
        canvas=client_for(app, "/api/v1", {"Authorization": f"Bearer {token}"}),
        control=client_for(app, "/_sandbox", {}),
    )
