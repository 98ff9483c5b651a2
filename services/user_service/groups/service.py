"""Makes, shows, changes, deletes and leaves groups (rest.md E12 to E16, E21)."""

from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.user_service.database import AnyRow
from services.user_service.deletions.models import PendingDeletion
from services.user_service.deletions.service import GroupData, pending_group
from services.user_service.groups.errors import GroupNotFound, OwnershipHolds
from services.user_service.groups.members import read_members
from services.user_service.groups.memberships import (
    count_members,
    find_role,
    lock_group,
    lock_group_as,
    require_role,
)
from services.user_service.groups.models import Group, GroupMember, Role
from services.user_service.users import service as users
from services.user_service.users.errors import UserNotFound
from services.user_service.users.models import User
from services.user_service.users.summaries import SUMMARY_COLUMNS, is_user, summary
from shared.database import Database, utc_now


async def create(
    session: AsyncSession, caller: str, *, name: str, description: str | None
) -> dict[str, Any]:
    """Make a group whose OWNER is the caller, and return it.

    Raises:
        UserNotFound: The caller has no row.
    """
    owner = await users.lock_user(session, caller)
    if owner is None:
        raise UserNotFound
    now = utc_now()
    group = Group(
        name=name,
        description=description,
        owner_cognito_sub=owner.cognito_sub,
        created_at=now,
        updated_at=now,
    )
    session.add(group)
    await session.flush()
    session.add(
        GroupMember(
            group_id=group.id, user_cognito_sub=owner.cognito_sub, role=Role.OWNER, joined_at=now
        )
    )
    return _group(group, owner, my_role=Role.OWNER, member_count=1)


async def list_groups(
    session: AsyncSession, caller: str, *, after_id: int = 0, limit: int | None = None
) -> list[tuple[int, dict[str, Any]]]:
    """Return the groups the caller belongs to, each after its membership id, by that id."""
    everybody = aliased(GroupMember)
    member_count = (
        select(func.count())
        .select_from(everybody)
        .where(everybody.group_id == Group.id)
        .scalar_subquery()
    )
    rows = await session.execute(
        _groups(GroupMember.id.label("member_id"), GroupMember.role, member_count.label("count_"))
        .where(
            GroupMember.user_cognito_sub == caller,
            GroupMember.id > after_id,
            GroupMember.group_id == Group.id,
        )
        .order_by(GroupMember.id)
        .limit(limit)
    )
    return [
        (row.member_id, _group(row, row, my_role=row.role, member_count=row.count_)) for row in rows
    ]


async def read(session: AsyncSession, caller: str, *, group_id: int) -> dict[str, Any]:
    """Return a group with its members.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        GroupNotFound: The caller's membership has lost its group, or the group its owner.
    """
    await require_role(session, group_id=group_id, caller=caller)
    row = await _read_with_owner(session, group_id)
    return {
        "groupId": row.id,
        "name": row.name,
        "description": row.description,
        "owner": summary(row),
        "members": await read_members(session, group_id),
        "createdAt": row.created_at,
    }


async def change(
    session: AsyncSession,
    caller: str,
    *,
    group_id: int,
    name: str | None,
    description: str | None,
) -> dict[str, Any]:
    """Change what is given of a group's name and description, and return the group.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        InsufficientPermission: The caller is not the OWNER.
        GroupNotFound: The caller's membership has lost its group, or the group its owner.
    """
    group = await lock_group_as(session, group_id=group_id, caller=caller, allowed=[Role.OWNER])
    if name is not None:
        group.name = name
    if description is not None:
        group.description = description
    group.updated_at = utc_now()
    await session.flush()
    row = await _read_with_owner(session, group_id)
    return _group(row, row, my_role=Role.OWNER, member_count=await count_members(session, group_id))


