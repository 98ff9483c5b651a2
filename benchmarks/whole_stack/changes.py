"""Changed due dates at a steady rate, from the queue that canvas_sync feeds to the students' planners."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncmy
import orjson

from shared.aws import aws_client
from shared.events.routes import ASSIGNMENT_EVENTS
from shared.events.times import write_order_mark
from shared.messaging.publisher import Publisher
from shared.settings import Settings
from shared.testing.processors import Processors

STUDENTS = 250
ASSIGNMENTS = 10
"""Of each student's own course, so that a change is one student's and the number of changes that of planners."""

RATES = (20, 50)
"""Changes a second; the second one is O-01's."""

SECONDS = 30
P95_SECONDS = 5.0
"""O-01."""

LOOK_SECONDS = 0.05
LOOK_BACK = timedelta(seconds=10)
"""Rows are stamped before their commit, and looked at for so long: to read all of them each time took a twentieth of
a processor."""

GIVE_UP_SECONDS = 30.0
SETTLE_SECONDS = 180.0
FIRST_DAY = datetime(2026, 12, 1, 14, 59)

Seen = dict[tuple[str, str], datetime]
"""When a schedule begins, by student and the schedule's source."""


async def measure(stack: Mapping[str, Any], processors: Processors) -> bool:
    """Print the percentiles from a student's listing to the planner; return whether O-01 is met."""
    os.environ["AWS_ACCESS_KEY_ID"] = stack["aws_access_key_id"]
    os.environ["AWS_SECRET_ACCESS_KEY"] = stack["aws_secret_access_key"]
    settings = Settings(aws_region=stack["region"], aws_endpoint_url=stack["aws"])
    mysql = stack["mysql"]
    async with (
        aws_client("sqs", settings) as sqs,
        asyncmy.connect(
            host=mysql["host"],
            port=mysql["port"],
            user=mysql["user"],
            password=mysql["password"],
            database=mysql["databases"]["schedule_service"],
            autocommit=True,
        ) as planner,
    ):
        publisher = Publisher(sqs)
        students = [f"student-{number:04}" for number in range(STUDENTS)]
        for mode in ("courses", "assignments"):
            for number, student in enumerate(students):
                await publisher.send(ASSIGNMENT_EVENTS.name, [_listing(student, number, mode)])
            await _until_settled(sqs, stack["queues"])
        print(f"changed due dates for {SECONDS} s, {STUDENTS} students\n")
        print("| a second | p50 s | p90 s | p95 s | p99 s | not shown | processors |")
        print("|---|---|---|---|---|---|---|")
        first_day = FIRST_DAY
        for rate in RATES:
            first_day += timedelta(days=30)
            processors.used()
            sent, shown = await _change(publisher, planner, students, rate, first_day)
            spent = processors.used()
            took = sorted(shown[change] - sent[change] for change in shown)
            times = [took[min(len(took) - 1, len(took) * p // 100)] for p in (50, 90, 95, 99)]
            row = " | ".join(f"{seconds:.2f}" for seconds in times)
            print(f"| {rate} | {row} | {len(sent) - len(shown)} | {spent} |")
            await _until_settled(sqs, stack["queues"])
    return len(shown) == len(sent) and times[2] <= P95_SECONDS


async def _change(
    publisher: Publisher, planner: Any, students: list[str], per_second: int, first_day: datetime
) -> tuple[dict[int, float], dict[int, float]]:
    """Move one due date after the other; return when each was sent, and when the planner showed it."""
    sent: dict[int, float] = {}
    shown: dict[int, float] = {}
    awaited: dict[tuple[str, str], list[tuple[int, datetime]]] = defaultdict(list)
    moved: dict[str, dict[int, datetime]] = defaultdict(dict)
    total = per_second * SECONDS

    async def send(number: int) -> None:
        index = number % STUDENTS
        student, place = students[index], number // STUDENTS % ASSIGNMENTS
        due_at = first_day + timedelta(minutes=number)
        moved[student][place] = due_at
        source = f"canvas-assignment-{_assignment(index, place)}-{student}"
        awaited[student, source].append((number, due_at))
        body = _listing(student, index, "assignments", moved[student])
        sent[number] = time.monotonic()
        await publisher.send(ASSIGNMENT_EVENTS.name, [body])

    async def look() -> None:
        give_up_at = time.monotonic() + SECONDS + GIVE_UP_SECONDS
        while len(shown) < total and time.monotonic() < give_up_at:
            since = datetime.now(UTC).replace(tzinfo=None) - LOOK_BACK
            for key, begins_at in (await _planner(planner, since)).items():
                for number, due_at in awaited.get(key, ()):
                    if begins_at == due_at:
                        shown.setdefault(number, time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    began_at = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(look())
        for number in range(total):
            await asyncio.sleep(max(0.0, began_at + number / per_second - time.monotonic()))
            group.create_task(send(number))
    return sent, shown


async def _until_settled(sqs: Any, queues: Mapping[str, str]) -> None:
    """Wait until nothing is on the way, generated steps included.

    Raises:
        TimeoutError: Something still is.
    """
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    empty_looks = 0
    async with asyncio.timeout(SETTLE_SECONDS):
        # An event lies in the outbox for a moment between two queues.
        while empty_looks < 5:
            await asyncio.sleep(0.5)
            looks = [
                await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)
                for name, url in queues.items()
                if not name.endswith("-dlq")
            ]
            is_empty = not any(int(n) for look in looks for n in look["Attributes"].values())
            empty_looks = empty_looks + 1 if is_empty else 0


async def _planner(planner: Any, since: datetime) -> Seen:
    async with planner.cursor() as cursor:
        await cursor.execute(
            "SELECT cognito_sub, source_id, start_time FROM schedules"
            " WHERE source = 'CANVAS' AND updated_at >= %s",
            (since,),
        )
        return {
            (student, source): begins_at for student, source, begins_at in await cursor.fetchall()
        }


def _assignment(student: int, number: int) -> int:
    return (student + 1) * 1_000 + number


def _listing(
    student: str, index: int, mode: str, moved: Mapping[int, datetime] | None = None
) -> bytes:
    """Return what canvas_sync publishes for a student's course, some due dates moved for this student alone."""
    course = 500 + index
    numbers = range(ASSIGNMENTS) if mode == "assignments" else ()
    entries = [
        {
            "canvasAssignmentId": _assignment(index, number),
            "title": f"Lab {number}",
            "description": f"<p>Implement part {number} of the scheduler.</p>",
            "dueAt": (moved or {}).get(number, FIRST_DAY + timedelta(days=number)).isoformat(),
        }
        for number in numbers
    ]
    event = "CANVAS_SYNC_COMPLETED" if mode == "assignments" else "CANVAS_COURSES_SYNCED"
    entry: dict[str, Any] = {
        "canvasCourseId": course,
        "courseName": f"Course {course}",
        "courseCode": f"C-{course}",
        "workflowState": "available",
        "assignments": entries,
    }
    if mode == "assignments":
        entry |= {
            "complete": True,
            "canvasAssignmentIds": [each["canvasAssignmentId"] for each in entries],
        }
    now = datetime.now(UTC).replace(tzinfo=None)
    return orjson.dumps(
        {
            "eventType": event,
            "cognitoSub": student,
            "syncedAt": now.isoformat(),
            "syncMode": mode,
            "observedAt": write_order_mark(now),
            "courses": [entry],
        }
    )
