"""The rules of reading: a personal item is its creator's, a group's items are every member's."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import ColumnElement, SQLColumnExpression, and_

from services.schedule_service.groups.errors import AccessDenied


class Role(StrEnum):
    """What a member may do in a group."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"


class GroupDirectory(Protocol):
    """Knows the groups and their members. Never asked while a database connection is held."""

    async def role_of(self, cognito_sub: str, *, group_id: int) -> Role | None:
        """Return someone's role in a group; None for a stranger and for a group that does not exist."""

    async def group_ids_of(self, cognito_sub: str) -> list[int]:
        """Return the groups that someone is a member of."""

    async def member_subs_of(self, group_id: int) -> list[str]:
        """Return the members of a group in the order they came; none of a group that does not exist."""


@dataclass(frozen=True)
class ReadingScope:
    """Whose items a list covers: one user's personal ones, those of some groups, or both."""

    cognito_sub: str | None
    group_ids: tuple[int, ...] = ()

    def branches(
        self, cognito_sub: SQLColumnExpression[Any], group_id: SQLColumnExpression[Any]
    ) -> list[ColumnElement[bool]]:
        """Return one condition for the personal items and one for the groups'; no row meets both.

        They are for a UNION: an OR between them would keep the database from using an index for each.
        """
        branches: list[ColumnElement[bool]] = []
        if self.cognito_sub is not None:
            branches.append(and_(cognito_sub == self.cognito_sub, group_id.is_(None)))
        if self.group_ids:
            branches.append(group_id.in_(self.group_ids))
        return branches


async def reading_scope(
    groups: GroupDirectory, *, caller: str, group_id: int | None, include_groups: bool
) -> ReadingScope:
    """Return what a list covers; a named group wins over all groups.

    Raises:
        AccessDenied: The caller is not a member of the named group.
        Unavailable: user_service cannot be asked.
    """
    if group_id is not None:
        await require_reader(groups, caller=caller, cognito_sub=None, group_id=group_id)
        return ReadingScope(None, (group_id,))
    if include_groups:
        return ReadingScope(caller, tuple(sorted(set(await groups.group_ids_of(caller)))))
    return ReadingScope(caller)


async def require_reader(
    groups: GroupDirectory, *, caller: str, cognito_sub: str | None, group_id: int | None
) -> None:
    """Check that the caller may read an item.

    Args:
        groups: Asked when the item is a group's.
        caller: Who wants to read.
        cognito_sub: Who created the item.
        group_id: The group it is in, None for a personal item.

    Raises:
        AccessDenied: The caller may not.
        Unavailable: user_service cannot be asked.
    """
    if group_id is None:
        may_read = cognito_sub == caller
    else:
        may_read = await groups.role_of(caller, group_id=group_id) is not None
    if not may_read:
        raise AccessDenied
