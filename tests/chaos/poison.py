"""Poison among good messages, and a replay that is killed: what happens, on real queues and a real schema."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from services.schedule_service.failures import FailedMessageRow
from services.schedule_service.sync.handlers import task_creation_handler
from shared.aws import aws_client
from shared.database import Database
from shared.events.routes import MAX_MESSAGE_BYTES, QUEUES, TASK_CREATION
from shared.messaging.consumer import Consumer
from shared.messaging.failure_log import FailureLog
from shared.messaging.metrics import QueueDepth, queue_depth
from shared.messaging.queues import create_queues
from shared.settings import Settings
from shared.testing.schemas import execute

VISIBILITY_SECONDS = 1
BREAKS_THE_HANDLER = "breaks the handler"

POISON: tuple[Callable[[], str], ...] = (
    lambda: "not JSON {",
    lambda: json.dumps({"eventType": "SUBMISSION_RECORDED", "cognitoSub": {"a": [1]}}),
    lambda: '{"eventType": "COURSE_DISABLED", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    lambda: json.dumps({"eventType": "SUBMISSION_RECORDED", "cognitoSub": BREAKS_THE_HANDLER}),
    lambda: json.dumps({"eventType": "COURSE_DISABLED", "x": "y" * (MAX_MESSAGE_BYTES - 1_000)}),
    lambda: json.dumps({"eventType": "NEVER_HEARD_OF", "cognitoSub": uuid4().hex}),
)
"""A message that is no JSON, of wrong types, too deep, too much for the handler, huge, unknown."""


@dataclass(frozen=True)
class Queues:
    """The queues of one run, with the environment in which a process of ours uses them."""

    sqs: Any
    name: str
    urls: dict[str, str]
    environment: dict[str, str]

    async def send(self, bodies: Sequence[str], *, dead: bool = False) -> list[str]:
        """Send messages, or put them straight into the dead-letter queue; returns their ids."""
        url = self.urls[f"{self.name}-dlq" if dead else self.name]
        ids: list[str] = []
        rest = list(bodies)
        while rest:
            batch = rest[:10] if sum(map(len, rest[:10])) < MAX_MESSAGE_BYTES else rest[:1]
            answer = await self.sqs.send_message_batch(
                QueueUrl=url,
                Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)],
            )
            assert not answer.get("Failed"), answer
            ids += [sent["MessageId"] for sent in sorted(answer["Successful"], key=_position)]
            rest = rest[len(batch) :]
        return ids

    async def depth(self, *, dead: bool = False) -> QueueDepth:
        return await queue_depth(self.sqs, self.urls[f"{self.name}-dlq" if dead else self.name])

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start the operators' command as a process of its own."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "shared.messaging", "dlq", *arguments),
            env={**os.environ, **self.environment, "PYTHONUNBUFFERED": "1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def command(self, *arguments: str) -> str:
        """Run the operators' command to its end and return what it printed."""
        process = await self.start(*arguments)
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return output.decode()


def _position(sent: dict[str, Any]) -> int:
    return int(sent["Id"])


@asynccontextmanager
async def fresh_queues(aws: Settings, database_url: str) -> AsyncIterator[Queues]:
    """Make queues that nobody else uses, whose dead-letter queue soon shows what a killed command held."""
    names = {queue.name_setting: f"{queue.name}-{uuid4().hex[:8]}" for queue in QUEUES}
    async with aws_client("sqs", aws, read_timeout_seconds=20) as sqs:
        urls = await create_queues(sqs, names, visibility_seconds=VISIBILITY_SECONDS)
        name = names[TASK_CREATION.name_setting]
        await sqs.set_queue_attributes(
            QueueUrl=urls[f"{name}-dlq"], Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        )
        yield Queues(sqs, name, urls, {**names, "DATABASE_URL": database_url})


@asynccontextmanager
async def consuming(
    queues: Queues, database: Database, *, workers: int = 1
) -> AsyncIterator[list[float]]:
    """Consume with schedule_service's own handler; yields when each message was applied."""
    apply = task_creation_handler(database)
    applied_at: list[float] = []
    failures = FailureLog(database, FailedMessageRow)

    async def handle(event: dict[str, Any]) -> None:
        if event.get("cognitoSub") == BREAKS_THE_HANDLER:
            raise RecursionError("a defect of ours")
        await apply(event)
        applied_at.append(time.monotonic())

    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            consumer = Consumer(
                queues.sqs,
                queues.name,
                handle,
                visibility_seconds=VISIBILITY_SECONDS,
                long_poll_seconds=1,
                failures=failures,
                is_available=database.is_reachable,
            )
            group.create_task(consumer.run(stopping))
        try:
            yield applied_at
        finally:
            stopping.set()


async def until(condition: Callable[[], Any], seconds: float) -> None:
    """Wait until a condition holds, which may be awaitable."""
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)


