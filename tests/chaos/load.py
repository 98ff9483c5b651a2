"""Students' requests at a steady rate, whatever becomes of them, through the gateways as a load balancer sends them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.chaos.instances import Group

READS = ("/api/v1/users/me", "/api/v1/schedules", "/api/v1/enrollments", "/api/v1/categories")
WRITE_EVERY = 10
"""Each tenth request makes a todo."""


@dataclass(frozen=True)
class Student:
    """Who asks."""

    headers: dict[str, str]
    category_id: int


async def sign_up(stack: Mapping[str, Any]) -> Student:
    """Make a student with a category for todos."""
    async with httpx.AsyncClient(base_url=stack["gateway"], timeout=30, trust_env=False) as client:
        account = {
            "email": f"{uuid4().hex}@example.com",
            "password": "Planner2026",
            "name": "김유니",
        }
        signed_up = await client.post("/api/v1/auth/signup", json=account)
        assert signed_up.status_code == 201, signed_up.text
        headers = {"Authorization": f"Bearer {signed_up.json()['idToken']}"}
        category = await client.post(
            "/api/v1/categories", json={"name": "Labs", "color": "#FF6B6B"}, headers=headers
        )
        assert category.status_code == 201, category.text
        return Student(headers, category.json()["categoryId"])


@dataclass(frozen=True)
class Result:
    """What became of one request."""

    sent_at: float
    seconds: float
    is_read: bool
    what: str
    """Status, or the class of the error."""

    @property
    def is_good(self) -> bool:
        return self.what in {"200", "201"}


@dataclass
class Load:
    """Sends until the block is left; a request does not wait for the one before."""

    gateways: Group
    student: Student
    per_second: float
    writes: bool = True
    results: list[Result] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sending.cancel()
        await asyncio.wait({self._sending})
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def until_sent(self, count: int) -> None:
        """Wait until so many requests have been answered."""
        while len(self.results) < count:
            await asyncio.sleep(0.1)

    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.is_good]

    def since(self, moment: float) -> list[Result]:
        return [result for result in self.results if result.sent_at >= moment]

    @property
    def written(self) -> int:
        return sum(result.is_good and not result.is_read for result in self.results)

    async def _send(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        due_at, number = time.monotonic(), 0
        while True:
            # What a busy machine kept us from sending is left out, not made up for by a flood.
            due_at = max(due_at + 1 / self.per_second, time.monotonic() - 0.1)
            await asyncio.sleep(due_at - time.monotonic())
            task = asyncio.create_task(self._one(number))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            number += 1

    async def _one(self, number: int) -> None:
        is_read = not self.writes or number % WRITE_EVERY != 0
        sent_at = time.monotonic()
        what = "no gateway"
        # A refused connection has carried nothing: a load balancer goes on to the next target.
        for _ in range(2):
            try:
                what = str((await self._call(number, is_read)).status_code)
                break
            except httpx.ConnectError as problem:
                what = type(problem).__name__
            except (httpx.HTTPError, ZeroDivisionError) as problem:
                what = type(problem).__name__
                break
        self.results.append(Result(sent_at, time.monotonic() - sent_at, is_read, what))

    async def _call(self, number: int, is_read: bool) -> httpx.Response:
        client, headers = self.gateways.next().client, self.student.headers
        if is_read:
            return await client.get(READS[number % len(READS)], headers=headers)
        todo = {
            "title": f"Scheduler lab {number}",
            "startDate": "2026-11-21",
            "dueDate": "2026-11-28",
            "categoryId": self.student.category_id,
        }
        return await client.post("/api/v1/todos", json=todo, headers=headers)
