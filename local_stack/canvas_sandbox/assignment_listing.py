"""Which assignments of a course a student's listing holds, and in which order."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from local_stack.canvas_sandbox.paging import SortKey
from local_stack.canvas_sandbox.semester import Assignment, Course
from local_stack.canvas_sandbox.students import Student
from local_stack.canvas_sandbox.submission_json import own_due_at

ORDERS = ("position", "name", "due_at")
BUCKETS = ("past", "overdue", "undated", "ungraded", "unsubmitted", "upcoming", "future")


class InvalidListingError(Exception):
    """A list parameter has a value that Canvas does not know; the message says which."""


def position_order(assignment: Assignment) -> tuple[Any, ...]:
    """Sort as the teacher arranged them."""
    return (assignment.position, assignment.id)


def name_order(assignment: Assignment) -> tuple[Any, ...]:
    """Sort by name."""
    return (assignment.name, assignment.id)


def due_order(student: Student) -> SortKey[Assignment]:
    """Sort by this student's due dates, those without one last."""

    def key(assignment: Assignment) -> tuple[Any, ...]:
        due_at = own_due_at(assignment, student)
        return (due_at is None, due_at or "", assignment.id)

    return key


def list_assignments(
    course: Course,
    student: Student,
    *,
    order_name: str,
    bucket: str | None,
    search_term: str | None,
    assignment_ids: AbstractSet[str],
    at: str,
) -> Sequence[Assignment]:
    """Choose and sort what a student's listing holds; hidden assignments are absent.

    Raises:
        InvalidListingError: Order or bucket is unknown.
    """
    if order_name not in ORDERS:
        raise InvalidListingError(f"order_by must be one of {', '.join(ORDERS)}")
    if bucket and bucket not in BUCKETS:
        raise InvalidListingError(f"bucket must be one of {', '.join(BUCKETS)}")
    chosen: Sequence[Assignment] = course.assignments
    if student.overrides:
        chosen = [a for a in chosen if student.sees(a.id)]
    if assignment_ids:
        chosen = [a for a in chosen if str(a.id) in assignment_ids]
    if search_term:
        chosen = [a for a in chosen if search_term.casefold() in a.name.casefold()]
    if bucket:
        chosen = [a for a in chosen if _is_in_bucket(a, student, bucket, at)]
    if order_name == "name":
        return sorted(chosen, key=name_order)
    if order_name == "due_at":
        return sorted(chosen, key=due_order(student))
    return chosen


def _is_in_bucket(assignment: Assignment, student: Student, bucket: str, at: str) -> bool:
    due_at = own_due_at(assignment, student)
    is_submitted = assignment.id in student.submissions
    is_past = due_at is not None and due_at < at
    answers = {
        "past": is_past,
        "overdue": is_past and not is_submitted,
        "undated": due_at is None,
        "ungraded": is_submitted,
        "unsubmitted": not is_submitted,
        "upcoming": due_at is not None and not is_past,
        "future": due_at is None or not is_past,
    }
    return answers[bucket]
