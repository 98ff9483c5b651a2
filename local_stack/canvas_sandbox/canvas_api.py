"""The Canvas REST calls a student's client makes, as routes under `/api/v1`."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_stack.canvas_sandbox import timestamps
from local_stack.canvas_sandbox.assignment_listing import (
    InvalidListingError,
    due_order,
    list_assignments,
    name_order,
    position_order,
)
from local_stack.canvas_sandbox.canvas_call import CanvasCall, NoRightError, NotThereError
from local_stack.canvas_sandbox.canvas_gate import canvas_errors
from local_stack.canvas_sandbox.course_json import (
    course_json,
    group_json,
    profile_json,
    user_json,
)
from local_stack.canvas_sandbox.paging import InvalidPageTokenError, SortKey
from local_stack.canvas_sandbox.semester import Assignment
from local_stack.canvas_sandbox.submission_json import submission_id

MAX_STUDENT_IDS = 100
ACTIVE_ENROLLMENT = {None, "", "active"}
STUDENT_ENROLLMENT = {None, "", "student"}


async def show_user(request: Request) -> Response:
    """Answer `GET /users/self`."""
    call = CanvasCall(request)
    call.check_is_self()
    return call.answer(orjson.dumps(user_json(call.student, call.base_url)))


async def show_profile(request: Request) -> Response:
    """Answer `GET /users/self/profile`."""
    call = CanvasCall(request)
    call.check_is_self()
    return call.answer(orjson.dumps(profile_json(call.student, call.base_url)))


async def list_courses(request: Request) -> Response:
    """Answer `GET /courses` and `GET /users/self/courses`: all courses here are active ones of a student."""
    call = CanvasCall(request)
    if "user_id" in call.path_ids:
        call.check_is_self()
    states = call.many("state")
    is_listed = (
        call.one("enrollment_type") in STUDENT_ENROLLMENT
        and call.one("enrollment_state") in ACTIVE_ENROLLMENT
        and (not states or "available" in states)
    )
    courses = [
        course
        for course in call.sandbox.semester.courses.values()
        if is_listed and course.id in call.student.course_ids
    ]
    courses.sort(key=lambda course: course.id)
    includes = call.many("include")
    return call.page(
        courses,
        key=lambda course: (course.id,),
        order_name="id",
        render=lambda course: orjson.dumps(
            course_json(course, call.student, includes, call.base_url)
        ),
    )


async def show_course(request: Request) -> Response:
    """Answer `GET /courses/:id`."""
    call = CanvasCall(request)
    written = course_json(call.listed_course(), call.student, call.many("include"), call.base_url)
    return call.answer(orjson.dumps(written))


async def list_course_assignments(request: Request) -> Response:
    """Answer `GET /courses/:id/assignments`: what this student sees, with this student's dates."""
    call = CanvasCall(request)
    order_name = call.one("order_by") or "position"
    assignments = list_assignments(
        call.course(),
        call.student,
        order_name=order_name,
        bucket=call.one("bucket"),
        search_term=call.one("search_term"),
        assignment_ids=call.many("assignment_ids"),
        at=call.at,
    )
    orders: dict[str, SortKey[Assignment]] = {
        "position": position_order,
        "name": name_order,
        "due_at": due_order(call.student),
    }
    return call.page(
        assignments, key=orders[order_name], order_name=order_name, render=call.rendered
    )


async def show_assignment(request: Request) -> Response:
    """Answer `GET /courses/:id/assignments/:assignment_id`."""
    call = CanvasCall(request)
    return call.answer(call.rendered(call.assignment()))


async def list_assignment_groups(request: Request) -> Response:
    """Answer `GET /courses/:id/assignment_groups`, with the assignments when they are included."""
    call = CanvasCall(request)
    course = call.course()
    seen = [a for a in course.assignments if call.student.sees(a.id)]
    includes_assignments = "assignments" in call.many("include")

    def render(group_id: int) -> bytes:
        group = next(group for group in course.groups if group.id == group_id)
        written = group_json(group)
        if includes_assignments:
            written["assignments"] = [
                orjson.Fragment(call.rendered(a)) for a in seen if a.group_id == group_id
            ]
        return orjson.dumps(written)

    return call.page(
        [group.id for group in course.groups],
        key=lambda group_id: (group_id,),
        order_name="position",
        render=render,
    )


