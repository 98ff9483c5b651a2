"""How categories are deleted: what they sorted moves to `Uncategorized` first (R-18)."""

from collections.abc import Collection

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.models import Category
from services.schedule_service.categories.uncategorized import find_or_make_uncategorized
from services.schedule_service.items import IN_SQL, Holder, affected
from services.schedule_service.schedules.upkeep import SCHEDULES
from services.schedule_service.todos.upkeep import TODOS


async def lock_categories_of(session: AsyncSession, holder: Holder) -> list[int]:
    """Return the ids of a user's personal or a group's categories; nothing new is sorted by them from now on."""
    of_holder = (
        Category.group_id.is_(None) & (Category.cognito_sub == holder.cognito_sub)
        if holder.group_id is None
        else Category.group_id == holder.group_id
    )
    rows = await session.scalars(
        select(Category.category_id)
        .where(of_holder)
        .order_by(Category.category_id)
        .with_for_update()
    )
    return list(rows)


async def delete_categories(session: AsyncSession, *, category_ids: Collection[int]) -> int:
    """Delete categories and return how many; each item they sorted moves to its holder's `Uncategorized`.

    An `Uncategorized` that is deleted itself makes way for a new one.

    Args:
        session: The caller's transaction, which has locked the categories.
        category_ids: Which.
    """
    if not category_ids:
        return 0
    holders = {
        *await SCHEDULES.holders(session, category_ids=category_ids),
        *await TODOS.holders(session, category_ids=category_ids),
    }
    # One each; a group's is in the name of one of those who made the items.
    one_each = {(h.group_id or h.cognito_sub): h for h in sorted(holders, key=str)}
    if one_each:
        await session.execute(
            update(Category)
            .where(Category.category_id.in_(category_ids))
            .values(name_scope=-Category.category_id, group_id=None),
            execution_options=IN_SQL,
        )
    for holder in one_each.values():
        to_id = await find_or_make_uncategorized(session, holder)
        for items in (SCHEDULES, TODOS):
            await items.move(session, from_ids=category_ids, holder=holder, to_id=to_id)
    return affected(
        await session.execute(
            delete(Category).where(Category.category_id.in_(category_ids)),
            execution_options=IN_SQL,
        )
    )
