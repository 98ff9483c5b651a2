"""Submissions as Canvas writes them in JSON: one row for every student and assignment, handed in or not."""

from typing import Any

from local_stack.canvas_sandbox.semester import Assignment
from local_stack.canvas_sandbox.students import FIRST_STUDENT_ID, Student, Submission
from local_stack.canvas_sandbox.timestamps import seconds_between

NEVER_HANDED_IN = frozenset({"on_paper", "none", "not_graded", "external_tool"})
"""Submission types that Canvas cannot call missing, since nothing is handed in through it."""

IDS_PER_STUDENT = 10**9
"""More than the assignment ids of one shard span, so no two rows get the same number."""

CONTENT_TYPES = {
    "pdf": "application/pdf",
    "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "hwp": "application/x-hwp",
    "py": "text/x-python",
    "md": "text/markdown",
}


def own_due_at(assignment: Assignment, student: Student) -> str | None:
    """Return the due date that holds for this student."""
    override = student.overrides.get(assignment.id)
    return override.due_at if override and override.due_at else assignment.due_at


def submission_json(
    assignment: Assignment, student: Student, base_url: str, at: str
) -> dict[str, Any]:
    """Write a student's submission of an assignment as it stands at a moment."""
    submission = student.submissions.get(assignment.id)
    due_at = own_due_at(assignment, student)
    address = f"{base_url}/courses/{assignment.course_id}/assignments/{assignment.id}/submissions"
    submitted_at = submission.submitted_at if submission else None
    is_late = bool(submitted_at and due_at and submitted_at > due_at)
    is_missing = bool(
        submission is None
        and due_at
        and due_at < at
        and not NEVER_HANDED_IN.intersection(assignment.submission_types)
    )
    seconds_late = 0
    if due_at and (is_late or is_missing):
        seconds_late = seconds_between(due_at, submitted_at or at)
    written: dict[str, Any] = {
        "id": submission_id(assignment, student),
        "assignment_id": assignment.id,
        "user_id": student.id,
        "workflow_state": "submitted" if submission else "unsubmitted",
        "attempt": submission.attempt if submission else None,
        "submission_type": submission.submission_type if submission else None,
        "submitted_at": submitted_at,
        "cached_due_date": due_at,
        "graded_at": None,
        "posted_at": None,
        "score": None,
        "entered_score": None,
        "grade": None,
        "entered_grade": None,
        "grader_id": None,
        "grade_matches_current_submission": True,
        "late": is_late,
        "missing": is_missing,
        "excused": False,
        "late_policy_status": None,
        "points_deducted": None,
        "seconds_late": seconds_late,
        "extra_attempts": None,
        "redo_request": False,
        "grading_period_id": None,
        "custom_grade_status_id": None,
        "sticker": None,
        "body": None,
        "url": None,
        "preview_url": f"{address}/{student.id}?preview=1&version={submission.attempt if submission else 0}",
    }
    if submission is not None:
        written.update(_handed_in(assignment, student, submission, base_url))
    return written


def submission_id(assignment: Assignment, student: Student) -> int:
    """Number the row of a student and an assignment; unique over a semester."""
    return assignment.id + (student.id - FIRST_STUDENT_ID + 1) * IDS_PER_STUDENT


def _handed_in(
    assignment: Assignment, student: Student, submission: Submission, base_url: str
) -> dict[str, Any]:
    if submission.submission_type == "online_text_entry":
        return {"body": "<p>제출합니다. My answer is below.</p>"}
    if submission.submission_type == "online_url":
        return {"url": f"https://portfolio.example.ac.kr/{student.id}/{assignment.id}"}
    if submission.submission_type == "online_upload":
        return {"attachments": [_attachment(assignment, student, submission, base_url)]}
    return {}


def _attachment(
    assignment: Assignment, student: Student, submission: Submission, base_url: str
) -> dict[str, Any]:
    extension = assignment.allowed_extensions[0] if assignment.allowed_extensions else "pdf"
    file_id = submission_id(assignment, student) * 10 + submission.attempt
    file_name = f"{student.id}_report_{submission.attempt}.{extension}"
    return {
        "id": file_id,
        "uuid": f"{file_id:040x}",
        "folder_id": student.id * 10,
        "display_name": file_name,
        "filename": file_name,
        "upload_status": "success",
        "content-type": CONTENT_TYPES.get(extension, "application/octet-stream"),
        "url": f"{base_url}/files/{file_id}/download?download_frd=1&verifier={file_id:040x}",
        "size": 20_000 + file_id % 400_000,
        "created_at": submission.submitted_at,
        "updated_at": submission.submitted_at,
        "modified_at": submission.submitted_at,
        "unlock_at": None,
        "lock_at": None,
        "locked": False,
        "hidden": False,
        "hidden_for_user": False,
        "locked_for_user": False,
        "mime_class": extension if extension in {"pdf", "zip"} else "file",
        "thumbnail_url": None,
        "media_entry_id": None,
    }
