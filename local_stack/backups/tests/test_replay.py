"""O-06: what came by queue after a backup comes back when its messages are delivered again after the restoration."""

from pathlib import Path
from typing import Any

import orjson

from local_stack.backups.service import back_up, restore
from services.schedule_service.migrate import MIGRATIONS
from services.schedule_service.sync.handlers import task_creation_handler
from shared.database import Database
from shared.testing.schemas import execute, migrated_schema

STUDENTS = [f"7b0e0f6a-1111-4222-8333-{number:012d}" for number in range(20)]

SAMPLE: dict[str, Any] = orjson.loads(
    Path("shared/events/samples/USER_ASSIGNMENTS_CREATED.json").read_bytes()
)
ENTRY = SAMPLE["assignments"][0]


def snapshot(student: str, second: int, *entries: dict[str, Any]) -> dict[str, Any]:
    at = f"2025-11-20T03:04:{second:02d}.000001Z"
    return {**SAMPLE, "cognitoSub": student, "snapshotAt": at, "assignments": list(entries)}


def planned(url: str) -> list[tuple[object, ...]]:
    return execute(
        url,
        "SELECT s.cognito_sub, s.source_id, s.title, s.start_time, c.name, o.snapshot_at"
        " FROM schedules s JOIN categories c USING (category_id)"
        " JOIN canvas_snapshots o ON o.cognito_sub = s.cognito_sub ORDER BY 1, 2",
    )


async def test_messages_since_the_backup_close_the_gap(
    mysql_server_url: str, tmp_path: Path
) -> None:
    """O-06: those from before it are among them, for nobody knows which was the last."""
    renamed = {**ENTRY, "title": "Scheduler lab, part B"}
    another = {**ENTRY, "assignmentId": 13, "canvasAssignmentId": 90211, "title": "Essay"}
    before = [snapshot(student, 1, ENTRY) for student in STUDENTS]
    since = [snapshot(student, 2, renamed, another) for student in STUDENTS]
    with migrated_schema(mysql_server_url, MIGRATIONS) as url:
        database = Database(url)
        handle = task_creation_handler(database)
        for message in before:
            await handle(message)
        back_up(mysql_server_url, [url.rpartition("/")[2]], tmp_path / "backup")
        for message in since:
            await handle(message)
        wanted = planned(url)

        restore(tmp_path / "backup", mysql_server_url)
        restored = planned(url)
        for message in reversed(before + since):
            await handle(message)
        repaired = planned(url)
        await database.close()

    print(f"{len(restored)} schedules restored, {len(repaired)} of {len(wanted)} after the replay")
    assert len(restored) == len(STUDENTS)
    assert len(wanted) == 2 * len(STUDENTS)
    assert repaired == wanted
