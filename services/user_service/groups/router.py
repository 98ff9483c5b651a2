"""HTTP doors of groups: `/v1/groups`, and the questions of other services at `/api/internal`."""

from fastapi import Request, Response, status

from services.user_service.dependencies import GroupDataDep
from services.user_service.groups import members, memberships, service
from services.user_service.groups.errors import (
    GroupNotFound,
    InsufficientPermission,
    MemberAlreadyExists,
    MemberNotFound,
)
from services.user_service.groups.models import Role
from services.user_service.groups.schemas import (
    GroupAnswer,
    GroupBody,
    GroupChange,
    GroupDetailAnswer,
    Invitation,
    MemberAnswer,
    RoleChange,
)
from services.user_service.users.errors import UserNotFound
from services.user_service.users.schemas import MessageAnswer
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer, read_position
from shared.web.schemas import PathId

router = strict_router("/v1/groups", "Groups")
internal_router = strict_router("/api/internal", "Internal")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Make a group",
    response_model=GroupAnswer,
    responses=documented_errors(ErrorCodeAnswer, UserNotFound, has_body=True),
)
async def create(database: DatabaseDep, caller: Caller, body: GroupBody) -> Response:
    """Make a group; the caller becomes its OWNER."""
    group = await database.transaction(
        lambda session: service.create(
            session, caller, name=body.name, description=body.description
        )
    )
    return json_answer(group, status.HTTP_201_CREATED)


@router.get(
    "",
    summary="List the caller's groups",
    response_model=list[GroupAnswer],
    responses=documented_errors(ErrorCodeAnswer),
)
async def list_groups(
    request: Request, database: DatabaseDep, caller: Caller, page: PageParameters
) -> Response:
    """Return all groups the caller belongs to, in the order of joining."""
    (after_id,) = read_position(page, int) or (0,)
    rows = await database.transaction(
        lambda session: service.list_groups(session, caller, after_id=after_id, limit=page.fetch)
    )
    member_ids = {group["groupId"]: member_id for member_id, group in rows}
    groups = [group for _, group in rows]
    return list_answer(request, page, groups, lambda row: [member_ids[row["groupId"]]])


@router.get(
    "/{group_id}",
    summary="Read a group with its members",
    response_model=GroupDetailAnswer,
    responses=documented_errors(ErrorCodeAnswer, MemberNotFound, GroupNotFound),
)
async def read(database: DatabaseDep, caller: Caller, group_id: PathId) -> Response:
    """Return the group, for its members."""
    group = await database.transaction(
        lambda session: service.read(session, caller, group_id=group_id)
    )
    return json_answer(group)


@router.put(
    "/{group_id}",
    summary="Change a group's name and description",
    response_model=GroupAnswer,
    responses=documented_errors(
        ErrorCodeAnswer, MemberNotFound, GroupNotFound, InsufficientPermission, has_body=True
    ),
)
async def change(
    database: DatabaseDep, caller: Caller, group_id: PathId, body: GroupChange
) -> Response:
    """Change what is given; OWNER only."""
    group = await database.transaction(
        lambda session: service.change(
            session, caller, group_id=group_id, name=body.name, description=body.description
        )
    )
    return json_answer(group)


@router.delete(
    "/{group_id}",
    summary="Delete a group with everything it planned",
    responses=documented_errors(ErrorCodeAnswer, MemberNotFound, InsufficientPermission),
)
async def delete(
    database: DatabaseDep, group_data: GroupDataDep, caller: Caller, group_id: PathId
) -> MessageAnswer:
    """Delete the group's schedules, todos and categories, its memberships and the group; OWNER only."""
    await service.delete_group(database, group_data, caller, group_id=group_id)
    return MessageAnswer(message="그룹을 삭제했습니다.")


