"""Measures course_service's consumer from queue to table, beside a raw loop that upserts the same rows."""

import argparse
import asyncio
import gc
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncmy
from aiobotocore.session import get_session

from benchmarks.consumers.messages import FIRST_DAY, courses, description, listing, now
from local_stack.emulator import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, running_emulator
from local_stack.mysql_server import MySQLServer, start_mysql
from services.course_service.assignments.descriptions import sanitise_description
from services.course_service.migrate import MIGRATIONS
from services.course_service.outbox import OutboxRow
from services.course_service.settings import QueueNames
from services.course_service.sync.handlers import sync_handler
from services.course_service.worker import body_builder
from shared.database import Database
from shared.events.routes import ASSIGNMENT_EVENTS, LLM_ANALYSIS, SUBMISSION_EVENTS, TASK_CREATION
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues
from shared.messaging.relay import Relay
from shared.testing.hostile_sqs import HostileSQS
from shared.testing.schemas import empty_tables, execute, migrated_schema

STUDENTS = 30
ASSIGNMENTS = 100
"""Of each student's own course: one message of 170 KB, about the most that one holds."""

WARM_UPS = 200 // STUDENTS + 1
"""A new consumer has come to its full size after two hundred messages."""

TURNS = 5
TARGET = 0.3

CROWDS = (1, 10, 100, 1_000)
SHARED_ASSIGNMENTS = 30
FLAT = 1.5
"""What a student may cost among a thousand, as a multiple of the cost among ten."""

NAMES = QueueNames(
    task_creation=TASK_CREATION.name,
    llm_analysis=LLM_ANALYSIS.name,
    submission_events=SUBMISSION_EVENTS.name,
)

RAW_UPSERT = (
    "INSERT INTO assignments (canvas_assignment_id, course_id, title, description, due_at, points_possible,"
    " submission_types, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON DUPLICATE KEY UPDATE course_id = VALUES(course_id), title = VALUES(title),"
    " description = VALUES(description), due_at = VALUES(due_at), points_possible = VALUES(points_possible),"
    " submission_types = VALUES(submission_types), updated_at = VALUES(updated_at)"
)


