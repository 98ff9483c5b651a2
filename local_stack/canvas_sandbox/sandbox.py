"""Everything one sandbox knows, and what the control API may do with it."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import TypedDict

from local_stack.canvas_sandbox import timestamps
from local_stack.canvas_sandbox.faults import Delays, Faults
from local_stack.canvas_sandbox.rate_limit import LeakyBuckets
from local_stack.canvas_sandbox.request_log import RequestLog
from local_stack.canvas_sandbox.semester import Assignment, Course, Shape
from local_stack.canvas_sandbox.semester_plan import plan_semester
from local_stack.canvas_sandbox.students import Override, Student, Students, Submission


class UnknownThingError(Exception):
    """The control API named a course, assignment or token that is not there; the message says which."""


class AssignmentChanges(TypedDict, total=False):
    """The fields of an assignment that the control API may change."""

    name: str
    description: str | None
    due_at: str | None
    unlock_at: str | None
    lock_at: str | None
    points_possible: float | None


class Sandbox:
    """One Canvas installation: semester, students, buckets, faults and log.

    Args:
        shape: The semester to start with.
        today: The day the semester lies around; the present one unless given.
        clock: Monotonic seconds, by which the buckets leak.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        today: date | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._today = today
        self.start_seed = shape.seed
        self.students = Students()
        self.buckets = LeakyBuckets(clock)
        self.requests = RequestLog()
        self.delays = Delays()
        self.reset(shape)

    def reset(self, shape: Shape) -> None:
        """Start a new semester; students keep their tokens and are in all its courses.

        Faults, log, buckets, overrides and submissions are forgotten.
        """
        self.semester = plan_semester(shape, self._today or datetime.now(UTC).date())
        self.students.start_over(self.semester.courses)
        self.faults = Faults()
        self.buckets.forget_all()
        self.requests.forget_all()

    def course(self, course_id: int) -> Course:
        """Return a course.

        Raises:
            UnknownThingError: There is none with this id.
        """
        course = self.semester.courses.get(course_id)
        if course is None:
            raise UnknownThingError(f"no course {course_id}")
        return course

    def assignment(self, assignment_id: int) -> Assignment:
        """Return an assignment.

        Raises:
            UnknownThingError: There is none with this id.
        """
        assignment = self.semester.assignments.get(assignment_id)
        if assignment is None:
            raise UnknownThingError(f"no assignment {assignment_id}")
        return assignment

    def student(self, token: str) -> Student:
        """Return whose token this is.

        Raises:
            UnknownThingError: The token is unknown or revoked.
        """
        student = self.students.of_token(token)
        if student is None:
            raise UnknownThingError("no student with this token")
        return student

    def enroll(self, course_ids: Iterable[int] | None) -> tuple[Student, str]:
        """Create a student in these courses, or in all of them.

        Raises:
            UnknownThingError: One of the courses does not exist.
        """
        chosen = list(self.semester.courses) if course_ids is None else list(course_ids)
        for course_id in chosen:
            self.course(course_id)
        return self.students.enroll(chosen, at=timestamps.now())

    def revoke(self, token: str) -> None:
        """Make a token invalid.

        Raises:
            UnknownThingError: The token is unknown or revoked already.
        """
        if not self.students.revoke(token):
            raise UnknownThingError("no student with this token")

    def add_assignment(
        self, course_id: int, *, name: str, description: str | None, due_at: str | None
    ) -> Assignment:
        """Set a new assignment in a course.

        Raises:
            UnknownThingError: There is no such course.
        """
        return self.semester.add_assignment(
            self.course(course_id),
            name=name,
            description=description,
            due_at=due_at,
            at=timestamps.now(),
        )

    def change_assignment(self, assignment_id: int, changes: AssignmentChanges) -> Assignment:
        """Change the given fields of an assignment for everybody.

        Raises:
            UnknownThingError: There is no such assignment.
        """
        assignment = self.assignment(assignment_id)
        for field_name, value in changes.items():
            setattr(assignment, field_name, value)
        assignment.updated_at = timestamps.now()
        assignment.rendered = None
        return assignment

    def remove_assignment(self, assignment_id: int) -> None:
        """Take an assignment away from everybody.

        Raises:
            UnknownThingError: There is no such assignment.
        """
        self.semester.remove_assignment(self.assignment(assignment_id))

    def submit(
        self,
        assignment_id: int,
        *,
        token: str,
        submitted_at: str | None,
        submission_type: str | None,
    ) -> Submission | None:
        """Hand in for a student, or take everything back when `submitted_at` is `None`.

        Without a `submission_type` it is the first one that the assignment accepts.

        Raises:
            UnknownThingError: There is no such assignment or token.
        """
        assignment = self.assignment(assignment_id)
        return self.student(token).submit(
            assignment_id,
            submitted_at=submitted_at,
            submission_type=submission_type or assignment.submission_types[0],
        )

    def override(
        self, assignment_id: int, *, token: str, due_at: str | None, is_visible: bool
    ) -> None:
        """Replace what differs for one student; a visible one without a date is like everybody's again.

        Raises:
            UnknownThingError: There is no such assignment or token.
        """
        self.assignment(assignment_id)
        student = self.student(token)
        if due_at is None and is_visible:
            student.overrides.pop(assignment_id, None)
        else:
            student.overrides[assignment_id] = Override(due_at, is_visible)
