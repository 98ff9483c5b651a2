"""Who may write what, and units of work that decide it on locked rows without waiting for user_service.

A row's group is only known once the row is read, and user_service is never asked while a database
connection is held. So a unit of work checks against the roles asked for so far; when it meets a group
that nobody asked about, it is rolled back, the role is asked for, and it runs again.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.groups.service import GroupDirectory, Role
from shared.database import Database

ResultT = TypeVar("ResultT")

WRITERS = frozenset({Role.OWNER, Role.ADMIN})


async def require_group_reader(groups: GroupDirectory, caller: str, group_id: int) -> None:
    """Check that the caller is a member of a group.

    Raises:
        AccessDenied: The caller is not, or there is no such group.
        Unavailable: user_service cannot be asked.
    """
    if await groups.role_of(caller, group_id=group_id) is None:
        raise AccessDenied


async def require_group_writer(groups: GroupDirectory, caller: str, group_id: int) -> None:
    """Check that the caller may create, change and delete a group's items.

    Raises:
        AccessDenied: The caller is neither the owner nor an admin, or there is no such group.
        Unavailable: user_service cannot be asked.
    """
    if await groups.role_of(caller, group_id=group_id) not in WRITERS:
        raise AccessDenied


class RoleNotAsked(Exception):
    """A unit of work needs the caller's role in a group that was not asked for yet."""

    def __init__(self, group_id: int) -> None:
        super().__init__(group_id)
        self.group_id = group_id


class Permissions:
    """What the caller may do, as far as roles were asked for in this request."""

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self._roles: dict[int, Role | None] = {}

    def may_read(self, *, cognito_sub: str | None, group_id: int | None) -> bool:
        """Tell whether the caller may read an item: their own personal one, or one of their group.

        Raises:
            RoleNotAsked: The group was not asked about yet.
        """
        if group_id is None:
            return cognito_sub == self.caller
        return self._role(group_id) is not None

    def may_write(self, *, cognito_sub: str | None, group_id: int | None) -> bool:
        """Tell whether the caller may change or delete an item, or put one there.

        Raises:
            RoleNotAsked: The group was not asked about yet.
        """
        if group_id is None:
            return cognito_sub == self.caller
        return self._role(group_id) in WRITERS

    def require_reader(self, *, cognito_sub: str | None, group_id: int | None) -> None:
        """Check that the caller may read an item.

        Raises:
            AccessDenied: The caller may not.
            RoleNotAsked: The group was not asked about yet.
        """
        if not self.may_read(cognito_sub=cognito_sub, group_id=group_id):
            raise AccessDenied

    def require_writer(self, *, cognito_sub: str | None, group_id: int | None) -> None:
        """Check that the caller may change or delete an item.

        Raises:
            AccessDenied: The caller may not.
            RoleNotAsked: The group was not asked about yet.
        """
        if not self.may_write(cognito_sub=cognito_sub, group_id=group_id):
            raise AccessDenied

    def require_move(
        self, *, cognito_sub: str | None, group_id: int | None, new_group_id: int | None
    ) -> None:
        """Check that the caller may change an item and leave it in a group, which may be another one (R-17).

        Out of a group it becomes its creator's personal item, so only the creator takes it out.

        Raises:
            AccessDenied: The caller may not.
            RoleNotAsked: A group was not asked about yet.
        """
        self.require_writer(cognito_sub=cognito_sub, group_id=group_id)
        if new_group_id != group_id:
            self.require_writer(cognito_sub=cognito_sub, group_id=new_group_id)

    def learn(self, group_id: int, role: Role | None) -> None:
        """Remember the caller's role in a group for the rest of the request."""
        self._roles[group_id] = role

    def _role(self, group_id: int) -> Role | None:
        if group_id not in self._roles:
            raise RoleNotAsked(group_id)
        return self._roles[group_id]


async def hold_readable(
    session: AsyncSession,
    permissions: Permissions,
    owner: Select[str | None, int | None],
) -> bool:
    """Tell whether the caller may read an item, and keep it as it is until the transaction ends.

    Args:
        session: The unit of work.
        permissions: The caller's.
        owner: Selects the item's `cognito_sub` and `group_id`.

    Raises:
        RoleNotAsked: It is of a group that was not asked about yet.
    """
    row = (await session.execute(owner.with_for_update(read=True))).one_or_none()
    return row is not None and permissions.may_read(cognito_sub=row[0], group_id=row[1])


async def permitted_transaction(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    work: Callable[[AsyncSession, Permissions], Awaitable[ResultT]],
    group_id: int | None = None,
) -> ResultT:
    """Run a unit of work that asks `Permissions` about the rows it locked, and commit it.

    Args:
        database: The planner.
        groups: Asked, between runs, for each group that the work met.
        caller: Whose permissions count.
        work: Called with a session and the permissions, perhaps several times.
        group_id: The group an item is to be put in; the caller's right to that is checked first.

    Raises:
        AccessDenied: The caller may not write to the group named.
        Unavailable: user_service cannot be asked.
    """
    permissions = Permissions(caller)
    if group_id is not None:
        permissions.learn(group_id, await groups.role_of(caller, group_id=group_id))
        permissions.require_writer(cognito_sub=None, group_id=group_id)
    while True:
        try:
            return await database.transaction(lambda session: work(session, permissions))
        except RoleNotAsked as unknown:
            role = await groups.role_of(caller, group_id=unknown.group_id)
            permissions.learn(unknown.group_id, role)
