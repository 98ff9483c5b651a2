"""The category that takes in what another category leaves behind (rest.md E37)."""

from collections.abc import Iterator
from itertools import count

from sqlalchemy import ColumnElement, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.errors import NoFreeName
from services.schedule_service.categories.models import Category
from services.schedule_service.categories.schemas import CategorySource
from services.schedule_service.items import IN_SQL, Holder
from shared.database import utc_now

NAME = "Uncategorized"
COLOR = "#9E9E9E"
MAX_TRIES = 20
"""Only linked categories stand in the way of a name; nobody has so many courses called like this."""


async def find_or_make_uncategorized(session: AsyncSession, holder: Holder) -> int:
    """Return the id of a user's or a group's `Uncategorized`, which stays until the transaction ends.

    A category that a person made under this name is taken for it. Transactions at the same time make one:
    the unique key lets the second wait for the first.

    Raises:
        NoFreeName: See there.
    """
    for name in _names():
        for _ in range(2):
            found = await _find(session, holder, name)
            if found is not None:
                return found
            await _insert(session, holder, name)
            found = await _find(session, holder, name)
            if found is not None:
                return found
            await _make_room(session, holder, name)
    raise NoFreeName


def _names() -> Iterator[str]:
    yield NAME
    for number in count(2):
        if number > MAX_TRIES:
            return
        yield f"{NAME} ({number})"


async def _find(session: AsyncSession, holder: Holder, name: str) -> int | None:
    found: int | None = await session.scalar(
        select(Category.category_id)
        .where(
            _belongs_to(holder),
            Category.name == name,
            or_(
                Category.source_type == CategorySource.USER_CREATED.value,
                Category.source_type.is_(None),
            ),
        )
        .order_by(Category.category_id)
        .limit(1)
        .with_for_update(read=True)
    )
    return found


def _belongs_to(holder: Holder) -> ColumnElement[bool]:
    if holder.group_id is not None:
        return Category.group_id == holder.group_id
    return and_(
        Category.group_id.is_(None),
        Category.cognito_sub.is_not_distinct_from(holder.cognito_sub),
        # Neither one that steps aside to be deleted.
        Category.name_scope == 0,
    )


async def _insert(session: AsyncSession, holder: Holder, name: str) -> None:
    now = utc_now()
    await session.execute(
        insert(Category)
        .prefix_with("IGNORE")
        .values(
            cognito_sub=holder.cognito_sub,
            group_id=holder.group_id,
            name=name,
            name_scope=holder.group_id or 0,
            color=COLOR,
            is_default=False,
            source_type=CategorySource.USER_CREATED.value,
            created_at=now,
            updated_at=now,
        )
    )


async def _make_room(session: AsyncSession, holder: Holder, name: str) -> None:
    """Let a group's category of the same creator and name stand beside the personal one."""
    if holder.group_id is None:
        await session.execute(
            update(Category)
            .where(
                Category.cognito_sub == holder.cognito_sub,
                Category.name == name,
                Category.name_scope == 0,
                Category.group_id.is_not(None),
            )
            .values(name_scope=Category.group_id),
            execution_options=IN_SQL,
        )
