"""How the rows of assignments and of what students see of them are written, many at once."""

from shared.upserts import Upsert

ASSIGNMENTS = Upsert(
    "assignments",
    columns=(
        "id",
        "canvas_assignment_id",
        "course_id",
        "title",
        "description",
        "due_at",
        "points_possible",
        "submission_types",
        "created_at",
        "updated_at",
    ),
    changing={
        "course_id": "VALUES(course_id)",
        "title": "VALUES(title)",
        "description": "VALUES(description)",
        "due_at": "VALUES(due_at)",
        "points_possible": "VALUES(points_possible)",
        "submission_types": "VALUES(submission_types)",
        # Strictly later at each change, whatever the clocks of two workers say: plans are put in order by it.
        "updated_at": "GREATEST(VALUES(updated_at), assignments.updated_at + INTERVAL 1 MICROSECOND)",
    },
    long_texts=["description"],
)

KNOWN = (
    "COALESCE(VALUES({0}), IF(assignment_visibility.canvas_assignment_id = VALUES(canvas_assignment_id),"
    " assignment_visibility.{0}, NULL))"
)
"""A listing that says nothing of the submission leaves what is known, but not of another assignment."""

VISIBILITY = Upsert(
    "assignment_visibility",
    columns=(
        "cognito_sub",
        "assignment_id",
        "canvas_assignment_id",
        "due_at",
        "listing_hash",
        "submission",
        "submission_hash",
    ),
    # In this order: the database sees the new Canvas id in what comes after it.
    changing={
        "submission": KNOWN.format("submission"),
        "submission_hash": KNOWN.format("submission_hash"),
        "canvas_assignment_id": "VALUES(canvas_assignment_id)",
        "due_at": "VALUES(due_at)",
        "listing_hash": "VALUES(listing_hash)",
    },
)
