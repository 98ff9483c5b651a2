"""Answers who is in which group and may do what, from the rows as they are at this moment."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.groups.errors import (
    GroupNotFound,
    InsufficientPermission,
    MemberNotFound,
)
from services.user_service.groups.models import Group, GroupMember, Role


async def find_role(session: AsyncSession, *, group_id: int, cognito_sub: str) -> Role | None:
    """Return a user's role in a group; nothing for strangers and for groups that do not exist."""
    role: Role | None = await session.scalar(
        select(GroupMember.role).where(
            GroupMember.group_id == group_id, GroupMember.user_cognito_sub == cognito_sub
        )
    )
    return role


async def list_member_subs(session: AsyncSession, group_id: int) -> Sequence[str]:
    """Return the subs of a group's members, by membership id."""
    rows = await session.scalars(
        select(GroupMember.user_cognito_sub)
        .where(GroupMember.group_id == group_id)
        .order_by(GroupMember.id)
    )
    return rows.all()


async def list_group_ids(session: AsyncSession, cognito_sub: str) -> Sequence[int]:
    """Return the ids of the groups a user belongs to, by membership id."""
    rows = await session.scalars(
        select(GroupMember.group_id)
        .where(GroupMember.user_cognito_sub == cognito_sub)
        .order_by(GroupMember.id)
    )
    return rows.all()


async def require_role(
    session: AsyncSession, *, group_id: int, caller: str, allowed: Sequence[Role] = tuple(Role)
) -> Role:
    """Return the caller's role in a group.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        InsufficientPermission: The role is not among the allowed ones.
    """
    role = await find_role(session, group_id=group_id, cognito_sub=caller)
    if role is None:
        raise MemberNotFound
    if role not in allowed:
        raise InsufficientPermission
    return role


async def lock_group(session: AsyncSession, group_id: int) -> Group | None:
    """Return a group, or nothing, and let nobody else change it or its members meanwhile."""
    group: Group | None = await session.scalar(
        select(Group)
        .where(Group.id == group_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return group


async def lock_group_as(
    session: AsyncSession, *, group_id: int, caller: str, allowed: Sequence[Role] = tuple(Role)
) -> Group:
    """Lock a group for a caller whose role allows it.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        InsufficientPermission: The role is not among the allowed ones.
        GroupNotFound: The caller's membership has lost its group.
    """
    group = await lock_group(session, group_id)
    await require_role(session, group_id=group_id, caller=caller, allowed=allowed)
    if group is None:
        raise GroupNotFound
    return group


async def count_members(session: AsyncSession, group_id: int) -> int:
    """Return how many members a group has."""
    return (
        await session.scalar(
            select(func.count()).select_from(GroupMember).where(GroupMember.group_id == group_id)
        )
        or 0
    )