async def show_own_submission(request: Request) -> Response:
    """Answer `GET /courses/:id/assignments/:assignment_id/submissions/self`."""
    call = CanvasCall(request)
    assignment = call.assignment()
    call.check_is_self()
    return call.answer(orjson.dumps(call.submission(assignment)))


async def refuse_all_submissions(request: Request) -> Response:
    """Answer `GET /courses/:id/assignments/:assignment_id/submissions`, which only graders may read."""
    CanvasCall(request).assignment()
    raise NoRightError


async def list_own_submissions(request: Request) -> Response:
    """Answer `GET /courses/:id/students/submissions`: the caller's own rows, handed in or not."""
    call = CanvasCall(request)
    course = call.course()
    student_ids = call.many("student_ids")
    if len(student_ids) > MAX_STUDENT_IDS:
        raise InvalidListingError("too many student_ids")
    if student_ids - {"self", "all", str(call.student.id)}:
        raise NoRightError
    only_assignments = call.many("assignment_ids")
    only_state = call.one("workflow_state")
    since = _moment(call.one("submitted_since"))
    chosen = []
    for assignment in course.assignments:
        submission = call.student.submissions.get(assignment.id)
        state = "submitted" if submission else "unsubmitted"
        if not call.student.sees(assignment.id):
            continue
        if only_assignments and str(assignment.id) not in only_assignments:
            continue
        if only_state and state != only_state:
            continue
        if since and (submission is None or submission.submitted_at < since):
            continue
        chosen.append(assignment)
    if call.one("grouped") in {"true", "1"}:
        own_rows = [call.submission(assignment) for assignment in chosen]
        grouped = {"user_id": call.student.id, "section_id": course.id, "submissions": own_rows}
        return call.answer(orjson.dumps([grouped]))
    is_descending = call.one("order_direction") == "descending"
    sign = -1 if is_descending else 1

    def by_id(assignment: Assignment) -> tuple[int]:
        return (sign * submission_id(assignment, call.student),)

    return call.page(
        sorted(chosen, key=by_id),
        key=by_id,
        order_name=f"id {sign}",
        render=lambda assignment: orjson.dumps(call.submission(assignment)),
    )


async def refuse_without_right(request: Request, problem: Exception) -> Response:
    """Answer 401 without `WWW-Authenticate`: the token is fine, the right is missing."""
    return canvas_errors(
        401, "user not authorized to perform that action", is_about_permission=True
    )


async def refuse_as_not_there(request: Request, problem: Exception) -> Response:
    """Answer 404 for what is missing or hidden."""
    return canvas_errors(404, "The specified resource does not exist.")


async def refuse_page_token(request: Request, problem: Exception) -> Response:
    """Answer 400 to a page token that was computed or altered."""
    return canvas_errors(400, "page is not a token of this list")


async def refuse_listing(request: Request, problem: Exception) -> Response:
    """Answer 400 to a list parameter without meaning."""
    return canvas_errors(400, str(problem))


REFUSALS = {
    NoRightError: refuse_without_right,
    NotThereError: refuse_as_not_there,
    InvalidPageTokenError: refuse_page_token,
    InvalidListingError: refuse_listing,
}

_COURSE = "/api/v1/courses/{course_id}"
_ASSIGNMENT = _COURSE + "/assignments/{assignment_id}"

ROUTES = [
    Route(_COURSE + "/assignments", list_course_assignments),
    Route("/api/v1/courses", list_courses),
    Route(_COURSE, show_course),
    Route(_ASSIGNMENT, show_assignment),
    Route(_ASSIGNMENT + "/submissions", refuse_all_submissions),
    Route(_ASSIGNMENT + "/submissions/{user_id}", show_own_submission),
    Route(_COURSE + "/assignment_groups", list_assignment_groups),
    Route(_COURSE + "/students/submissions", list_own_submissions),
    Route("/api/v1/users/{user_id}", show_user),
    Route("/api/v1/users/{user_id}/profile", show_profile),
    Route("/api/v1/users/{user_id}/courses", list_courses),
]


def _moment(written: str | None) -> str | None:
    try:
        return timestamps.parsed(written) if written else None
    except ValueError:
        raise InvalidListingError("submitted_since must be an ISO 8601 time") from None
