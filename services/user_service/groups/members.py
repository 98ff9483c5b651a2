"""Invites, lists, promotes and removes members (rest.md E17 to E20)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.database import AnyRow
from services.user_service.groups.errors import (
    InsufficientPermission,
    MemberAlreadyExists,
    MemberNotFound,
    MembershipOfAnotherGroup,
    OwnerRoleIsFixed,
)
from services.user_service.groups.memberships import (
    find_role,
    lock_group,
    lock_group_as,
    require_role,
)
from services.user_service.groups.models import GroupMember, Role
from services.user_service.users import service as users
from services.user_service.users.errors import UserNotFound
from services.user_service.users.models import User
from services.user_service.users.summaries import SUMMARY_COLUMNS, is_user, summary
from shared.database import utc_now

MANAGERS = (Role.OWNER, Role.ADMIN)


async def list_members(
    session: AsyncSession,
    caller: str,
    *,
    group_id: int,
    after_id: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Return a group's members, by membership id.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
    """
    await require_role(session, group_id=group_id, caller=caller)
    return await read_members(session, group_id, after_id=after_id, limit=limit)


async def read_members(
    session: AsyncSession, group_id: int, *, after_id: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Return a group's members, whoever asks."""
    rows = await session.execute(
        select(GroupMember.id, GroupMember.role, GroupMember.joined_at, *SUMMARY_COLUMNS)
        .where(
            GroupMember.group_id == group_id,
            GroupMember.id > after_id,
            is_user(GroupMember.user_cognito_sub),
        )
        .order_by(GroupMember.id)
        .limit(limit)
    )
    return [_member(row, row) for row in rows]


async def invite(
    session: AsyncSession, caller: str, *, group_id: int, invited: str, role: Role
) -> dict[str, Any]:
    """Make somebody a member at once, and return the member.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        InsufficientPermission: The caller is MEMBER.
        OwnerRoleIsFixed: The role is OWNER.
        UserNotFound: There is no such user.
        MemberAlreadyExists: The user is a member already.
    """
    # Locked before the group, as everywhere; whether there is such a user is answered in its turn.
    user = await users.lock_user(session, invited)
    group = await lock_group_as(session, group_id=group_id, caller=caller, allowed=MANAGERS)
    if role == Role.OWNER:
        raise OwnerRoleIsFixed
    if user is None:
        raise UserNotFound
    if await find_role(session, group_id=group_id, cognito_sub=user.cognito_sub) is not None:
        raise MemberAlreadyExists
    member = GroupMember(
        group_id=group.id, user_cognito_sub=user.cognito_sub, role=role, joined_at=utc_now()
    )
    session.add(member)
    await session.flush()
    return _member(member, user)


async def change_role(
    session: AsyncSession, caller: str, *, group_id: int, member_id: int, role: Role
) -> dict[str, Any]:
    """Give a member another role, and return the member.

    Raises:
        MemberNotFound: The caller is no member, or there is no such membership.
        InsufficientPermission: The caller is not the OWNER.
        OwnerRoleIsFixed: The new role is OWNER, or the membership is the OWNER's.
        MembershipOfAnotherGroup: It is not of this group.
    """
    await lock_group(session, group_id)
    await require_role(session, group_id=group_id, caller=caller)
    member = await _read(session, member_id)
    await require_role(session, group_id=group_id, caller=caller, allowed=[Role.OWNER])
    if role == Role.OWNER:
        raise OwnerRoleIsFixed
    if member.group_id != group_id:
        raise MembershipOfAnotherGroup
    if member.role == Role.OWNER:
        raise OwnerRoleIsFixed
    user = await users.find_user(session, member.user_cognito_sub)
    if user is None:
        raise MemberNotFound
    member.role = role
    return _member(member, user)


async def remove(session: AsyncSession, caller: str, *, group_id: int, member_id: int) -> None:
    """End a membership.

    Raises:
        MemberNotFound: There is no such membership, or the caller is no member.
        MembershipOfAnotherGroup: It is not of this group.
        InsufficientPermission: The caller is MEMBER, or ADMIN and the other one is not MEMBER.
        OwnerRoleIsFixed: The membership is the OWNER's.
    """
    await lock_group(session, group_id)
    member = await _read(session, member_id)
    if member.group_id != group_id:
        raise MembershipOfAnotherGroup
    role = await require_role(session, group_id=group_id, caller=caller, allowed=MANAGERS)
    if role == Role.ADMIN and member.role != Role.MEMBER:
        raise InsufficientPermission
    if member.role == Role.OWNER:
        raise OwnerRoleIsFixed
    await session.delete(member)


async def _read(session: AsyncSession, member_id: int) -> GroupMember:
    member: GroupMember | None = await session.scalar(
        select(GroupMember).where(GroupMember.id == member_id)
    )
    if member is None:
        raise MemberNotFound
    return member


def _member(member: GroupMember | AnyRow, user: User | AnyRow) -> dict[str, Any]:
    return {
        "memberId": member.id,
        "user": summary(user),
        "role": member.role,
        "joinedAt": member.joined_at,
    }
