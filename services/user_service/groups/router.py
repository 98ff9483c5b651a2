"""HTTP door of the membership questions that other services ask: `/api/internal`."""

from fastapi import Response

from services.user_service.dependencies import DatabaseDep
from services.user_service.groups import service
from shared.web.app import json_answer
from shared.web.json_body import strict_router
from shared.web.schemas import PathId

internal_router = strict_router("/api/internal", "Internal")


# Stands before the question about one member: routes are tried in this order, and a literal segment wins.
@internal_router.get("/groups/{group_id}/members/cognito-subs", include_in_schema=False)
async def list_member_subs(database: DatabaseDep, group_id: PathId) -> Response:
    """Return the subs of a group's members."""
    subs = await database.transaction(lambda session: service.list_member_subs(session, group_id))
    return json_answer(list(subs))


@internal_router.get("/groups/{group_id}/members/{cognito_sub}", include_in_schema=False)
async def read_membership(database: DatabaseDep, group_id: PathId, cognito_sub: str) -> Response:
    """Tell whether a user belongs to a group, and in which role."""
    role = await database.transaction(
        lambda session: service.find_role(session, group_id=group_id, cognito_sub=cognito_sub)
    )
    return json_answer(
        {
            "groupId": group_id,
            "cognitoSub": cognito_sub,
            "member": role is not None,
            "role": role,
        }
    )


@internal_router.get("/groups/memberships/{cognito_sub}", include_in_schema=False)
@internal_router.get("/users/{cognito_sub}/groups", include_in_schema=False)
async def list_group_ids(database: DatabaseDep, cognito_sub: str) -> Response:
    """Return the ids of the groups a user belongs to."""
    ids = await database.transaction(lambda session: service.list_group_ids(session, cognito_sub))
    return json_answer(list(ids))
