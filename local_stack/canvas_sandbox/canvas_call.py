"""One call to the Canvas API: who asks, for what, and in which form the answer goes back."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from local_stack.canvas_sandbox import timestamps
from local_stack.canvas_sandbox.assignment_json import render_assignment
from local_stack.canvas_sandbox.canvas_gate import JSON_TYPE, STUDENT_KEY
from local_stack.canvas_sandbox.paging import SortKey, cut_page, link_header
from local_stack.canvas_sandbox.sandbox import Sandbox
from local_stack.canvas_sandbox.semester import Assignment, Course
from local_stack.canvas_sandbox.students import Student
from local_stack.canvas_sandbox.submission_json import submission_json

STRING_IDS = "application/json+canvas-string-ids"
"""The media type by which a client asks for all ids as strings."""

Item = TypeVar("Item")


class NoRightError(Exception):
    """The token is fine, but this object is not for its owner."""


class NotThereError(Exception):
    """The object does not exist or is hidden; Canvas does not say which."""


class CanvasCall:
    """What one call asks for: who calls, with which parameters, by which host name."""

    def __init__(self, request: Request) -> None:
        self.sandbox: Sandbox = request.app.state.sandbox
        self.student: Student = request.scope[STUDENT_KEY]
        self.path_ids: dict[str, str] = request.path_params
        self.parameters: list[tuple[str, str]] = request.query_params.multi_items()
        self.base_url = base_url_of(request)
        self.path: str = request.scope["path"]
        self.wants_string_ids = STRING_IDS in request.headers.get("accept", "")
        self.at = timestamps.now()

    def one(self, name: str) -> str | None:
        """Return the last value of a parameter."""
        return next((value for key, value in reversed(self.parameters) if key == name), None)

    def many(self, name: str) -> set[str]:
        """Return all values of a parameter, written with or without the brackets."""
        return {value for key, value in self.parameters if key in {name, f"{name}[]"}}

    def check_is_self(self) -> None:
        """Refuse a path that names another user than the caller."""
        if self.path_ids["user_id"] not in {"self", str(self.student.id)}:
            raise NoRightError

    def course(self) -> Course:
        """Return the course in the path, which the caller must be allowed to enter."""
        course = self.listed_course()
        if course.is_restricted_by_date:
            raise NoRightError
        return course

    def listed_course(self) -> Course:
        """Return the course in the path, which must be among the caller's."""
        course = self.sandbox.semester.courses.get(_number(self.path_ids["course_id"]))
        if course is None:
            raise NotThereError
        if course.id not in self.student.course_ids:
            raise NoRightError
        return course

    def assignment(self) -> Assignment:
        """Return the assignment in the path, which the caller must see."""
        course = self.course()
        number = _number(self.path_ids["assignment_id"])
        assignment = self.sandbox.semester.assignments.get(number)
        if assignment is None or assignment.course_id != course.id:
            raise NotThereError
        if not self.student.sees(assignment.id):
            raise NotThereError
        return assignment

    def answer(self, body: bytes, headers: dict[str, str] | None = None) -> Response:
        """Answer with JSON, with ids as strings if that was asked for."""
        if self.wants_string_ids:
            body = orjson.dumps(_with_string_ids(orjson.loads(body)))
        return Response(body, 200, headers, JSON_TYPE)

    def page(
        self,
        items: Sequence[Item],
        *,
        key: SortKey[Item],
        order_name: str,
        render: Callable[[Item], bytes],
    ) -> Response:
        """Answer with one page of a sorted list."""
        page = cut_page(
            items,
            key=key,
            list_name=f"{self.path}?{order_name}",
            token=self.one("page"),
            per_page=self.one("per_page"),
        )
        body = b"".join((b"[", b",".join([render(item) for item in page.items]), b"]"))
        links = link_header(f"{self.base_url}{self.path}", self.parameters, page)
        return self.answer(body, {"Link": links})

    def rendered(self, assignment: Assignment) -> bytes:
        """Render an assignment for the caller with the includes asked for."""
        return render_assignment(
            assignment,
            self.student,
            includes=self.many("include"),
            base_url=self.base_url,
            at=self.at,
            uses_own_dates=self.one("override_assignment_dates") != "false",
        )

    def submission(self, assignment: Assignment) -> dict[str, Any]:
        """Write the caller's submission of an assignment."""
        written = submission_json(assignment, self.student, self.base_url, self.at)
        if "assignment" in self.many("include"):
            written["assignment"] = orjson.loads(self.rendered(assignment))
        return written


def base_url_of(request: Request) -> str:
    """Return scheme and host as the client wrote them, for the addresses in an answer."""
    host = request.headers.get("host") or "{}:{}".format(*request.scope["server"])
    return f"{request.scope['scheme']}://{host}"


def _number(written: str) -> int:
    if not (written.isascii() and written.isdigit()) or len(written) > 19:
        raise NotThereError
    return int(written)


def _with_string_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_string_ids(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        name: str(entry)
        if type(entry) is int and (name == "id" or name.endswith("_id"))
        else _with_string_ids(entry)
        for name, entry in value.items()
    }
