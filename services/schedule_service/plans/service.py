"""How plans become todos, and what a submission does to them; what a student changed stays (additions.md D, E)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.items import IN_SQL
from services.schedule_service.plans.models import (
    AssignmentPlan,
    GeneratedTodo,
    RecordedSubmission,
)
from services.schedule_service.plans.rows import (
    LOCKED_PLAN,
    NEWER_PLAN,
    TODOS,
    Row,
    find_given,
    find_plans,
    find_schedules,
    find_subtasks,
    lock_todos,
)
from services.schedule_service.plans.steps import (
    DONE,
    UNTOUCHED,
    WRITTEN,
    Step,
    assignment_of,
    content_hash,
    steps_of,
)
from services.schedule_service.todos.models import Todo
from services.schedule_service.todos.progress import Progress, recalculate
from shared.database import utc_now


@dataclass(frozen=True)
class Plan:
    """The steps of an assignment, as a message brought them."""

    canvas_assignment_id: int
    course_id: int
    content_hash: str | None
    due_at: datetime | None
    changed_at: datetime | None
    tasks: list[dict[str, Any]]


async def store_plan(session: AsyncSession, plan: Plan) -> bool:
    """Make a plan the one of its assignment, and tell whether it is; one that is older than what is stored is not.

    Only a strictly older mark makes a plan older; a plan without mark is stored, and the mark stays (additions.md D).
    The same plan again changes no row.
    """
    stored = await _lock_plan(session, plan)
    if plan.changed_at and stored["changed_at"] and plan.changed_at < stored["changed_at"]:
        return False
    after = {**vars(plan), "changed_at": plan.changed_at or stored["changed_at"]}
    # A course whose row was made anew has another id and the same plans.
    if after != {**stored, "course_id": plan.course_id}:
        new = {f"new_{name}": value for name, value in after.items()}
        await NEWER_PLAN.run(
            session, {**new, "of_assignment": plan.canvas_assignment_id, "now": utc_now()}
        )
    return True


async def apply_plans(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> None:
    """Bring a student's generated todos to the stored plans of some assignments.

    The caller holds the student's lock and has written the schedules before. Doing it again changes no row.
    """
    sub = cognito_sub
    plans = await find_plans(session, cognito_sub=sub, canvas_assignment_ids=canvas_assignment_ids)
    if not plans:
        return
    schedules = await find_schedules(session, cognito_sub=sub, canvas_assignment_ids=plans)
    todos = await lock_todos(session, cognito_sub=sub, canvas_assignment_ids=plans)
    submitted = {key for key, plan in plans.items() if plan.is_submitted}
    now = utc_now()
    await _relink(session, todos=todos, schedules=schedules)
    open_ids = {key for key, row in schedules.items() if row["start_time"] > now}
    if not open_ids:
        return
    steps = {step.key: step for key in sorted(open_ids) for step in steps_of(key, plans[key].tasks)}
    current = {key: todo for key, todo in todos.items() if assignment_of(key) in open_ids}
    begun = {
        key
        for key, todo in current.items()
        if _is_begun(todo, is_submitted=assignment_of(key) in submitted)
    }
    # Of the others it does not matter whether there is something below them.
    below = await find_subtasks(
        session, {key: todo for key, todo in current.items() if key in begun or key not in steps}
    )
    changed_parents = await _remove_surplus(
        session, cognito_sub=sub, steps=steps, todos=current, below=below, begun=begun
    )
    rewritten: list[tuple[Any, ...]] = []
    for key, step in steps.items():
        todo = current.get(key)
        if todo is None or (key in begun and not below[todo["todo_id"]]):
            continue
        if not _says_what_was_written(todo):
            continue
        values = step.values(
            start=todo["start_date"],
            deadline=schedules[assignment_of(key)]["start_time"],
            category_id=todo["category_id"],
        )
        text_hash = content_hash(values)
        if text_hash != todo["generated_hash"]:
            written = (values[name] for name in WRITTEN)
            rewritten.append((todo["todo_id"], *written, text_hash, now, now))
    await TODOS.write(session, sorted(rewritten))
    changed_parents |= await _insert_missing(
        session,
        cognito_sub=sub,
        steps=steps,
        todos=current,
        schedules=schedules,
        submitted=submitted,
    )
    for todo in current.values():
        if todo["todo_id"] in changed_parents:
            await recalculate(session, above=[todo])


async def forget_student(session: AsyncSession, *, cognito_sub: str) -> None:
    """Delete what is remembered of a student besides the todos."""
    for table in (GeneratedTodo, RecordedSubmission):
        await session.execute(
            delete(table).where(table.cognito_sub == cognito_sub), execution_options=IN_SQL
        )


async def _lock_plan(session: AsyncSession, plan: Plan) -> Row:
    """Return what is stored of the plan's assignment, which is the plan itself when nothing was."""
    values = {"canvas_assignment_id": plan.canvas_assignment_id}
    found = await LOCKED_PLAN.fetch(session, values)
    if not found:
        # Takes the exclusive lock at once, also of a row that appeared meanwhile: of two first plans the older one
        # loses as well.
        await session.execute(
            mysql_insert(AssignmentPlan)
            .values(**vars(plan), planned_at=utc_now())
            .on_duplicate_key_update(canvas_assignment_id=AssignmentPlan.canvas_assignment_id)
        )
        found = await LOCKED_PLAN.fetch(session, values)
    return found[0]


