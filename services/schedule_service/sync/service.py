"""Which Canvas schedules a student's planner holds, by the newest snapshot (events.md 4.1, 4.2, additions.md D)."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.analyses.service import keep_missing_analysis
from services.schedule_service.categories.course_categories import (
    find_course_categories,
    find_or_make_course_categories,
)
from services.schedule_service.plans.rows import find_students
from services.schedule_service.plans.service import (
    Plan,
    apply_plans,
    store_plan,
)
from services.schedule_service.plans.submissions import mark_schedules_done, record_submission
from services.schedule_service.schedules.canvas_schedules import (
    CanvasSchedule,
    NewCanvasSchedule,
    canvas_source_id,
    delete_canvas_schedules,
    find_canvas_schedules,
    find_canvas_schedules_in_category,
    insert_canvas_schedules,
    update_canvas_schedules,
)
from services.schedule_service.sync.schemas import (
    DisabledCourse,
    DueAssignment,
    Snapshot,
    Submission,
)
from services.schedule_service.sync.students import take_turn
from shared.database import Database
from shared.logging import get_logger

log = get_logger(__name__)

STUDENTS_PER_PAGE = 200


async def apply_snapshot(session: AsyncSession, snapshot: Snapshot) -> None:
    """Make the student's Canvas schedules those of the snapshot; skip it when a newer one was applied.

    Applying the same snapshot again changes no row.
    """
    sub = snapshot.cognito_sub
    if not await take_turn(session, cognito_sub=sub, snapshot_at=snapshot.snapshot_at):
        return
    existing = await find_canvas_schedules(session, cognito_sub=sub)
    due = {canvas_source_id(key, cognito_sub=sub): entry for key, entry in snapshot.due.items()}
    surplus = _surplus(snapshot, existing)
    await delete_canvas_schedules(session, schedule_ids=surplus)
    moved = {
        source_id: entry
        for source_id, entry in due.items()
        if source_id in existing and existing[source_id][0].deadline != entry.deadline
    }
    await update_canvas_schedules(
        session,
        deadlines={
            existing[source_id][0].schedule_id: entry.deadline for source_id, entry in moved.items()
        },
    )
    missing = {source_id: entry for source_id, entry in due.items() if source_id not in existing}
    await _insert(session, cognito_sub=sub, missing=missing)
    new = {key for key in snapshot.due if canvas_source_id(key, cognito_sub=sub) in missing}
    old = {key for key in snapshot.due if canvas_source_id(key, cognito_sub=sub) in moved}
    if new or old:
        await apply_plans(session, cognito_sub=sub, canvas_assignment_ids=new | old)
    if new:
        await mark_schedules_done(session, cognito_sub=sub, canvas_assignment_ids=new)
    log.info("snapshot_applied", inserted=len(missing), updated=len(moved), deleted=len(surplus))


async def remove_disabled_course(session: AsyncSession, disabled: DisabledCourse) -> None:
    """Delete the student's Canvas schedules in the course's category; the category and all else stay."""
    sub = disabled.cognito_sub
    if not await take_turn(session, cognito_sub=sub, snapshot_at=disabled.snapshot_at):
        return
    categories = await find_course_categories(
        session, cognito_sub=sub, course_ids=[disabled.course_id]
    )
    for category_id in categories.values():
        surplus = await find_canvas_schedules_in_category(
            session, cognito_sub=sub, category_id=category_id
        )
        await delete_canvas_schedules(session, schedule_ids=surplus)
        log.info("course_removed", courseId=disabled.course_id, deleted=len(surplus))


async def apply_plan(database: Database, plan: Plan) -> None:
    """Store the plan of an assignment and bring everybody's todos to it, one student at a time.

    Each student gets what is stored by then, so that of two plans applied side by side the newer one stays. A plan
    that is older than the stored one, by its mark, changes nothing.
    """

    async def store(session: AsyncSession) -> bool:
        is_newest = await store_plan(session, plan)
        if plan.content_hash is not None:
            await keep_missing_analysis(session, content_hash=plan.content_hash, tasks=plan.tasks)
        return is_newest

    if not await database.transaction(store):
        log.info("older_plan_skipped", canvasAssignmentId=plan.canvas_assignment_id)
        return
    after, count = "", 0
    while True:
        page = await find_students(
            database,
            canvas_assignment_id=plan.canvas_assignment_id,
            after=after,
            limit=STUDENTS_PER_PAGE,
        )
        for sub in page:
            await database.transaction(
                lambda session, sub=sub: _apply_plan(  # type: ignore[misc]
                    session, cognito_sub=sub, canvas_assignment_id=plan.canvas_assignment_id
                )
            )
        count += len(page)
        if len(page) < STUDENTS_PER_PAGE:
            break
        after = page[-1]
    log.info("plan_applied", canvasAssignmentId=plan.canvas_assignment_id, students=count)


async def apply_submission(session: AsyncSession, submission: Submission) -> None:
    """Mark what a student handed in done."""
    sub = submission.cognito_sub
    if await take_turn(session, cognito_sub=sub, snapshot_at=None):
        is_first = await record_submission(
            session,
            cognito_sub=sub,
            canvas_assignment_id=submission.canvas_assignment_id,
        )
        log.info("submission_applied", isFirst=is_first)


async def _apply_plan(
    session: AsyncSession, *, cognito_sub: str, canvas_assignment_id: int
) -> None:
    if await take_turn(session, cognito_sub=cognito_sub, snapshot_at=None):
        await apply_plans(
            session, cognito_sub=cognito_sub, canvas_assignment_ids=[canvas_assignment_id]
        )


def _surplus(snapshot: Snapshot, existing: dict[str, list[CanvasSchedule]]) -> list[int]:
    """Return the ids of schedules that should not exist: gone, undated, or a second one of the same assignment."""

    def source_ids(canvas_assignment_ids: "frozenset[int] | dict[int, DueAssignment]") -> set[str]:
        return {
            canvas_source_id(key, cognito_sub=snapshot.cognito_sub) for key in canvas_assignment_ids
        }

    due, undated = source_ids(snapshot.due), source_ids(snapshot.undated)
    staying = source_ids((snapshot.survivors or frozenset()) | snapshot.unreadable)
    surplus: list[int] = []
    for source_id, schedules in existing.items():
        ids = [schedule.schedule_id for schedule in schedules]
        if source_id in due:
            surplus += ids[1:]
        elif source_id in undated or (snapshot.survivors is not None and source_id not in staying):
            surplus += ids
    return surplus


async def _insert(
    session: AsyncSession, *, cognito_sub: str, missing: dict[str, DueAssignment]
) -> None:
    category_ids = await find_or_make_course_categories(
        session,
        cognito_sub=cognito_sub,
        course_names={entry.course.course_id: entry.course.name for entry in missing.values()},
    )
    await insert_canvas_schedules(
        session,
        cognito_sub=cognito_sub,
        schedules=[
            NewCanvasSchedule(source_id, category_ids[entry.course.course_id], entry.deadline)
            for source_id, entry in missing.items()
        ],
    )
