"""The internal doors by which user_service deletes the data of groups (rest.md I7) and users."""

from typing import Annotated

from fastapi import Path, Response

from services.schedule_service.deletion import service
from services.schedule_service.deletion.schemas import COGNITO_SUB_PATTERN, UserDeletion
from services.schedule_service.groups.dependencies import GroupsDep
from shared.identity.headers import MAX_SUB_LENGTH
from shared.logging import current_user, pseudonym
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.json_body import strict_router
from shared.web.schemas import PathId

groups_router = strict_router("/api/internal/groups", "Internal")
users_router = strict_router("/internal/v1/users", "Internal")

CognitoSubInPath = Annotated[str, Path(pattern=COGNITO_SUB_PATTERN, max_length=MAX_SUB_LENGTH)]


@groups_router.delete("/{group_id}/data", include_in_schema=False)
async def delete_group(database: DatabaseDep, group_id: PathId) -> Response:
    """Delete everything of a group and return how much it was."""
    deleted = await service.delete_group(database, group_id=group_id)
    return json_answer(deleted.model_dump(by_alias=True))


@users_router.delete("/{cognito_sub}/data", include_in_schema=False)
async def delete_user(
    database: DatabaseDep,
    groups: GroupsDep,
    cognito_sub: CognitoSubInPath,
    body: UserDeletion | None = None,
) -> Response:
    """Delete everything of a user, hand over what the user made for groups, and return how much it was."""
    current_user.set(pseudonym(cognito_sub))
    deleted = await service.delete_user(
        database,
        groups,
        cognito_sub=cognito_sub,
        group_owners=(body and body.group_owners) or {},
    )
    return json_answer(deleted.model_dump(by_alias=True))
