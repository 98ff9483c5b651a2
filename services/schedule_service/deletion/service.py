"""Deletes what is kept of a group (I7) or a user (S-08); both may be repeated."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.removal import delete_categories, lock_categories_of
from services.schedule_service.categories.upkeep import CATEGORIES
from services.schedule_service.deletion.schemas import DeletedGroupData, DeletedUserData
from services.schedule_service.groups.service import GroupDirectory, Role
from services.schedule_service.items import Holder
from services.schedule_service.plans.service import forget_student
from services.schedule_service.schedules.upkeep import SCHEDULES
from services.schedule_service.sync.students import end_student
from services.schedule_service.todos.upkeep import TODOS
from shared.database import Database
from shared.logging import get_logger

log = get_logger(__name__)


class OwnerNotAsked(Exception):
    """A user made something for a group whose owner was not named and not asked for yet."""

    def __init__(self, group_id: int) -> None:
        super().__init__(group_id)
        self.group_id = group_id


async def delete_group(database: Database, *, group_id: int) -> DeletedGroupData:
    """Delete everything of a group; what others sorted by its categories moves to their `Uncategorized`."""
    deleted = await database.transaction(lambda session: _delete_group(session, group_id=group_id))
    log.info("group_deleted", groupId=group_id)
    return deleted


async def delete_user(
    database: Database,
    groups: GroupDirectory,
    *,
    cognito_sub: str,
    group_owners: Mapping[int, str],
) -> DeletedUserData:
    """Delete everything personal of a user; what the user made for groups passes to each group's owner.

    Late messages about the user are skipped from then on. What was made for a group without members goes.

    Args:
        database: The planner.
        groups: Asked for the owners of groups that the caller did not name.
        cognito_sub: The user.
        group_owners: Owner by group id, as far as the caller knows them.

    Raises:
        Unavailable: user_service cannot be asked.
    """
    heirs: dict[int, str | None] = {
        group_id: owner for group_id, owner in group_owners.items() if owner != cognito_sub
    }
    while True:
        try:
            deleted = await database.transaction(
                lambda session: _delete_user(session, cognito_sub=cognito_sub, heirs=heirs)
            )
        except OwnerNotAsked as unknown:
            heirs[unknown.group_id] = await _find_owner(
                groups, group_id=unknown.group_id, besides=cognito_sub
            )
        else:
            log.info("user_deleted", handedOver=deleted.handed_over_items)
            return deleted


async def _find_owner(groups: GroupDirectory, *, group_id: int, besides: str) -> str | None:
    """Return a group's owner; None when nobody else is in the group."""
    others = [sub for sub in await groups.member_subs_of(group_id) if sub != besides]
    for member in others:
        # The founder came first and owns it, so one question is nearly always enough.
        if await groups.role_of(member, group_id=group_id) is Role.OWNER:
            return member
    return others[0] if others else None


async def _delete_group(session: AsyncSession, *, group_id: int) -> DeletedGroupData:
    category_ids = await lock_categories_of(session, Holder(None, group_id))
    todo_count = await TODOS.delete_in_group(session, group_id=group_id)
    schedule_count = await SCHEDULES.delete_in_group(session, group_id=group_id)
    return DeletedGroupData(
        group_id=group_id,
        deleted_todos=todo_count,
        deleted_schedules=schedule_count,
        deleted_categories=await delete_categories(session, category_ids=category_ids),
    )


async def _delete_user(
    session: AsyncSession, *, cognito_sub: str, heirs: Mapping[int, str | None]
) -> DeletedUserData:
    await end_student(session, cognito_sub=cognito_sub)
    await forget_student(session, cognito_sub=cognito_sub)
    doomed = await lock_categories_of(session, Holder(cognito_sub, None))
    todo_count = await TODOS.delete_personal(session, cognito_sub=cognito_sub)
    schedule_count = await SCHEDULES.delete_personal(session, cognito_sub=cognito_sub)
    category_count = handed_over = 0
    made_for = [
        await rows.group_ids_of_creator(session, cognito_sub=cognito_sub)
        for rows in (TODOS, SCHEDULES, CATEGORIES)
    ]
    for group_id in sorted(set().union(*made_for)):
        if group_id not in heirs:
            raise OwnerNotAsked(group_id)
        heir = heirs[group_id]
        if heir is None:
            # Nobody else is in the group any more, so nobody could ever see this.
            gone = await _delete_group(session, group_id=group_id)
            todo_count += gone.deleted_todos
            schedule_count += gone.deleted_schedules
            category_count += gone.deleted_categories
            continue
        for rows in (TODOS, SCHEDULES, CATEGORIES):
            handed_over += await rows.hand_over(
                session, group_id=group_id, cognito_sub=cognito_sub, new_sub=heir
            )
    category_count += await delete_categories(session, category_ids=doomed)
    return DeletedUserData(
        deleted_todos=todo_count,
        deleted_schedules=schedule_count,
        deleted_categories=category_count,
        handed_over_items=handed_over,
    )
