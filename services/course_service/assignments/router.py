"""E29 and E30: assignments as the caller sees them."""

from typing import Annotated

from fastapi import Path, Request, Response

from services.course_service.assignments import service
from services.course_service.assignments.schemas import AssignmentRead
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import PAGED, CodeAnswer, Responses, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer, read_position
from shared.web.schemas import PathId

of_course = strict_router("/v1/courses", "Assignments")
assignments = strict_router("/v1/assignments", "Assignments")

ERRORS = documented_errors(CodeAnswer)
ABSENT: Responses = {404: {"description": "Absent, or not visible to the caller; no body"}}

CourseId = Annotated[PathId, Path(description="`id` of the course", examples=[3])]
CanvasAssignmentId = Annotated[
    PathId, Path(description="`canvasAssignmentId` of the assignment", examples=[90210])
]


@of_course.get(
    "/{course_id}/assignments",
    summary="List a course's assignments",
    response_model=list[AssignmentRead],
    responses=ERRORS | PAGED,
)
async def list_assignments(
    request: Request,
    caller: Caller,
    database: DatabaseDep,
    course_id: CourseId,
    page: PageParameters,
) -> Response:
    """Return what the caller's Canvas lists in the course; empty when the caller is not enrolled."""
    (after,) = read_position(page, int) or (None,)
    listed = await database.transaction(
        lambda session: service.list_assignments(
            session,
            caller=caller,
            course_id=course_id,
            after=after,
            limit=page.fetch,
        )
    )
    return list_answer(request, page, listed, lambda assignment: [assignment["id"]])


@assignments.get(
    "/canvas/{canvas_assignment_id}",
    summary="Read an assignment by its Canvas id",
    response_model=AssignmentRead,
    responses=ERRORS | ABSENT,
)
async def read_assignment(
    caller: Caller, database: DatabaseDep, canvas_assignment_id: CanvasAssignmentId
) -> Response:
    """Return the assignment, or 404 without a body."""
    assignment = await database.transaction(
        lambda session: service.read_assignment(
            session, caller=caller, canvas_assignment_id=canvas_assignment_id
        )
    )
    return Response(status_code=404) if assignment is None else json_answer(assignment)
