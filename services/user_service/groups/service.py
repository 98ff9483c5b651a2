"""Answers who is in which group, from the rows as they are at this moment."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.groups.models import GroupMember, Role


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
