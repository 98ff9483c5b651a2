"""How categories are read, made, changed and deleted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.errors import CategoryNotFound, DuplicateCategory
from services.schedule_service.categories.models import Category
from services.schedule_service.categories.removal import delete_categories
from services.schedule_service.categories.schemas import CategorySource, CategoryWrite
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.groups.permissions import Permissions, permitted_transaction
from services.schedule_service.groups.service import (
    GroupDirectory,
    ReadingScope,
    reading_scope,
    require_reader,
)
from shared.database import Database, is_duplicate_key, utc_now
from shared.web.pages import Page, read_position

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
    page: Page,
) -> Sequence[RowMapping]:
    """Return the categories of one group, of all the caller's groups and the caller, or of the caller, by id.

    Raises:
        AccessDenied: The caller is not a member of the named group.
        BadRequest: The cursor is of another list.
        Unavailable: user_service cannot be asked.
    """
    scope = await reading_scope(
        groups, caller=caller, group_id=group_id, include_groups=include_groups
    )
    position = read_position(page, int)
    return await database.transaction(
        lambda session: _read_categories(
            session,
            scope=scope,
            source_type=source_type,
            after=position[0] if position else None,
            limit=page.fetch,
        )
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


async def create_category(
    database: Database, groups: GroupDirectory, *, caller: str, given: CategoryWrite
) -> RowMapping:
    """Make a category of the caller's own, or of a group, and return it.

    Raises:
        AccessDenied: The caller may not write to the group.
        DuplicateCategory: The name is taken, by what the unique keys take for the same name.
        Unavailable: user_service cannot be asked.
    """

    async def create(session: AsyncSession, _: Permissions) -> RowMapping:
        now = utc_now()
        category = Category(
            cognito_sub=caller,
            group_id=given.group_id,
            name=given.name,
            color=given.color,
            icon=given.icon,
            is_default=False,
            source_type=CategorySource.USER_CREATED.value,
            created_at=now,
            updated_at=now,
        )
        session.add(category)
        return await _written(session, category)

    return await permitted_transaction(
        database, groups, caller=caller, work=create, group_id=given.group_id
    )


async def update_category(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    category_id: int,
    given: CategoryWrite,
) -> RowMapping:
    """Replace a category's name, color, icon and group, and return it.

    Raises:
        CategoryNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it or to the group it shall be in; or nobody may.
        DuplicateCategory: The name is taken.
        Unavailable: user_service cannot be asked.
    """

    async def replace(session: AsyncSession, permissions: Permissions) -> RowMapping:
        category = await _lock_own(session, category_id=category_id)
        permissions.require_move(
            cognito_sub=category.cognito_sub,
            group_id=category.group_id,
            new_group_id=given.group_id,
        )
        _require_unlinked(category)
        if (given.name, given.group_id) != (category.name, category.group_id):
            # Who renames another's category must not meet, or learn of, that person's other names.
            is_named_by_creator = given.group_id is None or category.cognito_sub == caller
            category.name_scope = 0 if is_named_by_creator else given.group_id or 0
        category.name = given.name
        category.color = given.color
        category.icon = given.icon
        category.group_id = given.group_id
        category.updated_at = utc_now()
        return await _written(session, category)

    return await permitted_transaction(database, groups, caller=caller, work=replace)


async def delete_category(
    database: Database, groups: GroupDirectory, *, caller: str, category_id: int
) -> None:
    """Delete a category; the schedules and todos it sorted move to `Uncategorized`.

    Raises:
        CategoryNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it, or nobody may.
        Unavailable: user_service cannot be asked.
    """

    async def remove(session: AsyncSession, permissions: Permissions) -> None:
        category = await _lock_own(session, category_id=category_id)
        permissions.require_writer(cognito_sub=category.cognito_sub, group_id=category.group_id)
        _require_unlinked(category)
        await delete_categories(session, category_ids=[category_id])

    await permitted_transaction(database, groups, caller=caller, work=remove)


async def _lock_own(session: AsyncSession, *, category_id: int) -> Category:
    category = await session.get(Category, category_id, with_for_update=True)
    if category is None:
        raise CategoryNotFound
    return category


def _require_unlinked(category: Category) -> None:
    is_linked = category.source_type not in (None, CategorySource.USER_CREATED.value)
    if is_linked or category.is_default:
        raise AccessDenied("A linked or default category cannot be changed.")


async def _written(session: AsyncSession, category: Category) -> RowMapping:
    try:
        await session.flush()
    except IntegrityError as problem:
        if is_duplicate_key(problem):
            raise DuplicateCategory from None
        raise
    rows = await session.execute(_select_one(category.category_id))
    return rows.mappings().one()


async def _read_categories(
    session: AsyncSession,
    *,
    scope: ReadingScope,
    source_type: CategorySource | None,
    after: int | None,
    limit: int | None,
) -> Sequence[RowMapping]:
    parts = []
    for branch in scope.branches(Category.cognito_sub, Category.group_id):
        part = select(*CATEGORY_FIELDS).where(branch)
        if source_type is not None:
            part = part.where(Category.source_type == source_type.value)
        if after is not None:
            part = part.where(Category.category_id > after)
        if limit is not None:
            part = part.order_by(Category.category_id).limit(limit)
        parts.append(part)
    rows = await session.execute(union_all(*parts).order_by("categoryId").limit(limit))
    return rows.mappings().all()


async def _find_category(session: AsyncSession, *, category_id: int) -> RowMapping | None:
    rows = await session.execute(_select_one(category_id))
    return rows.mappings().one_or_none()


def _select_one(category_id: int) -> Select[*tuple[Any, ...]]:
    return select(*CATEGORY_FIELDS).where(Category.category_id == category_id)
