"""The internal door by which user_service deletes a student's data."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.course_service.deletion import service
from services.course_service.deletion.schemas import DeletedRows
from services.course_service.dependencies import QueueNamesDep
from shared.identity.headers import MAX_SUB_LENGTH
from shared.logging import current_user, get_logger, pseudonym
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep

log = get_logger(__name__)

internal = APIRouter(prefix="/internal/v1/users", include_in_schema=False)

StudentId = Annotated[str, Path(pattern=r"^[!-~]+$", max_length=MAX_SUB_LENGTH)]
"""A Cognito sub: to the collation, other text could be equal to it."""


@internal.delete("/{cognito_sub}/data", response_model=DeletedRows)
async def delete_data(
    database: DatabaseDep, queue_names: QueueNamesDep, cognito_sub: StudentId
) -> Response:
    """Delete everything about a student and return how much it was; a body is ignored."""
    current_user.set(pseudonym(cognito_sub))
    deleted = await database.transaction(
        lambda session: service.delete_student(
            session, cognito_sub=cognito_sub, queue_names=queue_names
        )
    )
    log.info("student_deleted", enrollments=deleted.deleted_enrollments)
    return json_answer(deleted.model_dump(by_alias=True))
