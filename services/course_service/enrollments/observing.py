"""Enrollments as synchronisations make and mark them, and as deleted students leave them."""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.courses.service import lock_courses
from services.course_service.enrollments.models import CourseObservation, Enrollment
from services.course_service.enrollments.schemas import CourseView
from shared.database import utc_now
from shared.queries import Query, Statement
from shared.upserts import Upsert

OBSERVATIONS = Upsert(
    "course_observations",
    columns=(
        "cognito_sub",
        "course_id",
        "enrolled_at",
        "course_observed_at",
        "listing_observed_at",
    ),
    changing=("enrolled_at", "course_observed_at", "listing_observed_at"),
)

# The statements of each message are built once: to build one takes as long as to run it.
_VIEWS = Query(
    select(
        Enrollment.course_id,
        Enrollment.enrolled_at,
        Enrollment.is_listed,
        CourseObservation.course_observed_at,
        CourseObservation.listing_observed_at,
    )
    .outerjoin(
        CourseObservation,
        and_(
            CourseObservation.cognito_sub == Enrollment.cognito_sub,
            CourseObservation.course_id == Enrollment.course_id,
            CourseObservation.enrolled_at == Enrollment.enrolled_at,
        ),
    )
    .where(
        Enrollment.cognito_sub == bindparam("cognito_sub"),
        Enrollment.course_id.in_(bindparam("course_ids", expanding=True)),
    )
)

_MARK_LISTED = Statement(
    update(Enrollment)
    .where(
        Enrollment.cognito_sub == bindparam("student"),
        Enrollment.course_id.in_(bindparam("course_ids", expanding=True)),
    )
    .values(is_listed=True)
)

_TO_TELL = Query(
    select(Enrollment.cognito_sub)
    .where(
        Enrollment.course_id.in_(bindparam("course_ids", expanding=True)),
        Enrollment.is_sync_enabled,
        or_(
            Enrollment.is_listed.is_(False),
            Enrollment.cognito_sub.in_(bindparam("viewers", expanding=True)),
        ),
    )
    .distinct()
)


async def ensure_enrollments(
    session: AsyncSession, cognito_sub: str, course_ids: Collection[int]
) -> dict[int, CourseView]:
    """Enroll a student in courses and return how the student stands to each.

    New enrollments are enabled; the first of a course leads it (R-13). Existing ones, disabled ones in
    particular, stay as they are.
    """
    views = await _views(session, cognito_sub, course_ids)
    missing = sorted(set(course_ids) - views.keys())
    if missing:
        await lock_courses(session, missing)
        led = set(
            await session.scalars(
                select(Enrollment.course_id).where(Enrollment.course_id.in_(missing)).distinct()
            )
        )
        now = utc_now()
        await session.execute(
            insert(Enrollment).on_duplicate_key_update(id=Enrollment.id),
            [
                {
                    "cognito_sub": cognito_sub,
                    "course_id": course_id,
                    "is_sync_leader": course_id not in led,
                    "is_sync_enabled": True,
                    "enrolled_at": now,
                    "is_listed": False,
                }
                for course_id in missing
            ],
        )
        views |= await _views(session, cognito_sub, missing)
    return views


async def keep_observations(
    session: AsyncSession, cognito_sub: str, views: Sequence[CourseView]
) -> None:
    """Remember how fresh the student's view of each course is."""
    if not views:
        return
    await OBSERVATIONS.write(
        session,
        [
            (
                cognito_sub,
                view.course_id,
                view.enrolled_at,
                view.course_observed_at,
                view.listing_observed_at,
            )
            for view in sorted(views, key=lambda view: view.course_id)
        ],
    )


async def mark_listed(session: AsyncSession, cognito_sub: str, course_ids: Collection[int]) -> None:
    """Remember that the student has had an assignment listing of these courses."""
    if course_ids:
        await _MARK_LISTED.run(session, {"student": cognito_sub, "course_ids": course_ids})


async def students_to_tell(
    session: AsyncSession, course_ids: Collection[int], viewers: Collection[str]
) -> set[str]:
    """Return who wants these courses and either is a viewer or has had no listing of the course yet.

    Args:
        course_ids: Courses in which something changed.
        viewers: Students whose own listing showed what changed.
    """
    if not course_ids:
        return set()
    rows = await _TO_TELL.fetch(session, {"course_ids": course_ids, "viewers": viewers})
    return {row["cognito_sub"] for row in rows}


async def remove_enrollments(session: AsyncSession, cognito_sub: str) -> int:
    """Take a student out of all courses; the next enrollment of a course that loses its leader leads (R-13).

    The caller holds the student's lock.

    Returns:
        How many enrollments there were.
    """
    await session.execute(
        delete(CourseObservation).where(CourseObservation.cognito_sub == cognito_sub)
    )
    own = select(Enrollment.course_id, Enrollment.is_sync_leader).where(
        Enrollment.cognito_sub == cognito_sub
    )
    led = {row.course_id: row.is_sync_leader for row in await session.execute(own)}
    if not led:
        return 0
    # Who enrolls meanwhile must either see the leader or be seen as the next one.
    await lock_courses(session, led)
    await session.execute(delete(Enrollment).where(Enrollment.cognito_sub == cognito_sub))
    left_behind = [course_id for course_id in led if led[course_id]]
    if left_behind:
        next_ids = await session.scalars(
            select(func.min(Enrollment.id))
            .where(Enrollment.course_id.in_(left_behind))
            .group_by(Enrollment.course_id)
        )
        await session.execute(
            update(Enrollment).where(Enrollment.id.in_(next_ids.all())).values(is_sync_leader=True)
        )
    return len(led)


async def _views(
    session: AsyncSession, cognito_sub: str, course_ids: Collection[int]
) -> dict[int, CourseView]:
    rows = await _VIEWS.fetch(session, {"cognito_sub": cognito_sub, "course_ids": course_ids})
    return {row["course_id"]: CourseView(**row) for row in rows}
