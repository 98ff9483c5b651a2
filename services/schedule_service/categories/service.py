"""How categories are read."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.errors import CategoryNotFound
from services.schedule_service.categories.models import Category
from services.schedule_service.categories.schemas import CategorySource
from services.schedule_service.groups.service import (
    GroupDirectory,
    ReadingScope,
    reading_scope,
    require_reader,
)
from shared.database import Database

CATEGORY_FIELDS = (
    Category.category_id.label("categoryId"),
    Category.cognito_sub.label("cognitoSub"),
    Category.group_id.label("groupId"),
    Category.name.label("name"),
    Category.color.label("color"),
    Category.icon.label("icon"),
    Category.is_default.label("isDefault"),
    Category.source_type.label("sourceType"),
    Category.source_id.label("sourceId"),
    Category.created_at.label("createdAt"),
    Category.updated_at.label("updatedAt"),
)
"""A category's fields as the wire names them."""


async def list_categories(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    group_id: int | None,
    include_groups: bool,
    source_type: CategorySource | None,
) -> Sequence[RowMapping]:
    """Return the categories of one group, of all the caller's groups and the caller, or of the caller, by id.

    Raises:
        AccessDenied: The caller is not a member of the named group.
        Unavailable: user_service cannot be asked.
    """
    scope = await reading_scope(
        groups, caller=caller, group_id=group_id, include_groups=include_groups
    )
    return await database.transaction(
        lambda session: _read_categories(session, scope=scope, source_type=source_type)
    )


async def read_category(
    database: Database, groups: GroupDirectory, *, caller: str, category_id: int
) -> RowMapping:
    """Return one category.

    Raises:
        CategoryNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: It is someone else's, or of a group that the caller is not in.
        Unavailable: user_service cannot be asked.
    """
    category = await database.transaction(
        lambda session: _find_category(session, category_id=category_id)
    )
    if category is None:
        raise CategoryNotFound
    await require_reader(
        groups, caller=caller, cognito_sub=category["cognitoSub"], group_id=category["groupId"]
    )
    return category


async def _read_categories(
    session: AsyncSession, *, scope: ReadingScope, source_type: CategorySource | None
) -> Sequence[RowMapping]:
    parts = []
    for branch in scope.branches(Category.cognito_sub, Category.group_id):
        part = select(*CATEGORY_FIELDS).where(branch)
        if source_type is not None:
            part = part.where(Category.source_type == source_type.value)
        parts.append(part)
    rows = await session.execute(union_all(*parts).order_by("categoryId"))
    return rows.mappings().all()


async def _find_category(session: AsyncSession, *, category_id: int) -> RowMapping | None:
    rows = await session.execute(
        select(*CATEGORY_FIELDS).where(Category.category_id == category_id)
    )
    return rows.mappings().one_or_none()
