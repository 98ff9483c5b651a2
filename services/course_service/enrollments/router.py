"""E27, E28, E31, E32 and I6: the caller's courses and enrollments."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from services.course_service.courses.schemas import CourseRead
from services.course_service.dependencies import QueueNamesDep
from services.course_service.enrollments import service
from services.course_service.enrollments.errors import EnrollmentNotFound
from services.course_service.enrollments.schemas import EnabledCourse, EnrollmentRead, SyncSwitch
from shared.database import Database
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import PAGED, CodeAnswer, Responses, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import Page, PageParameters, list_answer, read_position
from shared.web.schemas import PathId

courses = strict_router("/v1/courses", "Courses")
enrollments = strict_router("/v1/enrollments", "Enrollments")
internal = APIRouter(prefix="/internal/v1/enrollments", include_in_schema=False)

ERRORS = documented_errors(CodeAnswer)
ABSENT: Responses = {404: {"description": "Absent, or the caller is not enrolled; no body"}}

CourseId = Annotated[PathId, Path(description="`id` of the course", examples=[3])]
EnrollmentId = Annotated[PathId, Path(description="`id` of the enrollment", examples=[7])]


@courses.get(
    "",
    summary="List the courses the caller is enrolled in",
    response_model=list[CourseRead],
    responses=ERRORS | PAGED,
)
async def list_courses(
    request: Request, caller: Caller, database: DatabaseDep, page: PageParameters
) -> Response:
    """Return all the caller's courses, switched off ones too, by enrollment."""
    enrolled = await _enrollments(database, caller, page)
    enrollment_ids = {entry["course"]["id"]: entry["id"] for entry in enrolled}
    return list_answer(
        request,
        page,
        [entry["course"] for entry in enrolled],
        lambda course: [enrollment_ids[course["id"]]],
    )


@courses.get(
    "/{course_id}",
    summary="Read a course the caller is enrolled in",
    response_model=CourseRead,
    responses=ERRORS | ABSENT,
)
async def read_course(caller: Caller, database: DatabaseDep, course_id: CourseId) -> Response:
    """Return the course, or 404 without a body."""
    course = await database.transaction(
        lambda session: service.read_course(session, caller=caller, course_id=course_id)
    )
    return Response(status_code=404) if course is None else json_answer(course)


@enrollments.get(
    "",
    summary="List the caller's enrollments",
    response_model=list[EnrollmentRead],
    responses=ERRORS | PAGED,
)
async def list_enrollments(
    request: Request, caller: Caller, database: DatabaseDep, page: PageParameters
) -> Response:
    """Return the caller's enrollments with their courses, by id."""
    enrolled = await _enrollments(database, caller, page)
    return list_answer(request, page, enrolled, lambda enrollment: [enrollment["id"]])


@enrollments.put(
    "/{enrollment_id}/sync",
    summary="Take a course into the planner or out of it",
    response_model=EnrollmentRead,
    responses=documented_errors(CodeAnswer, EnrollmentNotFound, has_body=True),
)
async def switch_sync(
    caller: Caller,
    database: DatabaseDep,
    queue_names: QueueNamesDep,
    enrollment_id: EnrollmentId,
    body: SyncSwitch,
) -> Response:
    """Switch the course's synchronisation on or off and return the enrollment."""
    return json_answer(
        await database.transaction(
            lambda session: service.switch_sync(
                session,
                caller=caller,
                enrollment_id=enrollment_id,
                is_sync_enabled=body.is_sync_enabled,
                queue_names=queue_names,
            )
        )
    )


@internal.get("/enabled", response_model=list[EnabledCourse])
async def list_enabled_courses(caller: Caller, database: DatabaseDep) -> Response:
    """Return the courses that canvas_sync fetches for this student (I6)."""
    return json_answer(
        await database.transaction(
            lambda session: service.list_enabled_courses(session, caller=caller)
        )
    )


async def _enrollments(
    database: Database, caller: str, page: Page
) -> list[service.EnrollmentObject]:
    (after,) = read_position(page, int) or (None,)
    return await database.transaction(
        lambda session: service.list_enrollments(
            session, caller=caller, after=after, limit=page.fetch
        )
    )
