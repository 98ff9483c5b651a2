"""Which categories a caller may sort an item by: their own personal ones and those of their groups."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.errors import CategoryNotFound
from services.schedule_service.categories.models import Category
from services.schedule_service.groups.permissions import Permissions


async def require_visible_category(
    session: AsyncSession, permissions: Permissions, *, category_id: int
) -> None:
    """Check that the caller may use a category, and keep it from being deleted until the transaction ends.

    Raises:
        CategoryNotFound: There is none of that id that the caller may see.
        RoleNotAsked: It is of a group that was not asked about yet.
    """
    category = (
        await session.execute(
            select(Category.cognito_sub, Category.group_id)
            .where(Category.category_id == category_id)
            .with_for_update(read=True)
        )
    ).one_or_none()
    if category is None or not permissions.may_read(
        cognito_sub=category.cognito_sub, group_id=category.group_id
    ):
        raise CategoryNotFound
