"""What a student hands in in Canvas is done in the planner, through every process and both functions."""

from typing import Any

import httpx
import pytest

from tests.system.conftest import SignUp, Stack, Student, queues_are_empty, rows, until

pytestmark = pytest.mark.stack

DESCRIPTION = (
    "<h3>Part A: The parser</h3><ul><li>Read the grammar file</li><li>Report each error</li></ul>"
    "<h3>Part B: The printer</h3><p>Hand in one zip file.</p>"
)


async def add_assignment(canvas: httpx.AsyncClient) -> int:
    courses = (await canvas.get("/_sandbox/state")).json()["courses"]
    course = next(course for course in courses if course["name"])
    made = await canvas.post(
        f"/_sandbox/courses/{course['id']}/assignments",
        json={"name": "Compiler", "due_at": "2027-03-01T14:59:00Z", "description": DESCRIPTION},
    )
    return int(made.json()["id"])


async def schedule_of(student: Student, canvas_assignment_id: int) -> dict[str, Any] | None:
    """Return the student's schedule of an assignment with its tree of todos."""
    source_id = f"canvas-assignment-{canvas_assignment_id}-{student.cognito_sub}"
    for schedule in await student.get("/schedules"):
        if schedule["sourceId"] == source_id:
            return dict(await student.get(f"/schedules/{schedule['scheduleId']}"))
    return None


def statuses(schedule: dict[str, Any]) -> set[str]:
    """Return the statuses of a schedule, its todos and their subtasks."""
    todos = [todo for root in schedule["todos"] for todo in (root, *root["subtasks"])]
    return {schedule["status"], *(todo["status"] for todo in todos)}


async def settle(stack: Stack) -> None:
    await until(lambda: queues_are_empty(stack, and_analysed=True), seconds=60)


async def test_handing_in_in_canvas_makes_schedule_and_todos_done_once(
    stack: Stack, sign_up: SignUp, canvas: httpx.AsyncClient
) -> None:
    """additions D: for that student alone, and a repeated synchronisation changes no row."""
    student, other = await sign_up(), await sign_up()
    assignment = await add_assignment(canvas)
    for one in (student, other):
        await one.sync_everything()

    async def both_have_steps() -> bool:
        schedules = [await schedule_of(one, assignment) for one in (student, other)]
        return all(schedule and len(schedule["todos"]) > 1 for schedule in schedules)

    await until(both_have_steps, seconds=60)
    await settle(stack)

    answer = await canvas.put(
        f"/_sandbox/assignments/{assignment}/submission",
        json={
            "token": student.canvas_token,
            "submitted_at": "2026-11-20T10:00:00Z",
            "submission_type": "online_upload",
        },
    )
    assert answer.is_success, answer.text
    await student.sync()
    await other.sync()

    async def is_done() -> bool:
        schedule = await schedule_of(student, assignment)
        return schedule is not None and statuses(schedule) == {"DONE"}

    await until(is_done, seconds=30)
    await settle(stack)
    untouched = await schedule_of(other, assignment)
    assert untouched is not None
    assert statuses(untouched) == {"TODO"}

    def kept() -> list[Any]:
        return [
            rows(stack, "course_service", "SELECT * FROM assignment_visibility ORDER BY 1, 2"),
            rows(stack, "schedule_service", "SELECT * FROM schedules ORDER BY schedule_id"),
            rows(stack, "schedule_service", "SELECT * FROM todos ORDER BY todo_id"),
        ]

    before = kept()
    await student.sync()
    await settle(stack)
    assert kept() == before
