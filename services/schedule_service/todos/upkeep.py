"""What becomes of todos in bulk when their category, group or creator goes."""

from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.items import IN_SQL, Items
from services.schedule_service.todos.models import Todo


class _Todos(Items):
    async def _delete(self, session: AsyncSession, doomed: ColumnElement[bool]) -> int:
        # InnoDB cascades at most 15 levels, and a subtask that is another's must not go with its parent.
        todo_ids = list(await session.scalars(select(Todo.todo_id).where(doomed).with_for_update()))
        if not todo_ids:
            return 0
        await session.execute(
            update(Todo).where(Todo.parent_todo_id.in_(todo_ids)).values(parent_todo_id=None),
            execution_options=IN_SQL,
        )
        return await super()._delete(session, doomed)

    def _handed_over(self, cognito_sub: str, new_sub: str) -> dict[str, Any]:
        # To its new creator it is a todo like any other: their own steps have these keys.
        row = super()._handed_over(cognito_sub, new_sub)
        return {**row, "generated_key": None, "generated_hash": None}


TODOS = _Todos(Todo)