async def _relink(
    session: AsyncSession, *, todos: Mapping[str, Row], schedules: Mapping[int, Row]
) -> None:
    """Hang todos on the schedule that a course enabled again has now, but those whose link the student changed."""
    by_schedule: defaultdict[int, list[int]] = defaultdict(list)
    for key, todo in todos.items():
        schedule = schedules.get(assignment_of(key))
        is_ours = todo["generated_hash"] is not None
        if schedule is not None and todo["schedule_id"] is None and is_ours:
            by_schedule[schedule["schedule_id"]].append(todo["todo_id"])
    for schedule_id, todo_ids in by_schedule.items():
        await session.execute(
            update(Todo).where(Todo.todo_id.in_(todo_ids)).values(schedule_id=schedule_id),
            execution_options=IN_SQL,
        )


async def _remove_surplus(
    session: AsyncSession,
    *,
    cognito_sub: str,
    steps: Mapping[str, Step],
    todos: dict[str, Row],
    below: defaultdict[int, set[int]],
    begun: set[str],
) -> set[int]:
    """Delete untouched todos that are in no plan any more, and return the ids of the parents that lost some."""
    doomed: dict[str, int] = {}
    parents: set[int] = set()
    # Subtasks come after their parents in the order of ids, so backwards a parent knows who goes.
    for key, todo in sorted(todos.items(), key=lambda item: -item[1]["todo_id"]):
        if key in steps or key in begun or not _says_what_was_written(todo):
            continue
        if below[todo["todo_id"]] <= set(doomed.values()):
            doomed[key] = todo["todo_id"]
            if todo["parent_todo_id"] is not None:
                parents.add(todo["parent_todo_id"])
    if doomed:
        await session.execute(
            delete(Todo).where(Todo.todo_id.in_(sorted(doomed.values()))), execution_options=IN_SQL
        )
        await session.execute(
            delete(GeneratedTodo).where(
                GeneratedTodo.cognito_sub == cognito_sub,
                GeneratedTodo.generated_key.in_(sorted(doomed)),
            ),
            execution_options=IN_SQL,
        )
    for key in doomed:
        del todos[key]
    return parents - set(doomed.values())


async def _insert_missing(
    session: AsyncSession,
    *,
    cognito_sub: str,
    steps: Mapping[str, Step],
    todos: Mapping[str, Row],
    schedules: Mapping[int, Row],
    submitted: set[int],
) -> set[int]:
    """Insert steps that the student was never given, and return the ids of the old parents that got some."""
    absent = steps.keys() - todos.keys()
    if not absent:
        return set()
    given = await find_given(session, cognito_sub=cognito_sub, keys=absent)
    missing = [step for key, step in steps.items() if key in absent and key not in given]
    roots = [step for step in missing if step.parent_key is None]
    parent_ids = {
        key: todo["todo_id"] for key, todo in todos.items() if _says_what_was_written(todo)
    }
    changed: set[int] = set()
    for level in (roots, [step for step in missing if step.parent_key is not None]):
        made = [step for step in level if step.parent_key is None or step.parent_key in parent_ids]
        if not made:
            continue
        changed |= {parent_ids[step.parent_key] for step in made if step.parent_key is not None}
        await session.execute(
            insert(Todo),
            [
                _row(
                    step,
                    cognito_sub=cognito_sub,
                    schedule=schedules[assignment_of(step.key)],
                    parent_todo_id=parent_ids[step.parent_key] if step.parent_key else None,
                    progress=DONE if assignment_of(step.key) in submitted else UNTOUCHED,
                )
                for step in made
            ],
        )
        keys = [{"cognito_sub": cognito_sub, "generated_key": step.key} for step in made]
        await session.execute(insert(GeneratedTodo), keys)
        if level is roots:
            parent_ids |= await _ids(session, cognito_sub=cognito_sub, steps=made)
    return changed & {todo["todo_id"] for todo in todos.values()}


async def _ids(session: AsyncSession, *, cognito_sub: str, steps: Sequence[Step]) -> dict[str, int]:
    rows = await session.execute(
        select(Todo.generated_key, Todo.todo_id).where(
            Todo.cognito_sub == cognito_sub,
            Todo.generated_key.in_(sorted(step.key for step in steps)),
        )
    )
    return {key: todo_id for key, todo_id in rows if key}


def _row(
    step: Step,
    *,
    cognito_sub: str,
    schedule: Row,
    parent_todo_id: int | None,
    progress: Progress,
) -> dict[str, Any]:
    now = utc_now()
    values = step.values(
        start=min(now.date(), schedule["start_time"].date()),
        deadline=schedule["start_time"],
        category_id=schedule["category_id"],
    )
    return {
        **values,
        "cognito_sub": cognito_sub,
        "schedule_id": schedule["schedule_id"],
        "parent_todo_id": parent_todo_id,
        "status": progress.status.value,
        "progress_percentage": progress.percentage,
        "is_ai_generated": True,
        "generated_key": step.key,
        "generated_hash": content_hash(values),
        "created_at": now,
        "updated_at": now,
    }


def _says_what_was_written(todo: Row) -> bool:
    return todo["group_id"] is None and content_hash(todo) == todo["generated_hash"]


def _is_begun(todo: Row, *, is_submitted: bool) -> bool:
    progress = (todo["status"], todo["progress_percentage"])
    return progress != UNTOUCHED and not (is_submitted and progress == DONE)