async def delete_group(
    database: Database, group_data: GroupData, caller: str, *, group_id: int
) -> None:
    """Delete a group, with everything it planned first.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        InsufficientPermission: The caller is not the OWNER.
        Unavailable: What it planned could not be deleted; the group stays.
    """

    async def ask(session: AsyncSession) -> None:
        await require_role(session, group_id=group_id, caller=caller, allowed=[Role.OWNER])

    async def finish(session: AsyncSession) -> None:
        # Whoever joined meanwhile goes, too; whoever wants to join now waits, and finds no group.
        await lock_group(session, group_id)
        await ask(session)
        await _delete_rows(session, group_id)

    await database.transaction(ask)
    await group_data.delete_group_data(group_id)
    await database.transaction(finish)


async def leave(database: Database, group_data: GroupData, caller: str, *, group_id: int) -> None:
    """End the caller's membership; with its owner as the last member, a group is deleted.

    Raises:
        MemberNotFound: The caller is no member, or there is no such group.
        OwnershipHolds: The caller is the OWNER of a group with other members.
        Unavailable: What the group planned could not be deleted; nothing has changed.
    """

    async def ask(session: AsyncSession) -> bool:
        """Leave, or tell that the group must go with its owner."""
        await lock_group(session, group_id)
        role = await require_role(session, group_id=group_id, caller=caller)
        if role != Role.OWNER:
            await session.execute(
                delete(GroupMember).where(
                    GroupMember.group_id == group_id, GroupMember.user_cognito_sub == caller
                )
            )
            return False
        if await count_members(session, group_id) > 1:
            raise OwnershipHolds
        return True

    async def finish(session: AsyncSession) -> None:
        # Asked again: the owner may have invited somebody meanwhile, and then stays.
        if await ask(session):
            await _delete_rows(session, group_id)

    if await database.transaction(ask):
        await group_data.delete_group_data(group_id)
        await database.transaction(finish)


async def leave_all(
    session: AsyncSession, user: User
) -> tuple[dict[int, str], list[PendingDeletion]]:
    """Take a user, who is locked, out of all groups, deleting those without anybody else.

    Returns:
        Who owns the groups that stay, by group id; and what must be deleted elsewhere of the others.

    Raises:
        OwnershipHolds: The user owns a group with other members.
    """
    sub = user.cognito_sub
    owned = await session.scalars(select(Group.id).where(Group.owner_cognito_sub == sub))
    joined = await session.scalars(
        select(GroupMember.group_id).where(GroupMember.user_cognito_sub == sub)
    )
    owners: dict[int, str] = {}
    deleted: list[PendingDeletion] = []
    for group_id in sorted({*owned, *joined}):
        group = await lock_group(session, group_id)
        role = await find_role(session, group_id=group_id, cognito_sub=sub)
        others = await count_members(session, group_id) - (role is not None)
        if group is not None and group.owner_cognito_sub != sub and role != Role.OWNER:
            owners[group_id] = group.owner_cognito_sub
        elif group is not None and others:
            raise OwnershipHolds
        else:
            deleted.append(await _delete_rows(session, group_id))
    await session.execute(delete(GroupMember).where(GroupMember.user_cognito_sub == sub))
    return owners, deleted


async def _delete_rows(session: AsyncSession, group_id: int) -> PendingDeletion:
    """Delete a locked group and its memberships, and see to it that nothing planned remains.

    What a member wrote while the deletion was under way is deleted a little later.
    """
    await session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
    await session.execute(delete(Group).where(Group.id == group_id))
    pending = pending_group(group_id)
    session.add(pending)
    return pending


def _groups(*columns: Any) -> Select[Any]:
    return select(
        Group.id, Group.name, Group.description, Group.created_at, *columns, *SUMMARY_COLUMNS
    ).where(is_user(Group.owner_cognito_sub))


async def _read_with_owner(session: AsyncSession, group_id: int) -> AnyRow:
    row: AnyRow | None = (
        await session.execute(_groups().where(Group.id == group_id))
    ).one_or_none()
    if row is None:
        raise GroupNotFound
    return row


def _group(
    group: Group | AnyRow, owner: User | AnyRow, *, my_role: Role, member_count: int
) -> dict[str, Any]:
    return {
        "groupId": group.id,
        "name": group.name,
        "description": group.description,
        "owner": summary(owner),
        "myRole": my_role,
        "memberCount": member_count,
        "createdAt": group.created_at,
    }
