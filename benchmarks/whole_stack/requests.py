"""Students' requests at a steady rate through the gateway, whatever becomes of them."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from shared.testing.processors import Processors

STUDENTS = 20
ITEMS = 20
"""Schedules and todos of each student."""

PER_SECOND = 200
WARM_UP_SECONDS = 5
SECONDS = 30

P90_SECONDS, P95_SECONDS, FAILED_SHARE = 0.2, 0.5, 0.001
"""O-01."""

READS = ("/users/me", "/schedules", "/todos", "/enrollments", "/categories", "/groups")
WRITE_EVERY = 10
"""Each tenth request makes a todo."""


@dataclass(frozen=True)
class Student:
    """Who asks."""

    headers: dict[str, str]
    category_id: int


@dataclass(frozen=True)
class Answer:
    """One request's end; status 0 is none at all."""

    what: str
    seconds: float
    status: int


async def measure(stack: Mapping[str, Any], processors: Processors) -> bool:
    """Print the percentiles of each kind of request; return whether the targets of O-01 are met."""
    async with aiohttp.ClientSession(
        f"{stack['gateway']}/api/v1/",
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=15),
    ) as session:
        students = [await sign_up(session) for _ in range(STUDENTS)]
        await _offer(session, students, WARM_UP_SECONDS)
        processors.used()
        answers = await _offer(session, students, SECONDS)
        spent = processors.used()
    by_kind = defaultdict(list)
    for answer in answers:
        by_kind[answer.what].append(answer)
    print(f"{PER_SECOND} requests/s for {SECONDS} s, {STUDENTS} students\n")
    print("| request | count | p50 ms | p90 ms | p95 ms | p99 ms | failed |")
    print("|---|---|---|---|---|---|---|")
    for what, those in (*sorted(by_kind.items()), ("**all**", answers)):
        times = " | ".join(f"{percentile(those, p) * 1_000:.1f}" for p in (50, 90, 95, 99))
        print(f"| {what} | {len(those)} | {times} | {len(_failed(those))} |")
    print()
    failed = _failed(answers)
    if failed:
        print(f"not answered with 200 or 201: {dict(Counter(each.status for each in failed))}\n")
    print(f"processors: {spent}\n")
    return (
        percentile(answers, 90) < P90_SECONDS
        and percentile(answers, 95) < P95_SECONDS
        and len(failed) <= FAILED_SHARE * len(answers)
    )


def percentile(answers: Sequence[Answer], percent: int) -> float:
    """Return the seconds that so many percent of the requests stayed under."""
    seconds = sorted(answer.seconds for answer in answers)
    return seconds[min(len(seconds) - 1, len(seconds) * percent // 100)]


async def sign_up(session: aiohttp.ClientSession) -> Student:
    """Make a student with schedules and todos."""
    account = {
        "email": f"{uuid4().hex}@example.com",
        "password": "Planner2026",
        "name": "김유니",
    }
    token = (await _made(session, "auth/signup", account))["idToken"]
    headers = {"Authorization": f"Bearer {token}"}
    category = await _made(
        session, "categories", {"name": "Labs", "color": "#FF6B6B"}, headers=headers
    )
    student = Student(headers, category["categoryId"])
    for number in range(ITEMS):
        schedule = {
            "title": f"Operating Systems {number}",
            "startTime": f"2026-12-{number + 1:02}T09:00:00",
            "endTime": f"2026-12-{number + 1:02}T10:30:00",
            "categoryId": student.category_id,
        }
        await _made(session, "schedules", schedule, headers=headers)
        await _made(session, "todos", _todo(student), headers=headers)
    return student


async def _made(
    session: aiohttp.ClientSession, path: str, body: Mapping[str, Any], **options: Any
) -> Any:
    async with session.post(path, json=body, **options) as answer:
        answer.raise_for_status()
        return await answer.json()


def _todo(student: Student) -> dict[str, Any]:
    return {
        "title": "Scheduler lab",
        "startDate": "2026-11-21",
        "dueDate": "2026-11-28",
        "categoryId": student.category_id,
    }


async def _offer(
    session: aiohttp.ClientSession, students: Sequence[Student], seconds: float
) -> list[Answer]:
    """Send at the rate without waiting for answers; returns when all have come."""
    answers: list[Answer] = []
    began_at = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(int(PER_SECOND * seconds)):
            await asyncio.sleep(max(0.0, began_at + number / PER_SECOND - time.monotonic()))
            student = students[number % len(students)]
            group.create_task(_send(session, student, number, answers))
    return answers


async def _send(
    session: aiohttp.ClientSession, student: Student, number: int, answers: list[Answer]
) -> None:
    is_write = number % WRITE_EVERY == 0
    path = "/todos" if is_write else READS[number % len(READS)]
    method, body = ("POST", _todo(student)) if is_write else ("GET", None)
    sent_at, status = time.perf_counter(), 0
    try:
        async with session.request(
            method, path.removeprefix("/"), json=body, headers=student.headers
        ) as answer:
            await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError):
        pass
    answers.append(Answer(f"{method} {path}", time.perf_counter() - sent_at, status))


def _failed(answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.status not in (200, 201)]