def submissions(count: int) -> list[str]:
    """Return good messages of as many students, each of which leaves one row."""
    return [
        json.dumps(
            {
                "eventType": "SUBMISSION_RECORDED",
                "cognitoSub": f"student-{uuid4().hex}",
                "canvasAssignmentId": number + 1,
                "submittedAt": "2026-11-20T10:00:00Z",
                "workflowState": "submitted",
            }
        )
        for number in range(count)
    ]


def snapshots(count: int) -> list[str]:
    """Return good messages of as many students, each of which makes one category and one schedule."""
    return [
        json.dumps(
            {
                "eventType": "USER_ASSIGNMENTS_CREATED",
                "cognitoSub": f"student-{number}",
                "assignments": [
                    {
                        "assignmentId": 1,
                        "canvasAssignmentId": 90210,
                        "courseId": 3,
                        "courseName": "Operating Systems",
                        "title": "Scheduler lab",
                        "dueAt": "2026-11-28T14:59:00",
                    }
                ],
            }
        )
        for number in range(count)
    ]


@dataclass(frozen=True)
class PoisonOutcome:
    """What became of good and poisoned messages."""

    good_per_second: float
    good_in_dead_letter_queue: int
    poison: int
    poison_in_dead_letter_queue: int
    reasons: list[str]


async def consume_with_poison(
    aws: Settings, database: Database, database_url: str, *, good: int, poison: int
) -> PoisonOutcome:
    """Consume good messages with poison spread evenly among them, until all of it is dead."""
    bodies = submissions(good)
    places = [round((n + 0.5) * good / poison) + n for n in range(poison)]
    for n, place in enumerate(places):
        bodies.insert(place, POISON[n % len(POISON)]())
    async with fresh_queues(aws, database_url) as queues:
        ids = await queues.send(bodies)
        poisoned = {ids[place] for place in places}
        started_at = time.monotonic()
        async with consuming(queues, database) as applied_at:
            await until(lambda: len(applied_at) >= good, seconds=120)
            seconds = max(applied_at) - started_at

            async def all_poison_is_dead() -> bool:
                depth = await queues.depth(dead=True)
                return depth.visible >= poison

            await until(all_poison_is_dead, seconds=30)
        # Asking is a process of its own, which a run without poison can do without.
        has_dead = (await queues.depth(dead=True)).visible > 0
        listed = (await queues.command("list", "--json")).splitlines() if has_dead else []
    letters = [json.loads(line) for line in listed]
    return PoisonOutcome(
        good_per_second=good / seconds,
        good_in_dead_letter_queue=sum(letter["messageId"] not in poisoned for letter in letters),
        poison=poison,
        poison_in_dead_letter_queue=sum(letter["messageId"] in poisoned for letter in letters),
        # Only what a consumer recorded has a count of receives.
        reasons=[letter["reason"] for letter in letters if letter["receives"]],
    )


@dataclass(frozen=True)
class ReplayOutcome:
    """What became of dead letters whose replay was killed and repeated."""

    replayed_before_the_kill: int
    left_by_the_kill: int
    applied: int
    schedules: int
    students_with_a_schedule: int
    left: int


async def replay_killed_half_way(
    aws: Settings, database: Database, database_url: str, *, letters: int
) -> ReplayOutcome:
    """Replay dead letters, kill the command (-9) half way, replay the rest."""
    async with fresh_queues(aws, database_url) as queues:
        await queues.send(snapshots(letters), dead=True)
        async with consuming(queues, database, workers=2) as applied_at:
            process = await queues.start("replay", "--all")
            lines = 0
            assert process.stdout is not None
            while lines < letters // 2 and await process.stdout.readline():
                lines += 1
            process.kill()
            await process.communicate()
            depth = await queues.depth(dead=True)
            left_by_the_kill = depth.visible + depth.in_flight

            async def nothing_is_dead() -> bool:
                await queues.command("replay", "--all", "--queue", TASK_CREATION.name)
                depth = await queues.depth(dead=True)
                return depth.visible + depth.in_flight == 0

            async def nothing_waits() -> bool:
                depth = await queues.depth()
                return depth.visible + depth.in_flight == 0

            await until(nothing_is_dead, seconds=60)
            await until(nothing_waits, seconds=120)
        depth = await queues.depth(dead=True)
    ((schedules, students),) = execute(
        database_url, "SELECT COUNT(*), COUNT(DISTINCT cognito_sub) FROM schedules"
    )
    return ReplayOutcome(
        replayed_before_the_kill=lines,
        left_by_the_kill=left_by_the_kill,
        applied=len(applied_at),
        schedules=int(str(schedules)),
        students_with_a_schedule=int(str(students)),
        left=depth.visible + depth.in_flight,
    )
