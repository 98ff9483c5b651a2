"""What the kill tests run: real workers, each behind proxies of its own, on a real database and real queues."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from local_stack.ports import LOOPBACK, free_port
from services.course_service.tests.canvas import assignment, course, synced
from shared.events.routes import (
    ASSIGNMENT_EVENTS,
    TASK_CREATION,
    Queue,
)
from shared.messaging.dead_letters import DeadLetterQueue
from shared.messaging.metrics import QueueDepth, queue_depth
from shared.messaging.publisher import Publisher
from shared.messaging.queues import queue_url
from shared.testing.schemas import connect, execute
from tests.chaos.forks import Process
from tests.chaos.proxy import Proxy, Step

COURSE = "services.course_service.worker"
SCHEDULE = "services.schedule_service.worker"

VISIBILITY_SECONDS = int(os.environ.get("VISIBILITY_SECONDS", "2"))
"""Short, so that what a killed worker held comes back soon."""

RECEIVED_ID = re.compile(rb'"MessageId":\s*"([^"]+)"')


class Worker:
    """A worker process, seen and cut off through its proxies."""

    def __init__(self, surroundings: "Surroundings", module: str) -> None:
        self.module = module
        self.on_step: Callable[[Step], bool] = lambda step: True
        self.received: list[str] = []
        self.receives_at: list[float] = []
        self._surroundings = surroundings
        self.database = Proxy(surroundings.database_port, self._watch)
        self.queues = Proxy(surroundings.queues_port, self._watch)
        self.process: Process
        self.management_port = free_port()

    def _watch(self, step: Step) -> bool:
        if step.name == "ReceiveMessage":
            if step.phase == "asked":
                self.receives_at.append(time.monotonic())
            else:
                self.received += [found.decode() for found in RECEIVED_ID.findall(step.data)]
        return self.on_step(step)

    async def start(self) -> None:
        """Start the process; does not wait until it works."""
        await self.open()
        self.process = Process(self.module, self.environment(), self._surroundings.log)
        self._surroundings.workers.append(self)

    async def open(self) -> None:
        """Take connections of the process."""
        await self.database.open()
        await self.queues.open()

    def environment(self) -> dict[str, str]:
        """Return the settings of the process, which lead it to the proxies."""
        place = self._surroundings
        return {
            "PATH": os.environ["PATH"],
            "ENVIRONMENT": "local",
            "LOG_LEVEL": "INFO",
            "MANAGEMENT_PORT": str(self.management_port),
            "DATABASE_URL": _with_port(place.database_urls[self.module], self.database.port),
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{self.queues.port}",
            "AWS_REGION": place.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
            **place.queue_names,
        }

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)

    async def stop(self) -> tuple[int, float]:
        """Tell it to stop; returns its exit code and how many seconds it took."""
        began_at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = await self.process.wait()
        return code, time.monotonic() - began_at

    async def gone(self) -> None:
        """Wait until it has ended, and take its proxies away."""
        await self.process.wait()
        await self.database.close()
        await self.queues.close()
        if self in self._surroundings.workers:
            self._surroundings.workers.remove(self)


@dataclass
class Surroundings:
    """One database server, queues of this test's own, and the workers that run on them."""

    sqs: Any
    region: str
    queues_port: int
    database_port: int
    database_urls: dict[str, str]
    queue_names: dict[str, str]
    log: Path
    workers: list[Worker] = field(default_factory=list)

    def name_of(self, queue: Queue) -> str:
        return self.queue_names[queue.name_setting]

    async def send(self, queue: Queue, events: Sequence[Any]) -> None:
        await Publisher(self.sqs).send(self.name_of(queue), [orjson.dumps(e) for e in events])

    async def depth(self, name: str) -> QueueDepth:
        return await queue_depth(self.sqs, await queue_url(self.sqs, name))

    async def waiting(self, name: str) -> int:
        """Return how many messages are in a queue, in flight or not."""
        depth = await self.depth(name)
        return depth.visible + depth.in_flight

    async def dead_letters(self) -> int:
        """Return how many messages are in the dead-letter queues of both workers."""
        return sum(
            [
                await self.waiting(f"{self.name_of(queue)}-dlq")
                for queue in (ASSIGNMENT_EVENTS, TASK_CREATION)
            ]
        )

    async def replay(self) -> None:
        """Put every dead letter back, as an operator would."""
        for queue in (ASSIGNMENT_EVENTS, TASK_CREATION):
            async with DeadLetterQueue(self.sqs, queue, self.name_of(queue)) as letters:
                while batch := await letters.next_batch():
                    assert await letters.replay(batch) == {}

    async def is_quiet(self) -> bool:
        """Tell whether nothing waits in the outbox or for a worker that runs."""
        if execute(self.database_urls[COURSE], "SELECT id FROM outbox LIMIT 1"):
            return False
        modules = {worker.module for worker in self.workers}
        consumed = {COURSE: ASSIGNMENT_EVENTS, SCHEDULE: TASK_CREATION}
        counts = [await self.waiting(self.name_of(consumed[module])) for module in modules]
        return not any(counts)

    async def until_quiet(self, seconds: float = 120) -> None:
        async with asyncio.timeout(seconds):
            while not await self.is_quiet():
                await asyncio.sleep(0.2)

    async def take_everything(self, queue: Queue) -> list[Any]:
        """Return and delete what is in a queue."""
        url = await queue_url(self.sqs, self.name_of(queue))
        bodies: list[Any] = []
        while True:
            answer = await self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            if not messages:
                return bodies
            bodies += [json.loads(message["Body"]) for message in messages]
            await self.sqs.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                    for n, message in enumerate(messages)
                ],
            )

    def rows(self, module: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return execute(self.database_urls[module], statement, parameters)

    def count(self, module: str, statement: str) -> int:
        return int(self.rows(module, statement)[0][0])

    async def visible(self, queue: Queue) -> int:
        """Return how many messages anybody could receive now."""
        return (await self.depth(self.name_of(queue))).visible

    async def applied(self) -> int:
        """Return how many of the sync messages are in course_db."""
        return await asyncio.to_thread(self.count, COURSE, "SELECT COUNT(*) FROM assignments")

    async def until_applied(
        self, count: int, seconds: float = 90, *, every_seconds: float = 0.05
    ) -> None:
        async with asyncio.timeout(seconds):
            while await self.applied() < count:
                await asyncio.sleep(every_seconds)

    @asynccontextmanager
    async def student_held(self, student: int) -> AsyncIterator[None]:
        """Hold a student's lock in course_db, so that work on the student's messages takes as long."""
        connection = connect(self.database_urls[COURSE])
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT * FROM students WHERE cognito_sub = %s FOR UPDATE", (f"student-{student}",)
            )
        try:
            yield
        finally:
            connection.rollback()
            connection.close()

    async def started(self, module: str) -> Worker:
        worker = Worker(self, module)
        await worker.start()
        return worker

    async def end_all(self) -> None:
        for worker in list(self.workers):
            worker.kill()
            await worker.gone()


def sync_message(number: int, students: int) -> dict[str, Any]:
    """Return message `number`: one student, in a course of the student's own, has one assignment more."""
    student = number % students
    return synced(f"student-{student}", course(student + 1, assignment(number + 1)))


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    account = f"{parts.username}:{parts.password}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{account}{LOOPBACK}:{port}"))
