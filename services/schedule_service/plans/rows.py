"""What the rules of plans read and write: plans, schedules, generated todos under locks, what was handed in."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.plans.models import (
    AssignmentPlan,
    GeneratedTodo,
    RecordedSubmission,
)
from services.schedule_service.plans.steps import WRITTEN, assignment_of, key_prefix
from services.schedule_service.schedules.canvas_schedules import (
    CANVAS,
    SOURCE_ID_PREFIX,
    canvas_source_id,
)
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.todos.models import Todo
from shared.database import Database
from shared.queries import Query, Statement
from shared.upserts import Upsert

Row = Mapping[str, Any]
"""A row's values by column."""

# The statements of each message are built once: to build one takes longer than to run it.
LOCKED_PLAN = Query(
    select(
        AssignmentPlan.canvas_assignment_id,
        AssignmentPlan.course_id,
        AssignmentPlan.content_hash,
        AssignmentPlan.due_at,
        AssignmentPlan.changed_at,
        AssignmentPlan.tasks,
    )
    .where(AssignmentPlan.canvas_assignment_id == bindparam("canvas_assignment_id"))
    .with_for_update()
)

NEWER_PLAN = Statement(
    update(AssignmentPlan)
    .where(AssignmentPlan.canvas_assignment_id == bindparam("of_assignment"))
    .values(
        course_id=bindparam("new_course_id"),
        content_hash=bindparam("new_content_hash"),
        due_at=bindparam("new_due_at"),
        changed_at=bindparam("new_changed_at"),
        tasks=bindparam("new_tasks"),
        planned_at=bindparam("now"),
    )
)

_STUDENTS = Query(
    select(Schedule.source_id, Schedule.cognito_sub)
    .where(
        Schedule.source_id.like(bindparam("pattern")),
        Schedule.source_id > bindparam("after"),
        Schedule.source == CANVAS,
    )
    .order_by(Schedule.source_id)
    .limit(bindparam("limit"))
    .with_for_update(read=True)
)

TODOS = Upsert(
    "todos",
    columns=("todo_id", *WRITTEN, "generated_hash", "created_at", "updated_at"),
    changing=(*WRITTEN, "generated_hash", "updated_at"),
    long_texts=["description"],
)
"""Only for todos that are locked: others might be gone by then."""

_PLANS = Query(
    select(
        AssignmentPlan.canvas_assignment_id,
        AssignmentPlan.tasks,
        RecordedSubmission.recorded_at.is_not(None).label("is_submitted"),
    )
    .outerjoin(
        RecordedSubmission,
        and_(
            RecordedSubmission.canvas_assignment_id == AssignmentPlan.canvas_assignment_id,
            RecordedSubmission.cognito_sub == bindparam("cognito_sub"),
        ),
    )
    .where(
        AssignmentPlan.canvas_assignment_id.in_(bindparam("canvas_assignment_ids", expanding=True))
    )
)

_SCHEDULES = Query(
    select(Schedule.schedule_id, Schedule.source_id, Schedule.category_id, Schedule.start_time)
    .where(
        Schedule.cognito_sub == bindparam("cognito_sub"),
        Schedule.source == CANVAS,
        Schedule.source_id.in_(bindparam("source_ids", expanding=True)),
    )
    .order_by(Schedule.schedule_id.desc())
)

_LOCKED_TODOS = (
    select(
        Todo.todo_id,
        Todo.parent_todo_id,
        Todo.schedule_id,
        Todo.group_id,
        Todo.status,
        Todo.progress_percentage,
        Todo.generated_key,
        Todo.generated_hash,
        *(getattr(Todo, name) for name in WRITTEN),
    )
    .where(Todo.cognito_sub == bindparam("cognito_sub"))
    .order_by(Todo.todo_id)
    .with_for_update()
)
_TODOS_OF_ONE = Query(_LOCKED_TODOS.where(Todo.generated_key.like(bindparam("pattern"))))
_TODOS_OF_MANY = Query(_LOCKED_TODOS.where(Todo.generated_key.is_not(None)))

_SUBTASKS = Query(
    select(Todo.todo_id, Todo.parent_todo_id).where(
        Todo.parent_todo_id.in_(bindparam("todo_ids", expanding=True))
    )
)

