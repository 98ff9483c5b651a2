"""What the rules of plans read: schedules of assignments, generated todos under locks, and what was handed in."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.plans.models import RecordedSubmission
from services.schedule_service.plans.steps import WRITTEN, assignment_of, key_prefix
from services.schedule_service.schedules.canvas_schedules import CANVAS, canvas_source_id
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.todos.models import Todo


async def find_schedules(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> dict[int, RowMapping]:
    """Return a student's schedules of assignments by Canvas id; of duplicates the first."""
    by_source = {
        canvas_source_id(key, cognito_sub=cognito_sub): key for key in canvas_assignment_ids
    }
    rows = await session.execute(
        select(Schedule.schedule_id, Schedule.source_id, Schedule.category_id, Schedule.start_time)
        .where(
            Schedule.cognito_sub == cognito_sub,
            Schedule.source == CANVAS,
            Schedule.source_id.in_(sorted(by_source)),
        )
        .order_by(Schedule.schedule_id.desc())
    )
    return {by_source[row["source_id"]]: row for row in rows.mappings()}


async def lock_todos(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> dict[str, RowMapping]:
    """Lock a student's generated todos of assignments, roots first, and return them by key."""
    statement = (
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
        .where(Todo.cognito_sub == cognito_sub)
        .order_by(Todo.todo_id)
        .with_for_update()
    )
    if len(canvas_assignment_ids) == 1:
        prefix = key_prefix(next(iter(canvas_assignment_ids)))
        statement = statement.where(Todo.generated_key.like(f"{prefix}%"))
    else:
        statement = statement.where(Todo.generated_key.is_not(None))
    rows = await session.execute(statement)
    return {
        row["generated_key"]: row
        for row in rows.mappings()
        if assignment_of(row["generated_key"]) in canvas_assignment_ids
    }


async def find_submitted(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> set[int]:
    """Return which of some assignments a student has handed in."""
    rows = await session.scalars(
        select(RecordedSubmission.canvas_assignment_id).where(
            RecordedSubmission.cognito_sub == cognito_sub,
            RecordedSubmission.canvas_assignment_id.in_(sorted(canvas_assignment_ids)),
        )
    )
    return set(rows)


async def find_subtasks(
    session: AsyncSession, todos: Mapping[str, RowMapping]
) -> defaultdict[int, set[int]]:
    """Return the ids of all direct subtasks, whoever made them, by the todo's id."""
    below: defaultdict[int, set[int]] = defaultdict(set)
    if todos:
        ids = sorted(todo["todo_id"] for todo in todos.values())
        for todo_id, parent_id in await session.execute(
            select(Todo.todo_id, Todo.parent_todo_id).where(Todo.parent_todo_id.in_(ids))
        ):
            below[parent_id or 0].add(todo_id)
    return below
