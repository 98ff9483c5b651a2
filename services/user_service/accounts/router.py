"""HTTP door of the end of an account: `DELETE /v1/users/me`."""

from typing import Annotated

from fastapi import Response, status

from services.user_service.accounts import service
from services.user_service.deletions.service import Deletions
from services.user_service.users.errors import UserNotFound
from shared.identity.headers import Caller
from shared.web.dependencies import DatabaseDep, part_of_process
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/users", "Users")


DeletionsDep = Annotated[Deletions, part_of_process("deletions")]


@router.delete(
    "/me",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete the caller's account and everything of theirs",
    responses=documented_errors(ErrorCodeAnswer, UserNotFound),
)
async def delete_account(
    database: DatabaseDep, deletions: DeletionsDep, caller: Caller
) -> Response:
    """Delete the account; refused while the caller owns a group with other members."""
    await service.delete_account(database, deletions, caller)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
