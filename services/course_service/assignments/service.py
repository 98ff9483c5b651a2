"""Reads assignments as each student sees them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.models import (
    SAME_ASSIGNMENT,
    Assignment,
    AssignmentVisibility,
)
from services.course_service.assignments.schemas import CourseViews, VisibleAssignment
from services.course_service.enrollments.service import is_listed
from shared.database import Database
from shared.events.course_service import AnalysisRequest
from shared.events.times import write_event_time, write_order_mark
from shared.queries import Query

AssignmentObject = dict[str, Any]
"""An assignment with the names of the wire (rest.md 3.2)."""


async def list_assignments(
    session: AsyncSession,
    *,
    caller: str,
    course_id: int,
    after: int | None = None,
    limit: int | None = None,
) -> list[AssignmentObject]:
    """Return what the caller sees of a course, by id; nothing of a course without enrollment (R-12).

    Args:
        after: Id of the assignment after which the list begins.
        limit: How many assignments are read at most.
    """
    listed = await is_listed(session, caller, course_id)
    if listed is None:
        return []
    seen = _seen_in([course_id], [] if listed else [course_id])
    if after is not None:
        seen = and_(seen, Assignment.id > after)
    return await _assignment_objects(session, caller, seen, limit=limit)


async def read_assignment(
    session: AsyncSession, *, caller: str, canvas_assignment_id: int
) -> AssignmentObject | None:
    """Return an assignment the caller sees; None for any other (R-12)."""
    course_id = await session.scalar(
        select(Assignment.course_id).where(Assignment.canvas_assignment_id == canvas_assignment_id)
    )
    listed = None if course_id is None else await is_listed(session, caller, course_id)
    if course_id is None or listed is None:
        return None
    found = await _assignment_objects(
        session,
        caller,
        and_(
            Assignment.canvas_assignment_id == canvas_assignment_id,
            _seen_in([course_id], [] if listed else [course_id]),
        ),
    )
    return found[0] if found else None


async def description_bytes(session: AsyncSession, cognito_sub: str, courses: CourseViews) -> int:
    """Return how many bytes the descriptions have that a student sees in these courses."""
    (found,) = await _DESCRIPTION_BYTES.fetch(session, _viewing(cognito_sub, courses))
    return int(found["total"] or 0)


async def visible_assignments(
    session: AsyncSession,
    cognito_sub: str,
    courses: CourseViews,
    *,
    description_characters: int | None = None,
) -> list[VisibleAssignment]:
    """Return what a student sees in these courses, by id, with the student's own due dates.

    Args:
        courses: The courses, and whether the student has had a listing of each.
        description_characters: Read only the beginning of each description; None reads all of it.
    """
    viewing = _viewing(cognito_sub, courses)
    if description_characters is None:
        rows = await _VISIBLE.fetch(session, viewing)
    else:
        rows = await _VISIBLE_CUT.fetch(session, {**viewing, "characters": description_characters})
    return [VisibleAssignment(**row) for row in rows]


async def viewers_of(session: AsyncSession, assignment_ids: Collection[int]) -> set[str]:
    """Return the students whose own listings showed one of these assignments."""
    if not assignment_ids:
        return set()
    rows = await _VIEWERS.fetch(session, {"assignment_ids": assignment_ids})
    return {row["cognito_sub"] for row in rows}


async def analysis_requests(
    database: Database, event_type: str, assignment_ids: Collection[int]
) -> list[bytes]:
    """Return one analysis request for each assignment that still exists, with what it says by now."""
    return [
        AnalysisRequest.model_validate(
            {
                **row,
                "event_type": event_type,
                "due_at": write_event_time(row["due_at"]),
                "changed_at": write_order_mark(row["updated_at"]),
            }
        ).to_body()
        for row in await database.rows(_ANALYSED, {"assignment_ids": assignment_ids})
    ]


async def _assignment_objects(
    session: AsyncSession,
    cognito_sub: str,
    condition: ColumnElement[bool],
    *,
    limit: int | None = None,
) -> list[AssignmentObject]:
    rows = await session.execute(
        select(
            Assignment.id,
            Assignment.canvas_assignment_id.label("canvasAssignmentId"),
            Assignment.course_id.label("courseId"),
            Assignment.title,
            Assignment.description,
            _own_due_at().label("dueAt"),
            Assignment.points_possible.label("pointsPossible"),
            Assignment.submission_types.label("submissionTypes"),
            Assignment.created_at.label("createdAt"),
            Assignment.updated_at.label("updatedAt"),
        )
        .outerjoin(AssignmentVisibility, _own(cognito_sub))
        .where(condition)
        .order_by(Assignment.id)
        .limit(limit)
    )
    return [_with_whole_seconds(dict(row)) for row in rows.mappings()]


def _with_whole_seconds(assignment: AssignmentObject) -> AssignmentObject:
    for name in ("dueAt", "createdAt", "updatedAt"):
        if assignment[name] is not None:
            assignment[name] = assignment[name].replace(microsecond=0)
    return assignment


def _own(cognito_sub: str | BindParameter[str]) -> ColumnElement[bool]:
    return and_(AssignmentVisibility.cognito_sub == cognito_sub, SAME_ASSIGNMENT)


def _own_due_at() -> ColumnElement[Any]:
    return case(
        (AssignmentVisibility.assignment_id.is_not(None), AssignmentVisibility.due_at),
        else_=Assignment.due_at,
    )


def _seen_in(
    course_ids: Sequence[int] | BindParameter[int], unlisted_ids: Sequence[int] | BindParameter[int]
) -> ColumnElement[bool]:
    """Return the rule of what a student sees: its own listing, or all where there was none yet."""
    return and_(
        Assignment.course_id.in_(course_ids),
        or_(
            AssignmentVisibility.assignment_id.is_not(None), Assignment.course_id.in_(unlisted_ids)
        ),
    )


def _viewing(cognito_sub: str, courses: CourseViews) -> dict[str, Any]:
    return {
        "cognito_sub": cognito_sub,
        "course_ids": courses,
        "unlisted_ids": [course_id for course_id, listed in courses.items() if not listed],
    }


def _viewed(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Assignment)
        .outerjoin(AssignmentVisibility, _own(bindparam("cognito_sub")))
        .where(
            _seen_in(
                bindparam("course_ids", expanding=True), bindparam("unlisted_ids", expanding=True)
            )
        )
    )


def _visible(description: ColumnElement[str | None]) -> Query:
    return Query(
        _viewed(
            Assignment.id.label("assignment_id"),
            Assignment.canvas_assignment_id,
            Assignment.course_id,
            Assignment.title,
            description.label("description"),
            _own_due_at().label("due_at"),
            Assignment.points_possible,
        ).order_by(Assignment.id)
    )


# The reads of each message are built once: to build one takes longer than to run it.
_DESCRIPTION_BYTES = Query(
    _viewed(func.sum(func.octet_length(Assignment.description)).label("total"))
)
_VISIBLE = _visible(Assignment.description.expression)
_VISIBLE_CUT = _visible(func.left(Assignment.description, bindparam("characters")))

_VIEWERS = Query(
    select(AssignmentVisibility.cognito_sub)
    .join(Assignment, SAME_ASSIGNMENT)
    .where(AssignmentVisibility.assignment_id.in_(bindparam("assignment_ids", expanding=True)))
    .distinct()
)

_ANALYSED = Query(
    select(
        Assignment.course_id,
        Assignment.canvas_assignment_id,
        Assignment.title,
        Assignment.description,
        Assignment.due_at,
        Assignment.updated_at,
    )
    .where(Assignment.id.in_(bindparam("assignment_ids", expanding=True)))
    .order_by(Assignment.id)
)
