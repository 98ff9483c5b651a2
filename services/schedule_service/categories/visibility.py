"""Which categories a caller may sort an item by: their own personal ones and those of their groups."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.errors import CategoryNotFound
from services.schedule_service.categories.models import Category
from services.schedule_service.groups.permissions import Permissions, hold_readable


async def require_visible_category(
    session: AsyncSession, permissions: Permissions, *, category_id: int
) -> None:
    """Check that the caller may use a category, and keep it from being deleted until the transaction ends.

    Raises:
        CategoryNotFound: There is none of that id that the caller may see.
        RoleNotAsked: It is of a group that was not asked about yet.
    """
    found = select(Category.cognito_sub, Category.group_id).where(
        Category.category_id == category_id
    )
    if not await hold_readable(session, permissions, found):
        raise CategoryNotFound
