"""Assignments as Canvas writes them in JSON, kept rendered because a sync asks for thousands of them."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

import orjson

from local_stack.canvas_sandbox.semester import Assignment
from local_stack.canvas_sandbox.students import Student
from local_stack.canvas_sandbox.submission_json import own_due_at, submission_json


def render_assignment(
    assignment: Assignment,
    student: Student,
    *,
    includes: AbstractSet[str],
    base_url: str,
    at: str,
    uses_own_dates: bool = True,
) -> bytes:
    """Render one assignment as this student sees it.

    Args:
        assignment: What the teacher set.
        student: Whose override and submission count.
        includes: The `include[]` parameters; `submission` and `all_dates` are known.
        base_url: Scheme and host for the addresses in it.
        at: The present moment, which decides what is locked, late or missing.
        uses_own_dates: False answers with everybody's dates (`override_assignment_dates=false`).
    """
    due_at = own_due_at(assignment, student) if uses_own_dates else assignment.due_at
    is_locked = assignment.lock_at is not None and assignment.lock_at < at
    if assignment.id in student.overrides:
        written = _assignment_json(assignment, base_url, is_locked=is_locked)
        written.update(due_at=due_at, has_overrides=True)
        rendered = orjson.dumps(written)
    else:
        rendered = _rendered_for_everybody(assignment, base_url, is_locked=is_locked)
    if "all_dates" in includes:
        dates = {
            "base": True,
            "due_at": due_at,
            "unlock_at": assignment.unlock_at,
            "lock_at": assignment.lock_at,
        }
        rendered = _with_field(rendered, b"all_dates", [dates])
    if "submission" in includes:
        submission = submission_json(assignment, student, base_url, at)
        rendered = _with_field(rendered, b"submission", submission)
    return rendered


def render_ahead(assignments: Iterable[Assignment], base_url: str, at: str) -> None:
    """Render assignments before anyone asks for them, so that a first sync is answered like a second."""
    for assignment in assignments:
        is_locked = assignment.lock_at is not None and assignment.lock_at < at
        _rendered_for_everybody(assignment, base_url, is_locked=is_locked)


def _rendered_for_everybody(assignment: Assignment, base_url: str, *, is_locked: bool) -> bytes:
    depends_on = (base_url, is_locked)
    if assignment.rendered is None or assignment.rendered[0] != depends_on:
        written = _assignment_json(assignment, base_url, is_locked=is_locked)
        assignment.rendered = (depends_on, orjson.dumps(written))
    return assignment.rendered[1]


def _with_field(rendered: bytes, name: bytes, value: Any) -> bytes:
    return b"".join((rendered[:-1], b',"', name, b'":', orjson.dumps(value), b"}"))


def _assignment_json(assignment: Assignment, base_url: str, *, is_locked: bool) -> dict[str, Any]:
    address = f"{base_url}/courses/{assignment.course_id}/assignments/{assignment.id}"
    types = assignment.submission_types
    written: dict[str, Any] = {
        "id": assignment.id,
        "course_id": assignment.course_id,
        "assignment_group_id": assignment.group_id,
        "position": assignment.position,
        "name": assignment.name,
        "description": assignment.description,
        "created_at": assignment.created_at,
        "updated_at": assignment.updated_at,
        "due_at": assignment.due_at,
        "unlock_at": assignment.unlock_at,
        "lock_at": assignment.lock_at,
        "due_date_required": False,
        "has_overrides": False,
        "html_url": address,
        "submissions_download_url": f"{address}/submissions?zip=1",
        "submission_types": types,
        "allowed_attempts": assignment.allowed_attempts,
        "max_name_length": 255,
        "points_possible": assignment.points_possible,
        "grading_type": assignment.grading_type,
        "grading_standard_id": None,
        "published": True,
        "workflow_state": "published",
        "locked_for_user": is_locked,
        "in_closed_grading_period": False,
        "can_duplicate": False,
        "is_quiz_assignment": assignment.quiz_id is not None,
        "is_quiz_lti_assignment": False,
        "group_category_id": None,
        "grade_group_students_individually": False,
        "grades_published": True,
        "graded_submissions_exist": False,
        "has_submitted_submissions": False,
        "unpublishable": False,
        "muted": True,
        "peer_reviews": assignment.peer_reviews,
        "automatic_peer_reviews": False,
        "intra_group_peer_reviews": False,
        "anonymous_peer_reviews": False,
        "anonymous_grading": False,
        "anonymous_submissions": False,
        "anonymous_instructor_annotations": False,
        "anonymize_students": False,
        "moderated_grading": False,
        "grader_count": 0,
        "final_grader_id": None,
        "grader_comments_visible_to_graders": True,
        "graders_anonymous_to_graders": False,
        "grader_names_visible_to_final_grader": True,
        "omit_from_final_grade": False,
        "hide_in_gradebook": False,
        "post_manually": False,
        "post_to_sis": False,
        "only_visible_to_overrides": False,
        "visible_to_everyone": True,
        "require_lockdown_browser": False,
        "restrict_quantitative_data": False,
        "important_dates": False,
        "annotatable_attachment_id": None,
        "integration_id": None,
        "integration_data": {},
        "sis_assignment_id": None,
    }
    if "online_upload" in types and assignment.allowed_extensions:
        written["allowed_extensions"] = assignment.allowed_extensions
    if assignment.quiz_id is not None:
        written.update(quiz_id=assignment.quiz_id, anonymous_submissions=False)
    if assignment.discussion_topic_id is not None:
        written["discussion_topic"] = _discussion_topic_json(assignment, base_url)
    if is_locked:
        written["lock_info"] = {
            "asset_string": f"assignment_{assignment.id}",
            "lock_at": assignment.lock_at,
            "can_view": True,
        }
        written["lock_explanation"] = f"This assignment was locked {assignment.lock_at}."
    return written


def _discussion_topic_json(assignment: Assignment, base_url: str) -> dict[str, Any]:
    topic_id = assignment.discussion_topic_id
    return {
        "id": topic_id,
        "title": assignment.name,
        "assignment_id": assignment.id,
        "discussion_type": "threaded",
        "published": True,
        "locked": False,
        "read_state": "unread",
        "unread_count": 0,
        "discussion_subentry_count": 0,
        "html_url": f"{base_url}/courses/{assignment.course_id}/discussion_topics/{topic_id}",
    }
