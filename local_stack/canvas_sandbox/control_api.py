"""The control API: JSON calls under `/_sandbox` by which tests and the local stack arrange what Canvas shows.

Without authentication: the sandbox is for loopback. Bad input is answered 400, an unknown course, assignment
or token 404, both as `{"error": ...}`.
"""

from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_stack.canvas_sandbox import timestamps
from local_stack.canvas_sandbox.assignment_json import render_ahead
from local_stack.canvas_sandbox.canvas_call import base_url_of
from local_stack.canvas_sandbox.canvas_gate import CANVAS_PATH, JSON_TYPE, canvas_errors
from local_stack.canvas_sandbox.faults import Faults, ThrottleForm
from local_stack.canvas_sandbox.sandbox import AssignmentChanges, Sandbox, UnknownThingError
from local_stack.canvas_sandbox.semester import Shape

MAX_COURSES = 1_000
MAX_ASSIGNMENTS_PER_COURSE = 10_000
"""Ids of one course do not reach into those of the next up to here."""

MAX_ASSIGNMENTS = 200_000
"""About two gigabytes with descriptions of natural size."""

MAX_NAME = 5_000
"""Canvas stops at 255; longer ones are for testing that a client survives them."""

MAX_LATENCY_MS = 600_000

SUBMISSION_TYPES = (
    "discussion_topic",
    "online_quiz",
    "on_paper",
    "none",
    "not_graded",
    "external_tool",
    "online_text_entry",
    "online_url",
    "online_upload",
    "media_recording",
    "student_annotation",
    "wiki_page",
    "basic_lti_launch",
)

Body = TypeVar("Body", bound=BaseModel)


class InvalidControlCallError(Exception):
    """The body of a control call cannot be used; the message says why."""


def _known_submission_type(name: str) -> str:
    if name not in SUBMISSION_TYPES:
        raise ValueError(f"must be one of {', '.join(SUBMISSION_TYPES)}")
    return name


Moment = Annotated[str, AfterValidator(timestamps.parsed)]
"""An ISO 8601 time; without an offset it is UTC."""

SubmissionType = Annotated[str, AfterValidator(_known_submission_type)]


class _ControlBody(BaseModel):
    """Unknown fields are refused: a misspelt one would be a test that tests nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ResetBody(_ControlBody):
    """A field that is left out has the default of a fresh start, the seed that of this process."""

    seed: int | None = None
    courses: int = Field(Shape.courses, ge=0, le=MAX_COURSES)
    assignments_per_course: int = Field(
        Shape.assignments_per_course, ge=0, le=MAX_ASSIGNMENTS_PER_COURSE
    )
    description_bytes: int | None = Field(None, ge=0, le=2_000_000)


class UserBody(_ControlBody):
    """Which courses the new student is in; left out means all."""

    course_ids: list[int] | None = None


class AssignmentBody(_ControlBody):
    """A new assignment."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    due_at: Moment | None = None
    description: str | None = None


class AssignmentPatch(_ControlBody):
    """What to change of an assignment; fields that are left out stay."""

    name: str = Field("", min_length=1, max_length=MAX_NAME)
    due_at: Moment | None = None
    description: str | None = None
    unlock_at: Moment | None = None
    lock_at: Moment | None = None
    points_possible: float | None = Field(None, ge=0)


class SubmissionBody(_ControlBody):
    """What a student hands in; `submitted_at` null takes it back, left out it is now."""

    token: str
    submitted_at: Moment | None = Field(default_factory=timestamps.now)
    submission_type: SubmissionType | None = None


class OverrideBody(_ControlBody):
    """What differs for a student; replaces what differed before."""

    token: str
    due_at: Moment | None = None
    visible: bool = True


class FaultsBody(_ControlBody):
    """The faults from now on; what is left out or null is off."""

    latency_ms: float | None = Field(None, ge=0, le=MAX_LATENCY_MS)
    throttle: Literal["429", "403"] | None = None
    status: int | None = Field(None, ge=400, le=599)
    path: str | None = None
    times: int | None = Field(None, ge=0)


async def reset(request: Request) -> Response:
    """Start a new semester and forget faults, log, overrides and submissions."""
    sandbox = _sandbox(request)
    body = await _body(request, ResetBody)
    if body.courses * body.assignments_per_course > MAX_ASSIGNMENTS:
        raise InvalidControlCallError(f"more than {MAX_ASSIGNMENTS} assignments")
    shape = Shape(
        seed=sandbox.start_seed if body.seed is None else body.seed,
        courses=body.courses,
        assignments_per_course=body.assignments_per_course,
        description_bytes=body.description_bytes,
    )
    sandbox.reset(shape)
    render_ahead(sandbox.semester.assignments.values(), base_url_of(request), at=timestamps.now())
    return _answer({"seed": shape.seed, **_state(sandbox)})


async def show_state(request: Request) -> Response:
    """List courses and assignments as the teachers set them, with everybody's dates."""
    return _answer(_state(_sandbox(request)))


async def add_user(request: Request) -> Response:
    """Create a student with a token."""
    body = await _body(request, UserBody)
    student, token = _sandbox(request).enroll(body.course_ids)
    return _answer({"id": student.id, "token": token}, 201)


async def revoke_token(request: Request) -> Response:
    """Make a token invalid."""
    _sandbox(request).revoke(request.path_params["token"])
    return Response(status_code=204)


