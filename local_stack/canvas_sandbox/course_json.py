"""Courses, groups and people as Canvas writes them in JSON (field lists of the Canvas REST reference)."""

from collections.abc import Set as AbstractSet
from typing import Any

from local_stack.canvas_sandbox.semester import AssignmentGroup, Course, Term
from local_stack.canvas_sandbox.students import Student

ROOT_ACCOUNT_ID = 1
DEPARTMENT_ACCOUNT_ID = 84
STUDENT_ROLE_ID = 3
TIME_ZONE = "Asia/Seoul"


def user_json(student: Student, base_url: str) -> dict[str, Any]:
    """Write `GET /users/self`."""
    return {
        "id": student.id,
        "name": student.name,
        "created_at": student.created_at,
        "sortable_name": student.name,
        "short_name": student.name,
        "first_name": student.name.split(" ")[-1],
        "last_name": student.name.split(" ")[0],
        "avatar_url": f"{base_url}/images/messages/avatar-50.png",
        "login_id": f"student{student.id}",
        "email": f"student{student.id}@canvas.example.ac.kr",
        "locale": "ko",
        "effective_locale": "ko",
        "time_zone": TIME_ZONE,
        "permissions": {
            "can_update_name": False,
            "can_update_avatar": True,
            "limit_parent_app_web_access": False,
        },
    }


def profile_json(student: Student, base_url: str) -> dict[str, Any]:
    """Write `GET /users/self/profile`."""
    return {
        "id": student.id,
        "name": student.name,
        "short_name": student.name,
        "sortable_name": student.name,
        "title": None,
        "bio": None,
        "primary_email": f"student{student.id}@canvas.example.ac.kr",
        "login_id": f"student{student.id}",
        "avatar_url": f"{base_url}/images/messages/avatar-50.png",
        "locale": "ko",
        "effective_locale": "ko",
        "time_zone": TIME_ZONE,
        "lti_user_id": f"sandbox-{student.id}",
        "calendar": {"ics": f"{base_url}/feeds/calendars/user_sandbox{student.id}.ics"},
    }


def course_json(
    course: Course, student: Student, includes: AbstractSet[str], base_url: str
) -> dict[str, Any]:
    """Write one course as this student sees it; of a course restricted by date only the id is shown."""
    if course.is_restricted_by_date:
        return {"id": course.id, "access_restricted_by_date": True}
    written: dict[str, Any] = {
        "id": course.id,
        "uuid": course.uuid,
        "name": course.name,
        "course_code": course.code,
        "workflow_state": "available",
        "account_id": DEPARTMENT_ACCOUNT_ID,
        "root_account_id": ROOT_ACCOUNT_ID,
        "enrollment_term_id": course.term.id,
        "created_at": course.created_at,
        "start_at": course.term.start_at,
        "end_at": course.term.end_at,
        "time_zone": TIME_ZONE,
        "locale": None,
        "license": "private",
        "default_view": "modules",
        "grading_standard_id": None,
        "grade_passback_setting": None,
        "apply_assignment_group_weights": True,
        "hide_final_grades": False,
        "is_public": False,
        "is_public_to_auth_users": False,
        "public_syllabus": False,
        "public_syllabus_to_auth": False,
        "storage_quota_mb": 2000,
        "blueprint": False,
        "template": False,
        "homeroom_course": False,
        "friendly_name": None,
        "course_color": None,
        "restrict_enrollments_to_course_dates": False,
        "calendar": {"ics": f"{base_url}/feeds/calendars/course_{course.uuid}.ics"},
        "enrollments": [_enrollment_json(student, includes)],
    }
    written.update(_included(course, includes))
    return written


def group_json(group: AssignmentGroup) -> dict[str, Any]:
    """Write one assignment group without its assignments."""
    return {
        "id": group.id,
        "name": group.name,
        "position": group.position,
        "group_weight": group.weight,
        "sis_source_id": None,
        "integration_data": {},
        "rules": {},
    }


def _enrollment_json(student: Student, includes: AbstractSet[str]) -> dict[str, Any]:
    enrollment: dict[str, Any] = {
        "type": "student",
        "role": "StudentEnrollment",
        "role_id": STUDENT_ROLE_ID,
        "user_id": student.id,
        "enrollment_state": "active",
        "limit_privileges_to_course_section": False,
    }
    if "total_scores" in includes:
        enrollment.update(
            computed_current_score=None,
            computed_current_grade=None,
            computed_final_score=0.0,
            computed_final_grade=None,
        )
    return enrollment


def _included(course: Course, includes: AbstractSet[str]) -> dict[str, Any]:
    possible: dict[str, Any] = {
        "term": _term_json(course.term),
        "course_progress": _progress_json(course),
        "syllabus_body": course.syllabus_body,
        "public_description": None,
        "total_students": 42,
        "concluded": False,
        "favorites": None,
        "course_image": None,
        "teachers": [
            {
                "id": course.groups[0].id,
                "display_name": course.teacher,
                "avatar_image_url": None,
                "html_url": None,
                "pronouns": None,
            }
        ],
    }
    field_names = {"favorites": "is_favorite", "course_image": "image_download_url"}
    chosen = {field_names.get(n, n): value for n, value in possible.items() if n in includes}
    if "favorites" in includes:
        chosen["is_favorite"] = True
    return chosen


def _term_json(term: Term) -> dict[str, Any]:
    return {
        "id": term.id,
        "name": term.name,
        "start_at": term.start_at,
        "end_at": term.end_at,
        "created_at": term.created_at,
        "workflow_state": "active",
        "grading_period_group_id": None,
    }


def _progress_json(course: Course) -> dict[str, Any]:
    if course.requirement_count is None:
        return {
            "error": {
                "message": "no progress available because this course is not module based "
                "(has modules and module completion requirements) or the user is not enrolled "
                "as a student in this course"
            }
        }
    return {
        "requirement_count": course.requirement_count,
        "requirement_completed_count": course.requirement_completed_count,
        "next_requirement_url": None,
        "completed_at": None,
    }
