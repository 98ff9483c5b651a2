"""How a tree of todos is walked: up to its root under locks, and down to its leaves.

A todo never gets another parent; it only loses it, when the parent goes with its group. Whoever changes
the progress of a tree, or its shape, first locks the line from the root down; changes of one tree thereby
follow one another.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import RowMapping, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.todos.models import Todo

LEVELS_PER_STATEMENT = 500
"""Both MySQL and MariaDB give up on a recursion after 1,000 steps unless told otherwise."""

MAX_LEVELS = 50
"""How deep a client may nest. Far more than anybody plans, and each change of a leaf rewrites its whole line."""


async def lock_line(session: AsyncSession, *, todo_id: int) -> list[RowMapping]:
    """Lock a todo and all above it until the transaction ends; return them from the todo up to the root.

    Nothing is returned when there is no such todo.
    """
    ids = await _read_line(session, todo_id=todo_id)
    # Ids grow from the root down, and rows are locked in their order: everybody takes the root first.
    rows = await session.execute(
        select(
            Todo.todo_id,
            Todo.parent_todo_id,
            Todo.cognito_sub,
            Todo.group_id,
            Todo.progress_percentage,
            Todo.status,
        )
        .where(Todo.todo_id.in_(sorted(ids)))
        .order_by(Todo.todo_id)
        .with_for_update()
    )
    locked = {row["todo_id"]: row for row in rows.mappings()}
    # While this waited for the locks, the line may have lost its upper end.
    line: list[RowMapping] = []
    above: int | None = todo_id
    while above in locked:
        line.append(locked.pop(above))
        above = line[-1]["parent_todo_id"]
    return line


async def _read_line(session: AsyncSession, *, todo_id: int) -> list[int]:
    """Return the ids from a todo up to its root."""
    line: dict[int, None] = {}
    above: int | None = todo_id
    while above is not None:
        up = (
            select(Todo.todo_id, Todo.parent_todo_id, literal(1).label("level"))
            .where(Todo.todo_id == above)
            .cte("up", recursive=True)
        )
        up = up.union_all(
            select(Todo.todo_id, Todo.parent_todo_id, up.c.level + 1)
            .join(up, Todo.todo_id == up.c.parent_todo_id)
            .where(up.c.level < LEVELS_PER_STATEMENT)
        )
        above = None
        for row in await session.execute(select(up).order_by(up.c.level)):
            if row.todo_id in line:
                # Another program wrote a ring.
                return list(line)
            line[row.todo_id] = None
            above = row.parent_todo_id
    return list(line)


async def read_levels_below(session: AsyncSession, *, todo_id: int) -> list[Sequence[int]]:
    """Return the ids of a todo and all below it, level by level from the todo down."""
    seen = {todo_id}
    levels: list[Sequence[int]] = [[todo_id]]
    deepest: Sequence[int] = [todo_id]
    while deepest:
        down = (
            select(Todo.todo_id, literal(1).label("level"))
            .where(Todo.parent_todo_id.in_(sorted(deepest)))
            .cte("down", recursive=True)
        )
        down = down.union_all(
            select(Todo.todo_id, down.c.level + 1)
            .join(down, Todo.parent_todo_id == down.c.todo_id)
            .where(down.c.level < LEVELS_PER_STATEMENT)
        )
        found: dict[int, list[int]] = defaultdict(list)
        for below, level in await session.execute(select(down).order_by(down.c.level)):
            if below not in seen:
                seen.add(below)
                found[level].append(below)
        levels += found.values()
        deepest = found[LEVELS_PER_STATEMENT]
    return levels