@router.post(
    "/{group_id}/members",
    status_code=status.HTTP_201_CREATED,
    summary="Make somebody a member",
    response_model=MemberAnswer,
    responses=documented_errors(
        ErrorCodeAnswer,
        MemberNotFound,
        GroupNotFound,
        UserNotFound,
        InsufficientPermission,
        MemberAlreadyExists,
        has_body=True,
    ),
)
async def invite(
    database: DatabaseDep, caller: Caller, group_id: PathId, body: Invitation
) -> Response:
    """Add a member, who need not accept; OWNER and ADMIN."""
    member = await database.transaction(
        lambda session: members.invite(
            session,
            caller,
            group_id=group_id,
            invited=body.user_cognito_sub,
            role=body.role or Role.MEMBER,
        )
    )
    return json_answer(member, status.HTTP_201_CREATED)


@router.get(
    "/{group_id}/members",
    summary="List a group's members",
    response_model=list[MemberAnswer],
    responses=documented_errors(ErrorCodeAnswer, MemberNotFound),
)
async def list_members(
    request: Request,
    database: DatabaseDep,
    caller: Caller,
    group_id: PathId,
    page: PageParameters,
) -> Response:
    """Return the members in the order of joining."""
    (after_id,) = read_position(page, int) or (0,)
    rows = await database.transaction(
        lambda session: members.list_members(
            session, caller, group_id=group_id, after_id=after_id, limit=page.fetch
        )
    )
    return list_answer(request, page, rows, lambda row: [row["memberId"]])


@router.patch(
    "/{group_id}/members/{member_id}/role",
    summary="Change a member's role",
    response_model=MemberAnswer,
    responses=documented_errors(
        ErrorCodeAnswer, MemberNotFound, InsufficientPermission, has_body=True
    ),
)
async def change_role(
    database: DatabaseDep, caller: Caller, group_id: PathId, member_id: PathId, body: RoleChange
) -> Response:
    """Make a member ADMIN or MEMBER; OWNER only."""
    member = await database.transaction(
        lambda session: members.change_role(
            session, caller, group_id=group_id, member_id=member_id, role=body.role
        )
    )
    return json_answer(member)


@router.delete(
    "/{group_id}/members/{member_id}",
    summary="Remove a member",
    responses=documented_errors(ErrorCodeAnswer, MemberNotFound, InsufficientPermission),
)
async def remove_member(
    database: DatabaseDep, caller: Caller, group_id: PathId, member_id: PathId
) -> MessageAnswer:
    """End a membership: the OWNER's choice, or an ADMIN's when it is a MEMBER's."""
    await database.transaction(
        lambda session: members.remove(session, caller, group_id=group_id, member_id=member_id)
    )
    return MessageAnswer(message="멤버를 그룹에서 제거했습니다.")


@router.post(
    "/{group_id}/leave",
    summary="Leave a group",
    responses=documented_errors(ErrorCodeAnswer, MemberNotFound),
)
async def leave(
    database: DatabaseDep, group_data: GroupDataDep, caller: Caller, group_id: PathId
) -> MessageAnswer:
    """End the caller's membership; an OWNER leaves only as the last member, and the group goes, too."""
    await service.leave(database, group_data, caller, group_id=group_id)
    return MessageAnswer(message="그룹에서 탈퇴했습니다.")


# Stands before the question about one member: routes are tried in this order, and a literal segment wins.
@internal_router.get("/groups/{group_id}/members/cognito-subs", include_in_schema=False)
async def list_member_subs(database: DatabaseDep, group_id: PathId) -> Response:
    """Return the subs of a group's members."""
    subs = await database.transaction(
        lambda session: memberships.list_member_subs(session, group_id)
    )
    return json_answer(list(subs))


@internal_router.get("/groups/{group_id}/members/{cognito_sub}", include_in_schema=False)
async def read_membership(database: DatabaseDep, group_id: PathId, cognito_sub: str) -> Response:
    """Tell whether a user belongs to a group, and in which role."""
    role = await database.transaction(
        lambda session: memberships.find_role(session, group_id=group_id, cognito_sub=cognito_sub)
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
    ids = await database.transaction(
        lambda session: memberships.list_group_ids(session, cognito_sub)
    )
    return json_answer(list(ids))
