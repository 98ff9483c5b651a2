"""What is said of students' submissions, read from committed rows at the moment it is sent."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.course_service.assignments.models import (
    SAME_ASSIGNMENT,
    Assignment,
    AssignmentVisibility,
)
from shared.events.canvas_sync import SubmissionEntry
from shared.events.submissions import (
    SUBMISSION_DETECTED,
    SUBMISSION_RECORDED,
    SubmissionDetected,
    SubmissionMetadata,
    SubmissionRecorded,
    is_handed_in,
)
from shared.events.times import write_event_time


async def detected_submissions(
    session: AsyncSession, cognito_sub: str, assignment_ids: Collection[int]
) -> list[bytes]:
    """Return one `SUBMISSION_DETECTED` for each assignment that the student has handed in by now.

    It carries the assignment's text and the student's own due date, so that the check can compare.
    """
    rows = await session.execute(
        select(
            Assignment.id,
            Assignment.course_id,
            Assignment.canvas_assignment_id,
            Assignment.title,
            Assignment.description,
            AssignmentVisibility.due_at,
            AssignmentVisibility.submission,
        )
        .join(AssignmentVisibility, SAME_ASSIGNMENT)
        .where(
            AssignmentVisibility.cognito_sub == cognito_sub,
            Assignment.id.in_(assignment_ids),
            AssignmentVisibility.submission.is_not(None),
        )
        .order_by(Assignment.id)
    )
    return [
        SubmissionDetected(
            event_type=SUBMISSION_DETECTED,
            user_id=None,
            cognito_sub=cognito_sub,
            course_id=row.course_id,
            assignment_id=row.id,
            canvas_assignment_id=row.canvas_assignment_id,
            title=row.title,
            description=row.description,
            due_at=write_event_time(row.due_at),
            submission_metadata=SubmissionMetadata(
                submitted_at=submission.submitted_at,
                submission_type=submission.submission_type,
                workflow_state=submission.workflow_state,
                attachments=submission.files,
            ),
        ).to_body()
        for row in rows
        if is_handed_in(
            (submission := SubmissionEntry.model_validate(row.submission)).submitted_at,
            submission.workflow_state,
        )
    ]


async def recorded_submissions(
    session: AsyncSession, cognito_sub: str, assignment_ids: Collection[int]
) -> list[bytes]:
    """Return one `SUBMISSION_RECORDED` for each assignment of which the student's submission is known."""
    rows = await session.execute(
        select(Assignment.canvas_assignment_id, AssignmentVisibility.submission)
        .join(AssignmentVisibility, SAME_ASSIGNMENT)
        .where(
            AssignmentVisibility.cognito_sub == cognito_sub,
            Assignment.id.in_(assignment_ids),
            AssignmentVisibility.submission.is_not(None),
        )
        .order_by(Assignment.id)
    )
    return [
        SubmissionRecorded(
            event_type=SUBMISSION_RECORDED,
            cognito_sub=cognito_sub,
            canvas_assignment_id=row.canvas_assignment_id,
            submitted_at=row.submission["submittedAt"],
            workflow_state=row.submission["workflowState"],
        ).to_body()
        for row in rows
    ]
