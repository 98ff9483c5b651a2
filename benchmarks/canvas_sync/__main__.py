"""Prints the wall time of one warm synchronisation as a multiple of one round trip to Canvas."""

import asyncio
import logging
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from benchmarks.canvas_sync.surroundings import (
    LATENCY_MS,
    SUB,
    CanvasControl,
    opened_queue,
    running_canvas,
    running_emulator,
    running_services,
)
from lambdas.canvas_sync.canvas.transport import USER_AGENT
from lambdas.canvas_sync.handler import answer
from lambdas.canvas_sync.runtime import open_canvas_sync
from lambdas.canvas_sync.settings import CanvasSyncSettings

RUNS = 9
ROUND_TRIPS_MEASURED = 15
TARGET_ROUND_TRIPS = 8.0
"""For 30 courses; a sequential client needs 31 and more."""

PER_PAGE = 100


@dataclass(frozen=True)
class Account:
    """What one student's Canvas holds; descriptions have natural sizes unless given."""

    courses: int
    assignments_per_course: int
    description_bytes: int | None = None
    runs: int = RUNS
    measures_sequential: bool = True

    @property
    def sequential_calls(self) -> int:
        """How many calls a sequential client makes: the list of courses, then every page of every course."""
        pages = max(1, -(-self.assignments_per_course // PER_PAGE))
        return 1 + self.courses * pages

    def __str__(self) -> str:
        size = "" if self.description_bytes is None else f" x {self.description_bytes // 1_000} KB"
        return f"{self.courses} x {self.assignments_per_course}{size}"


ACCOUNTS = (
    Account(6, 20),
    Account(12, 20),
    Account(30, 20),
    Account(30, 40, 3_000),
    Account(60, 400, runs=3, measures_sequential=False),
)
"""The last one is the account of C-01."""


@dataclass(frozen=True)
class Measurement:
    """One line of the table; times in seconds."""

    account: Account
    queue: str
    round_trip: float
    fastest: float
    median: float
    sequential: float | None
    calls: int
    throttled: int
    in_flight: int

    @property
    def round_trips(self) -> float:
        """Median wall time as a multiple of one round trip."""
        return self.median / self.round_trip


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def _measure(
    account: Account, control: CanvasControl, canvas_url: str, queue_endpoint: str | None
) -> Measurement:
    token, course_ids = await control.arrange(
        courses=account.courses,
        assignments_per_course=account.assignments_per_course,
        description_bytes=account.description_bytes,
    )
    async with AsyncExitStack() as stack:
        services_url = await stack.enter_async_context(running_services(token, course_ids))
        settings = CanvasSyncSettings(
            environment="local",
            canvas_api_base_url=f"{canvas_url}/api/v1",
            user_service_url=services_url,
            course_service_url=services_url,
            canvas_sync_api_key=SecretStr("any"),
        )
        sqs = await stack.enter_async_context(opened_queue(queue_endpoint))
        sync = await open_canvas_sync(stack, settings, sqs=sqs)

        async def synchronise() -> None:
            answered = await answer(sync, {"cognitoSub": SUB})
            counts = answered["body"]["coursesCount"], answered["body"]["assignmentsCount"]
            expected = account.courses, account.courses * account.assignments_per_course
            if counts != expected:
                raise RuntimeError(f"{counts} synchronised instead of {expected}")

        plain = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"{canvas_url}/api/v1",
                headers={"Authorization": f"Bearer {token}", "User-Agent": USER_AGENT},
                timeout=30,
                trust_env=False,
            )
        )
        round_trip = await _one_round_trip(plain)
        await synchronise()
        await control.forget_requests()
        walls = [await _seconds(synchronise) for _ in range(account.runs)]
        counted = await control.requests()
        sequential = None
        if account.measures_sequential:
            sequential = await _seconds(lambda: _read_one_by_one(plain, course_ids))
    return Measurement(
        account=account,
        queue="in memory" if queue_endpoint is None else "SQS protocol",
        round_trip=round_trip,
        fastest=min(walls),
        median=statistics.median(walls),
        sequential=sequential,
        calls=counted["total"] // account.runs,
        throttled=counted["throttled"],
        in_flight=counted["max_in_flight"],
    )


async def _one_round_trip(plain: httpx.AsyncClient) -> float:
    async def call() -> None:
        (await plain.get("/courses", params={"per_page": 1})).raise_for_status()

    await call()
    return statistics.median([await _seconds(call) for _ in range(ROUND_TRIPS_MEASURED)])


async def _read_one_by_one(plain: httpx.AsyncClient, course_ids: list[int]) -> None:
    (await plain.get("/courses", params={"per_page": PER_PAGE})).raise_for_status()
    for course_id in course_ids:
        path = f"/courses/{course_id}/assignments"
        (await plain.get(path, params={"per_page": PER_PAGE})).raise_for_status()


def _print_table(measurements: list[Measurement]) -> None:
    print(
        "| courses x assignments | queue | one round trip | one sync | **round trips** | fastest "
        "| one by one | calls | throttled | in flight |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for line in measurements:
        one_by_one = (
            f"{line.account.sequential_calls} calls"
            if line.sequential is None
            else f"{line.sequential / line.round_trip:.1f} round trips"
        )
        print(
            f"| {line.account} | {line.queue} | {line.round_trip * 1000:.1f} ms "
            f"| {line.median * 1000:.0f} ms | **{line.round_trips:.1f}** "
            f"| {line.fastest / line.round_trip:.1f} | {one_by_one} "
            f"| {line.calls} | {line.throttled} | {line.in_flight} |"
        )


async def _measure_all(canvas_url: str, endpoints: list[str | None]) -> list[Measurement]:
    control = CanvasControl(canvas_url)
    try:
        return [
            await _measure(account, control, canvas_url, endpoint)
            for endpoint in endpoints
            for account in ACCOUNTS
        ]
    finally:
        await control.close()


def main() -> None:
    """Measure every account and end with 1 when a promise is broken."""
    logging.disable(logging.WARNING)
    print(f"Canvas answers after {LATENCY_MS} ms; medians of up to {RUNS} warm synchronisations.\n")
    with running_canvas() as canvas_url, running_emulator() as emulator_url:
        endpoints: list[str | None] = [None] if emulator_url is None else [None, emulator_url]
        measurements = asyncio.run(_measure_all(canvas_url, endpoints))
    _print_table(measurements)
    if emulator_url is None:
        print("\nThe AWS emulator is not installed (`make install`): measured in memory only.")
    too_slow = [
        line
        for line in measurements
        if line.account.courses == 30 and line.round_trips > TARGET_ROUND_TRIPS
    ]
    throttled = [line for line in measurements if line.throttled]
    for line in too_slow:
        print(f"\nbroken: {line.account} took {line.round_trips:.1f} round trips")
    for line in throttled:
        print(f"\nbroken: {line.account} was throttled {line.throttled} times")
    raise SystemExit(1 if too_slow or throttled else 0)


if __name__ == "__main__":
    main()