async def add_assignment(request: Request) -> Response:
    """Set a new assignment."""
    body = await _body(request, AssignmentBody)
    assignment = _sandbox(request).add_assignment(
        request.path_params["course_id"],
        name=body.name,
        description=body.description,
        due_at=body.due_at,
    )
    return _answer({"id": assignment.id}, 201)


async def change_assignment(request: Request) -> Response:
    """Change an assignment for everybody."""
    body = await _body(request, AssignmentPatch)
    changes = AssignmentChanges(**body.model_dump(exclude_unset=True))  # type: ignore[typeddict-item]
    assignment = _sandbox(request).change_assignment(request.path_params["assignment_id"], changes)
    return _answer({"id": assignment.id, "name": assignment.name, "due_at": assignment.due_at})


async def remove_assignment(request: Request) -> Response:
    """Take an assignment away from everybody."""
    _sandbox(request).remove_assignment(request.path_params["assignment_id"])
    return Response(status_code=204)


async def put_submission(request: Request) -> Response:
    """Hand in for a student, or take it back."""
    body = await _body(request, SubmissionBody)
    submission = _sandbox(request).submit(
        request.path_params["assignment_id"],
        token=body.token,
        submitted_at=body.submitted_at,
        submission_type=body.submission_type,
    )
    if submission is None:
        return _answer({"submitted_at": None, "submission_type": None, "attempt": None})
    return _answer(
        {
            "submitted_at": submission.submitted_at,
            "submission_type": submission.submission_type,
            "attempt": submission.attempt,
        }
    )


async def put_override(request: Request) -> Response:
    """Give a student another due date, hide the assignment from the student, or neither again."""
    body = await _body(request, OverrideBody)
    _sandbox(request).override(
        request.path_params["assignment_id"],
        token=body.token,
        due_at=body.due_at,
        is_visible=body.visible,
    )
    return _answer({"due_at": body.due_at, "visible": body.visible})


async def put_faults(request: Request) -> Response:
    """Replace the faults; an empty object clears them."""
    body = await _body(request, FaultsBody)
    _sandbox(request).faults = Faults(
        latency_ms=body.latency_ms or 0,
        throttle=ThrottleForm(body.throttle) if body.throttle else None,
        status=body.status,
        path=body.path,
        times=body.times,
    )
    return _answer(body.model_dump())


async def show_requests(request: Request) -> Response:
    """Show what was asked of the Canvas API since the last DELETE or reset."""
    log = _sandbox(request).requests
    return _answer(
        {
            "total": log.total,
            "throttled": log.throttled,
            "max_in_flight": log.max_in_flight,
            "log": list(log.entries),
        }
    )


async def forget_requests(request: Request) -> Response:
    """Start counting anew."""
    _sandbox(request).requests.forget_all()
    return Response(status_code=204)


async def refuse_body(request: Request, problem: Exception) -> Response:
    """Answer 400 to a control call that cannot be used."""
    return _answer({"error": str(problem)}, 400)


async def refuse_unknown_thing(request: Request, problem: Exception) -> Response:
    """Answer 404 to a control call about something that is not there."""
    return _answer({"error": str(problem)}, 404)


async def refuse_address(request: Request, problem: Exception) -> Response:
    """Answer a path or method without a route in the shape of the API it was sent to."""
    status = problem.status_code if isinstance(problem, HTTPException) else 404
    if request.scope["path"].startswith(CANVAS_PATH):
        return canvas_errors(404, "The specified resource does not exist.")
    return _answer({"error": f"{request.method} {request.scope['path']} is not here"}, status)


REFUSALS = {
    InvalidControlCallError: refuse_body,
    UnknownThingError: refuse_unknown_thing,
    HTTPException: refuse_address,
}

_ASSIGNMENT = "/_sandbox/assignments/{assignment_id:int}"

ROUTES = [
    Route("/_sandbox/reset", reset, methods=["POST"]),
    Route("/_sandbox/state", show_state, methods=["GET"]),
    Route("/_sandbox/users", add_user, methods=["POST"]),
    Route("/_sandbox/tokens/{token}", revoke_token, methods=["DELETE"]),
    Route("/_sandbox/courses/{course_id:int}/assignments", add_assignment, methods=["POST"]),
    Route(_ASSIGNMENT, change_assignment, methods=["PATCH"]),
    Route(_ASSIGNMENT, remove_assignment, methods=["DELETE"]),
    Route(_ASSIGNMENT + "/submission", put_submission, methods=["PUT"]),
    Route(_ASSIGNMENT + "/override", put_override, methods=["PUT"]),
    Route("/_sandbox/faults", put_faults, methods=["PUT"]),
    Route("/_sandbox/requests", show_requests, methods=["GET"]),
    Route("/_sandbox/requests", forget_requests, methods=["DELETE"]),
]


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


async def _body(request: Request, body_class: type[Body]) -> Body:
    """Read a JSON body; none at all counts as an empty object."""
    content = await request.body()
    try:
        return body_class.model_validate_json(content or b"{}")
    except ValidationError as problem:
        reasons = [
            f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}"
            for e in problem.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise InvalidControlCallError("; ".join(reasons)) from None


def _answer(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type=JSON_TYPE)


def _state(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "courses": [
            {
                "id": course.id,
                "name": None if course.is_restricted_by_date else course.name,
                "assignments": [
                    {"id": a.id, "name": a.name, "due_at": a.due_at} for a in course.assignments
                ],
            }
            for course in sandbox.semester.courses.values()
        ]
    }