_SUBMITTED = Query(
    select(RecordedSubmission.canvas_assignment_id).where(
        RecordedSubmission.cognito_sub == bindparam("cognito_sub"),
        RecordedSubmission.canvas_assignment_id.in_(
            bindparam("canvas_assignment_ids", expanding=True)
        ),
    )
)

_GIVEN = Query(
    select(GeneratedTodo.generated_key).where(
        GeneratedTodo.cognito_sub == bindparam("cognito_sub"),
        GeneratedTodo.generated_key.in_(bindparam("keys", expanding=True)),
    )
)


@dataclass(frozen=True)
class StoredPlan:
    """The steps of an assignment, and whether the student who asks has handed it in."""

    tasks: list[dict[str, Any]]
    is_submitted: bool


async def find_plans(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> dict[int, StoredPlan]:
    """Return the plans of those of some assignments that have one, by Canvas id."""
    values = {
        "cognito_sub": cognito_sub,
        "canvas_assignment_ids": sorted(canvas_assignment_ids),
    }
    return {
        row["canvas_assignment_id"]: StoredPlan(row["tasks"], row["is_submitted"])
        for row in await _PLANS.fetch(session, values)
    }


async def find_schedules(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> dict[int, Row]:
    """Return a student's schedules of assignments by Canvas id; of duplicates the first."""
    by_source = {
        canvas_source_id(key, cognito_sub=cognito_sub): key for key in canvas_assignment_ids
    }
    values = {"cognito_sub": cognito_sub, "source_ids": sorted(by_source)}
    return {by_source[row["source_id"]]: row for row in await _SCHEDULES.fetch(session, values)}


async def find_students(
    database: Database, *, canvas_assignment_id: int, after: str, limit: int
) -> list[str]:
    """Return students who have the assignment in their planner, in order, from after one of them.

    A locking read: it waits for snapshots that have put the schedule in, read the plans and not committed yet. By
    itself, so that it holds no lock when it is over.
    """
    prefix = f"{SOURCE_ID_PREFIX}{canvas_assignment_id}-"
    rows = await database.rows(
        _STUDENTS, {"pattern": f"{prefix}%", "after": prefix + after, "limit": limit}
    )
    return [row["source_id"].removeprefix(prefix) for row in rows if row["cognito_sub"]]


async def lock_todos(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> dict[str, Row]:
    """Lock a student's generated todos of assignments, roots first, and return them by key."""
    values = {"cognito_sub": cognito_sub}
    if len(canvas_assignment_ids) == 1:
        prefix = key_prefix(next(iter(canvas_assignment_ids)))
        rows = await _TODOS_OF_ONE.fetch(session, {**values, "pattern": f"{prefix}%"})
    else:
        rows = await _TODOS_OF_MANY.fetch(session, values)
    return {
        row["generated_key"]: row
        for row in rows
        if assignment_of(row["generated_key"]) in canvas_assignment_ids
    }


async def find_submitted(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> set[int]:
    """Return which of some assignments a student has handed in."""
    values = {
        "cognito_sub": cognito_sub,
        "canvas_assignment_ids": sorted(canvas_assignment_ids),
    }
    return {row["canvas_assignment_id"] for row in await _SUBMITTED.fetch(session, values)}


async def find_subtasks(
    session: AsyncSession, todos: Mapping[str, Row]
) -> defaultdict[int, set[int]]:
    """Return the ids of all direct subtasks, whoever made them, by the todo's id."""
    below: defaultdict[int, set[int]] = defaultdict(set)
    if todos:
        ids = sorted(todo["todo_id"] for todo in todos.values())
        for row in await _SUBTASKS.fetch(session, {"todo_ids": ids}):
            below[row["parent_todo_id"]].add(row["todo_id"])
    return below


async def find_given(session: AsyncSession, *, cognito_sub: str, keys: Collection[str]) -> set[str]:
    """Return which of some steps a student was given at any time."""
    values = {"cognito_sub": cognito_sub, "keys": sorted(keys)}
    return {row["generated_key"] for row in await _GIVEN.fetch(session, values)}
