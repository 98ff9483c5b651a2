"""HTTP door of the profile: `/v1/users`."""

from services.user_service.users import service
from services.user_service.users.errors import UserNotFound
from services.user_service.users.schemas import ProfileAnswer, ProfileChange
from shared.identity.headers import Caller
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/users", "Users")


@router.get(
    "/me",
    summary="Read the caller's profile",
    responses=documented_errors(ErrorCodeAnswer, UserNotFound),
)
async def read_profile(database: DatabaseDep, caller: Caller) -> ProfileAnswer:
    """Return the caller's own row."""
    user = await database.transaction(lambda session: service.read_user(session, caller))
    return ProfileAnswer.model_validate(user)


@router.put(
    "/me",
    summary="Change the caller's name",
    responses=documented_errors(ErrorCodeAnswer, UserNotFound, has_body=True),
)
async def rename(database: DatabaseDep, caller: Caller, body: ProfileChange) -> ProfileAnswer:
    """Store the new name and return the row; tokens carry the old one."""
    user = await database.transaction(
        lambda session: service.rename(session, caller, name=body.name)
    )
    return ProfileAnswer.model_validate(user)
