"""What becomes of rows in bulk when their category, group or creator goes."""

from collections.abc import Collection
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import utc_now

IN_SQL: dict[str, Any] = {"synchronize_session": False}


class Holder(NamedTuple):
    """Whose an item is: one user's, or a group's."""

    cognito_sub: str | None
    group_id: int | None


class Owned:
    """The rows of one table that all have a creator and perhaps a group.

    Args:
        model: The table's mapped class.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    async def group_ids_of_creator(self, session: AsyncSession, *, cognito_sub: str) -> set[int]:
        """Return the groups for which someone made rows."""
        rows = await session.scalars(
            select(self._model.group_id)
            .where(self._model.cognito_sub == cognito_sub, self._model.group_id.is_not(None))
            .distinct()
        )
        return set(rows)

    async def hand_over(
        self, session: AsyncSession, *, group_id: int, cognito_sub: str, new_sub: str
    ) -> int:
        """Make someone else the creator of what someone made for a group, and return how many."""
        return affected(
            await session.execute(
                update(self._model)
                .where(self._model.group_id == group_id, self._model.cognito_sub == cognito_sub)
                .values(self._handed_over(cognito_sub, new_sub)),
                execution_options=IN_SQL,
            )
        )

    def _handed_over(self, cognito_sub: str, new_sub: str) -> dict[str, Any]:
        return {"cognito_sub": new_sub, "updated_at": utc_now()}


class Items(Owned):
    """The rows of one table of items, which are also sorted by categories."""

    async def holders(self, session: AsyncSession, *, category_ids: Collection[int]) -> set[Holder]:
        """Return whose items are sorted by some categories."""
        rows = await session.execute(
            select(self._model.cognito_sub, self._model.group_id)
            .where(self._model.category_id.in_(category_ids))
            .distinct()
        )
        return {Holder(*row) for row in rows}

    async def move(
        self, session: AsyncSession, *, from_ids: Collection[int], holder: Holder, to_id: int
    ) -> None:
        """Sort a holder's items in some categories by another category."""
        await session.execute(
            update(self._model)
            .where(self._model.category_id.in_(from_ids), self._belongs_to(holder))
            .values(category_id=to_id, updated_at=utc_now()),
            execution_options=IN_SQL,
        )

    async def delete_in_group(self, session: AsyncSession, *, group_id: int) -> int:
        """Delete a group's items and return how many."""
        return await self._delete(session, self._belongs_to(Holder(None, group_id)))

    async def delete_personal(self, session: AsyncSession, *, cognito_sub: str) -> int:
        """Delete a user's personal items and return how many."""
        return await self._delete(session, self._belongs_to(Holder(cognito_sub, None)))

    def _belongs_to(self, holder: Holder) -> ColumnElement[bool]:
        if holder.group_id is not None:
            return cast(ColumnElement[bool], self._model.group_id == holder.group_id)
        return and_(
            self._model.group_id.is_(None),
            self._model.cognito_sub.is_not_distinct_from(holder.cognito_sub),
        )

    async def _delete(self, session: AsyncSession, doomed: ColumnElement[bool]) -> int:
        return affected(
            await session.execute(delete(self._model).where(doomed), execution_options=IN_SQL)
        )


def affected(result: Any) -> int:
    """Return how many rows a statement changed."""
    return cast("CursorResult[Any]", result).rowcount
