"""What a submission does: it takes effect once, on what nobody has begun (additions.md D)."""

from collections.abc import Collection

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.items import IN_SQL
from services.schedule_service.plans.models import RecordedSubmission
from services.schedule_service.plans.rows import find_submitted, find_subtasks, lock_todos
from services.schedule_service.plans.steps import DONE, UNTOUCHED
from services.schedule_service.schedules.canvas_schedules import CANVAS, canvas_source_id
from services.schedule_service.schedules.models import Schedule
from services.schedule_service.todos.progress import recalculate, write_all
from services.schedule_service.todos.schemas import TodoStatus
from shared.database import utc_now


async def record_submission(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_id: int
) -> bool:
    """Mark the schedule and the generated todos of an assignment done, and tell whether this is the first time.

    What is not as it was made was set by hand and stays. Only a first submission takes effect: what is open
    after it was opened again by hand.
    """
    one = [canvas_assignment_id]
    if await find_submitted(session, cognito_sub=cognito_sub, canvas_assignment_ids=one):
        return False
    now = utc_now()
    await session.execute(
        insert(RecordedSubmission).values(
            cognito_sub=cognito_sub, canvas_assignment_id=canvas_assignment_id, recorded_at=now
        )
    )
    await mark_schedules_done(session, cognito_sub=cognito_sub, canvas_assignment_ids=one)
    todos = await lock_todos(session, cognito_sub=cognito_sub, canvas_assignment_ids=one)
    below = await find_subtasks(session, todos)
    leaves = [todo for todo in todos.values() if not below[todo["todo_id"]]]
    await write_all(
        session,
        {
            todo["todo_id"]: DONE
            for todo in leaves
            if (todo["status"], todo["progress_percentage"]) == UNTOUCHED
        },
    )
    # Below a step there may be steps of the student's own: from the deepest generated one up.
    for todo in sorted(todos.values(), key=lambda row: -row["todo_id"]):
        if below[todo["todo_id"]]:
            await recalculate(session, above=[todo])
    return True


async def mark_schedules_done(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_ids: Collection[int]
) -> None:
    """Mark the schedules of assignments that were handed in done, unless they were begun by hand."""
    submitted = await find_submitted(
        session, cognito_sub=cognito_sub, canvas_assignment_ids=canvas_assignment_ids
    )
    if submitted:
        source_ids = [canvas_source_id(key, cognito_sub=cognito_sub) for key in sorted(submitted)]
        await session.execute(
            update(Schedule)
            .where(
                Schedule.cognito_sub == cognito_sub,
                Schedule.source == CANVAS,
                Schedule.source_id.in_(source_ids),
                Schedule.status == TodoStatus.TODO.value,
            )
            .values(status=TodoStatus.DONE.value, updated_at=utc_now()),
            execution_options=IN_SQL,
        )