@dataclass(frozen=True)
class Bench:
    """A migrated schema, and queues to feed its consumer from."""

    url: str
    database: Database
    sqs: Any

    async def consume(
        self,
        bodies: Sequence[bytes],
        *,
        warm_up: Sequence[bytes] = (),
        with_relay: bool = False,
    ) -> float:
        """Send messages, then return how many seconds it takes until all are applied.

        Args:
            bodies: What to send; the clock starts after that.
            warm_up: What the same consumer applies before, untimed; a new one receives few at a time.
            with_relay: Also send what follows from them, and wait until the outbox is empty.
        """
        publisher = Publisher(self.sqs)
        applied = asyncio.Event()
        left = 0
        apply = sync_handler(self.database, NAMES)

        async def handle(event: dict[str, Any]) -> None:
            nonlocal left
            await apply(event)
            left -= 1
            if not left:
                applied.set()

        queue = _HeldQueue(self.sqs)
        consumer = Consumer(queue, ASSIGNMENT_EVENTS.name, handle, visibility_seconds=30)
        stopping = asyncio.Event()
        relay = Relay(self.database, OutboxRow, publisher, body_builder(self.database))
        tasks = [asyncio.create_task(consumer.run(stopping))]
        if with_relay:
            tasks.append(asyncio.create_task(relay.run(stopping)))
        for messages in filter(None, (warm_up, bodies)):
            await asyncio.sleep(2 * _HeldQueue.POLL_SECONDS)
            await publisher.send(ASSIGNMENT_EVENTS.name, messages)
            left = len(messages)
            applied.clear()
            started = time.perf_counter()
            queue.is_open.set()
            await applied.wait()
            queue.is_open.clear()
        # The relay may be another process in life: what it has left says the table alone.
        while with_relay and execute(self.url, "SELECT 1 FROM outbox LIMIT 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        seconds = time.perf_counter() - started
        stopping.set()
        await asyncio.gather(*tasks)
        return seconds


class _HeldQueue:
    """A queue client that receives only while it is open, so that a clock can start with a full queue."""

    POLL_SECONDS = 0.005

    def __init__(self, sqs: Any) -> None:
        self.is_open = asyncio.Event()
        self._sqs = sqs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    async def receive_message(self, **arguments: Any) -> Any:
        """Receive what is there, without a long poll: the emulator goes on with one that was given up."""
        while True:
            await self.is_open.wait()
            answer = await self._sqs.receive_message(**{**arguments, "WaitTimeSeconds": 0})
            if answer.get("Messages"):
                return answer
            await asyncio.sleep(self.POLL_SECONDS)


def main() -> None:
    """Print both tables; end with 1 when a figure misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["rate", "crowds"], help="one of the two tables")
    wanted = parser.parse_args().only
    logging.disable(logging.CRITICAL)
    # As in a worker (`shared.web.serving.run`).
    gc.freeze()
    is_met = True
    with tempfile.TemporaryDirectory() as directory, start_mysql(Path(directory) / "db") as server:
        if wanted != "crowds":
            is_met &= asyncio.run(_measure_rate(server, Path(directory)))
        if wanted != "rate":
            is_met &= asyncio.run(_measure_crowds(server))
    sys.exit(not is_met)


async def _measure_rate(server: MySQLServer, directory: Path) -> bool:
    """Store the same assignments by the consumer and by a raw loop in turns; print assignments per second."""
    rates: dict[str, list[float]] = {}
    count = STUDENTS * ASSIGNMENTS
    with running_emulator(directory / "aws") as endpoint:
        async with (
            _sqs(endpoint) as sqs,
            _bench(server, sqs) as over_protocol,
            _bench(server, HostileSQS(copies=1, shuffled=False)) as in_memory,
        ):
            turns: dict[str, Callable[[], Awaitable[float]]] = {
                "raw loop": lambda: _raw_loop(in_memory.url),
                "consumer, SQS protocol": lambda: _store(over_protocol),
                "consumer, queue in memory": lambda: _store(in_memory),
            }
            for turn in range(TURNS + 1):
                for name, measure in turns.items():
                    empty_tables(over_protocol.url)
                    empty_tables(in_memory.url)
                    seconds = await measure()
                    # The first turn opens connections and fills caches.
                    if turn:
                        rates.setdefault(name, []).append(count / seconds)
    raw = rates["raw loop"]
    print(
        f"| {count} assignments of 1.7 KB, {ASSIGNMENTS} a message | a second | **of the raw loop** |"
    )
    print("|---|---|---|")
    shares = {
        name: statistics.median(a / b for a, b in zip(rates[name], raw, strict=True))
        for name in rates
    }
    for name, share in shares.items():
        print(f"| {name} | {statistics.median(rates[name]):.0f} | **{share:.2f}** |")
    worst = min(shares.values())
    print(f"\nworst {worst:.2f}, target at least {TARGET}\n")
    return worst >= TARGET


async def _measure_crowds(server: MySQLServer) -> bool:
    """Let crowds of different sizes share courses; print what each student costs."""
    print(
        f"| students who share {SHARED_ASSIGNMENTS} assignments | first sync | unchanged sync | all titles changed |"
    )
    print("|---|---|---|---|")
    costs: dict[int, tuple[float, ...]] = {}
    async with _bench(server, HostileSQS(copies=1, shuffled=False)) as bench:
        for crowd in (CROWDS[1], *CROWDS):
            # Few students are over in a moment: so many are timed in each row, one crowd after another.
            rounds = max(1, min(10, 50 // crowd))
            taken = [await _crowd_round(bench, crowd) for _ in range(rounds)]
            costs[crowd] = tuple(statistics.median(kind) for kind in zip(*taken, strict=True))
    for crowd, cost in sorted(costs.items()):
        print(f"| {crowd} | " + " | ".join(f"{ms:.1f} ms" for ms in cost) + " |")
    ratios = [many / few for many, few in zip(costs[CROWDS[-1]], costs[CROWDS[1]], strict=True)]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(
        f"\na student among {CROWDS[-1]} costs {shown} of one among {CROWDS[1]}, target at most {FLAT}"
    )
    return max(ratios) <= FLAT


async def _crowd_round(bench: Bench, crowd: int) -> tuple[float, ...]:
    empty_tables(bench.url)
    students = [f"7b0e0f6a-1111-4222-8333-{number:012}" for number in range(crowd)]
    numbers = range(1, SHARED_ASSIGNMENTS + 1)
    milliseconds = []
    for word in ("Lab", "Lab", "Project"):
        at = now()
        bodies = [listing(student, 1, numbers, observed_at=at, word=word) for student in students]
        seconds = await bench.consume(bodies, with_relay=True)
        milliseconds.append(1000 * seconds / crowd)
    return tuple(milliseconds)


async def _store(bench: Bench) -> float:
    # Assignments are only asked for where a student is enrolled, so courses come before, untimed.
    enrolled = [courses(f"student-{n}", n + 1) for n in range(STUDENTS)]
    return await bench.consume(_own_courses(), warm_up=enrolled * WARM_UPS)


def _own_courses() -> list[bytes]:
    at = now()
    return [
        listing(f"student-{number}", number + 1, _numbers_of(number), observed_at=at)
        for number in range(STUDENTS)
    ]


def _numbers_of(student: int) -> range:
    return range(student * ASSIGNMENTS + 1, (student + 1) * ASSIGNMENTS + 1)


async def _raw_loop(url: str) -> float:
    """Upsert what the consumer would store, in one statement and transaction for each message."""
    execute(url, "SET FOREIGN_KEY_CHECKS = 0")
    at = now()
    rows = [
        [
            (
                n,
                1,
                f"Lab {n}",
                sanitise_description(description(n)),
                FIRST_DAY,
                20,
                "online_upload",
                at,
                at,
            )
            for n in _numbers_of(student)
        ]
        for student in range(STUDENTS)
    ]
    execute(
        url,
        "INSERT INTO courses (id, canvas_course_id, name, created_at, updated_at) VALUES (1, 1, 'C', NOW(), NOW())",
    )
    parts = urlsplit(url)
    connection = await asyncmy.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        db=parts.path.strip("/"),
        charset="utf8mb4",
    )
    try:
        started = time.perf_counter()
        async with connection.cursor() as cursor:
            for batch in rows:
                await cursor.executemany(RAW_UPSERT, batch)
                await connection.commit()
        return time.perf_counter() - started
    finally:
        connection.close()


@asynccontextmanager
async def _bench(server: MySQLServer, sqs: Any) -> AsyncIterator[Bench]:
    with migrated_schema(server.url(), MIGRATIONS) as url:
        database = Database(url)
        await create_queues(sqs, {})
        try:
            yield Bench(url, database, sqs)
        finally:
            await database.close()


@asynccontextmanager
async def _sqs(endpoint: str) -> AsyncIterator[Any]:
    async with get_session().create_client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    ) as client:
        yield client


if __name__ == "__main__":
    main()
