"""The steps of assignments, from Canvas's description to the planner, through every process and both functions."""

import json
from typing import Any

import httpx
import pytest

from tests.system.conftest import SignUp, Stack, Student, queues_are_empty, rows, until

pytestmark = pytest.mark.stack

DESCRIPTION = (
    "<p>Work alone.</p>"
    "<h3>Part A: The parser (40 points)</h3><ul><li>Read the grammar file</li>"
    "<li>Report the line of each error</li></ul>"
    "<h3>Part B: The printer (60 points)</h3><ul><li>Indent nested blocks</li>"
    "<li>Keep every comment</li></ul>"
)


async def settle(stack: Stack) -> None:
    await until(lambda: queues_are_empty(stack, and_analysed=True), seconds=60)


def todos(stack: Stack, *students: Student) -> list[Any]:
    subs = [student.cognito_sub for student in students]
    places = ", ".join(["%s"] * len(subs))
    return rows(
        stack,
        "schedule_service",
        f"SELECT * FROM todos WHERE cognito_sub IN ({places}) ORDER BY todo_id",
        *subs,
    )


async def trees(student: Student, canvas_assignment_id: int) -> list[dict[str, Any]]:
    """Return the trees of todos below the student's schedule for an assignment."""
    for schedule in await student.get("/schedules"):
        if (
            schedule["sourceId"]
            == f"canvas-assignment-{canvas_assignment_id}-{student.cognito_sub}"
        ):
            found = (await student.get(f"/schedules/{schedule['scheduleId']}"))["todos"]
            return list(found)
    return []


async def test_steps_appear_stay_and_reach_later_students(
    stack: Stack, sign_up: SignUp, canvas: httpx.AsyncClient
) -> None:
    student = await sign_up()
    course = next(
        course
        for course in (await canvas.get("/_sandbox/state")).json()["courses"]
        if course["name"]
    )
    made = await canvas.post(
        f"/_sandbox/courses/{course['id']}/assignments",
        json={"name": "Compiler", "due_at": "2027-03-01T14:59:00Z", "description": DESCRIPTION},
    )
    assignment = made.json()["id"]

    await student.sync_everything()
    await until(lambda: trees(student, assignment), seconds=60)
    await settle(stack)

    steps = await trees(student, assignment)
    text = json.dumps(steps, ensure_ascii=False)
    for piece in ("The parser", "The printer", "Read the grammar file", "Keep every comment"):
        assert piece in text
    assert any(step["subtasks"] for step in steps)
    for step in steps:
        assert step["isAiGenerated"] is True
        assert step["startDate"] <= step["dueDate"] <= "2027-03-01"
        assert step["deadline"] == "2027-03-01T14:59:00"

    before = todos(stack, student)
    await student.sync()
    await settle(stack)
    assert todos(stack, student) == before

    later = await sign_up()
    await later.sync_everything()
    await until(lambda: trees(later, assignment), seconds=60)
    await settle(stack)
    assert [step["title"] for step in await trees(later, assignment)] == [
        step["title"] for step in steps
    ]
    assert todos(stack, student) == before

    edited = next(step for step in steps if step["subtasks"])
    kept_subtask, deleted = edited["subtasks"][:2]
    answer = await student.gateway.delete(f"/api/v1/todos/{deleted['todoId']}")
    assert answer.status_code == 204
    body = {name: kept_subtask[name] for name in ("startDate", "dueDate", "categoryId")}
    answer = await student.gateway.put(
        f"/api/v1/todos/{kept_subtask['todoId']}", json={**body, "title": "My own words"}
    )
    assert answer.status_code == 200, answer.text

    await canvas.patch(
        f"/_sandbox/assignments/{assignment}",
        json={"description": f"{DESCRIPTION}<h3>Part C: The report (5 points)</h3>"},
    )
    await student.sync()

    async def has_the_new_step() -> bool:
        return "The report" in json.dumps(await trees(student, assignment))

    await until(has_the_new_step, seconds=60)
    await settle(stack)
    left = {row[0]: row for row in todos(stack, student)}
    assert deleted["todoId"] not in left
    assert kept_subtask["todoId"] in left
    after = json.dumps(await trees(student, assignment), ensure_ascii=False)
    assert "My own words" in after
    titles = [row["title"] for step in await trees(student, assignment) for row in step["subtasks"]]
    assert deleted["title"] not in titles
