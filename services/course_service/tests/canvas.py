"""What canvas_sync would say, and a worker to say it to."""

from typing import Any

import orjson

from services.course_service.outbox import OutboxRow
from services.course_service.settings import QueueNames
from services.course_service.sync.handlers import sync_handler
from services.course_service.worker import body_builder
from shared.database import Database
from shared.events.routes import QUEUES
from shared.events.validation import problem_of
from shared.messaging.publisher import Publisher
from shared.messaging.relay import Relay
from shared.testing.hostile_sqs import HostileSQS

JIWOO = "7b0e0f6a-1111-4222-8333-944455556666"
MINJUN = "0c11f6a0-2222-4222-8333-944455556666"

Event = dict[str, Any]


def assignment(canvas_id: int, **fields: Any) -> Event:
    return {
        "canvasAssignmentId": canvas_id,
        "title": f"Assignment {canvas_id}",
        "description": "<p>Do it</p>",
        "dueAt": "2025-11-28T14:59:00",
        "pointsPossible": 20.5,
        "submissionTypes": "online_upload",
        **fields,
    }


def course(canvas_id: int, *assignments: Event, **fields: Any) -> Event:
    return {
        "canvasCourseId": canvas_id,
        "courseName": f"Course {canvas_id}",
        "courseCode": f"C-{canvas_id}",
        "startAt": "2025-09-01T00:00:00Z",
        "endAt": None,
        "assignments": list(assignments),
        **fields,
    }


def complete(canvas_id: int, *assignments: Event, **fields: Any) -> Event:
    """Return a course entry that holds a whole listing."""
    ids = [entry["canvasAssignmentId"] for entry in assignments]
    return course(canvas_id, *assignments, complete=True, canvasAssignmentIds=ids, **fields)


def synced(student: str, *courses: Event, **fields: Any) -> Event:
    return {
        "eventType": "CANVAS_SYNC_COMPLETED",
        "cognitoSub": student,
        "syncedAt": "2025-11-20T03:04:05.678901",
        "syncMode": "assignments",
        "courses": list(courses),
        **fields,
    }


def courses_synced(student: str, *courses: Event, **fields: Any) -> Event:
    return synced(
        student, *courses, **{"eventType": "CANVAS_COURSES_SYNCED", "syncMode": "courses", **fields}
    )


class Worker:
    """The worker process without its loops."""

    def __init__(self, database: Database, sqs: HostileSQS, names: QueueNames) -> None:
        self.sqs = sqs
        self.names = names
        self.apply = sync_handler(database, names)
        self._relay = Relay(database, OutboxRow, Publisher(sqs), body_builder(database))

    async def sync(self, *events: Event) -> None:
        """Apply messages one after another and send what they give rise to."""
        for event in events:
            await self.apply(event)
        await self.relay()

    async def relay(self) -> None:
        while await self._relay.relay_once():
            pass

    def planner_events(self) -> list[Event]:
        """Return what was sent to `task-creation-queue` since the last call."""
        return self._take(self.names.task_creation)

    def analysis_events(self) -> list[Event]:
        """Return what was sent to `llm-analysis-queue` since the last call."""
        return self._take(self.names.llm_analysis)

    def submission_events(self) -> list[Event]:
        """Return what was sent to `submission-events-queue` since the last call."""
        return self._take(self.names.submission_events)

    def _take(self, queue: str) -> list[Event]:
        bodies = self.sqs.bodies(queue)
        route = next(route for route in QUEUES if route.name == queue)
        problems = [problem_of(route, orjson.dumps(body)) for body in bodies]
        assert not any(problems), f"Q-10: a body does not meet its published schema: {problems}"
        self.sqs._queues[queue].messages.clear()
        return bodies

    def snapshots(self) -> dict[str, Event]:
        """Return the newest whole snapshot per student since the last call, entries by Canvas id."""
        newest: dict[str, Event] = {}
        ordered = [event for event in self.planner_events() if "snapshotAt" in event]
        for event in sorted(ordered, key=lambda event: event["snapshotAt"]):
            if event["eventType"] == "USER_ASSIGNMENTS_CREATED":
                newest[event["cognitoSub"]] = {
                    entry["canvasAssignmentId"]: entry for entry in event["assignments"]
                }
        return newest
