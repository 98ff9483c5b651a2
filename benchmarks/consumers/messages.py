"""The synchronisations that the benchmark sends, and the rows that a raw loop writes instead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from shared.events.times import write_order_mark

PARAGRAPH = (
    "<p>Implement the <strong>scheduler</strong> of part {n} as described in chapter 7. Hand in one archive with your"
    " sources and a short report; see <a href='https://canvas.example.edu/files/{n}'>the template</a>.</p>"
    "<ul><li>round robin with a quantum of 10 ms</li><li>priorities from 0 to 31</li><li>과제 설명서</li></ul>"
)
"""About 400 bytes of what teachers write."""

FIRST_DAY = datetime(2026, 11, 21, 14, 59)


def description(number: int) -> str:
    """Return about 1.5 KB of HTML, another one for each assignment."""
    return PARAGRAPH.format(n=number) * 4


def listing(
    student: str, course: int, assignments: range, *, observed_at: datetime, word: str = "Lab"
) -> bytes:
    """Return one student's complete listing of one course, as canvas_sync publishes it."""
    entries: list[dict[str, Any]] = [
        {
            "canvasAssignmentId": number,
            "title": f"{word} {number}",
            "description": description(number),
            "dueAt": (FIRST_DAY + timedelta(hours=number % 2000)).isoformat(),
            "pointsPossible": 20.0,
            "submissionTypes": "online_upload",
            "submission": {"submittedAt": None, "workflowState": "unsubmitted", "files": []},
        }
        for number in assignments
    ]
    return orjson.dumps(
        {
            "eventType": "CANVAS_SYNC_COMPLETED",
            "cognitoSub": student,
            "syncedAt": "2026-11-21T03:04:05.678901",
            "syncMode": "assignments",
            "observedAt": write_order_mark(observed_at),
            "courses": [
                {
                    "canvasCourseId": course,
                    "courseName": f"Course {course}",
                    "courseCode": f"C-{course}",
                    "workflowState": "available",
                    "assignments": entries,
                    "complete": True,
                    "canvasAssignmentIds": list(assignments),
                }
            ],
        }
    )


def courses(student: str, course: int) -> bytes:
    """Return what synchronising the courses says before, and who has enrolled thereby."""
    body = orjson.loads(listing(student, course, range(0), observed_at=now()))
    return orjson.dumps({**body, "eventType": "CANVAS_COURSES_SYNCED", "syncMode": "courses"})


def now() -> datetime:
    """Return the UTC time without a zone, as order marks are written from."""
    return datetime.now(UTC).replace(tzinfo=None)
