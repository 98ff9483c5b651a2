"""How the trees of todos below a schedule are read and written out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import orjson
from sqlalchemy import ColumnElement, RowMapping, and_, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.todos.models import Todo

TODO_FIELDS = (
    Todo.todo_id.label("todoId"),
    Todo.cognito_sub.label("cognitoSub"),
    Todo.group_id.label("groupId"),
    Todo.category_id.label("categoryId"),
    Todo.title.label("title"),
    Todo.description.label("description"),
    Todo.start_date.label("startDate"),
    Todo.due_date.label("dueDate"),
    Todo.deadline.label("deadline"),
    Todo.status.label("status"),
    Todo.priority.label("priority"),
    Todo.progress_percentage.label("progressPercentage"),
    Todo.parent_todo_id.label("parentTodoId"),
    Todo.schedule_id.label("scheduleId"),
    Todo.is_ai_generated.label("isAiGenerated"),
    Todo.created_at.label("createdAt"),
    Todo.updated_at.label("updatedAt"),
)
"""A todo's fields as the wire names them."""

LEVELS_PER_STATEMENT = 500
"""Both MySQL and MariaDB give up on a recursion after 1,000 steps unless told otherwise."""


async def read_linked_todos(session: AsyncSession, *, schedule_id: int) -> list[RowMapping]:
    """Return the root todos linked to a schedule and everything below them, parents before children."""
    todos: list[RowMapping] = []
    level = await _read_below(
        session, and_(Todo.schedule_id == schedule_id, Todo.parent_todo_id.is_(None))
    )
    while level:
        todos += level
        deepest = [todo["todoId"] for todo in level if todo["level"] == LEVELS_PER_STATEMENT]
        if not deepest:
            break
        level = await _read_below(session, Todo.parent_todo_id.in_(deepest))
    return todos


async def _read_below(session: AsyncSession, tops: ColumnElement[bool]) -> Sequence[RowMapping]:
    tree = select(Todo.todo_id, literal(1).label("level")).where(tops).cte("tree", recursive=True)
    tree = tree.union_all(
        select(Todo.todo_id, tree.c.level + 1)
        .join(tree, Todo.parent_todo_id == tree.c.todo_id)
        .where(tree.c.level < LEVELS_PER_STATEMENT)
    )
    rows = await session.execute(
        select(*TODO_FIELDS, tree.c.level)
        .join(tree, Todo.todo_id == tree.c.todo_id)
        .order_by(tree.c.level, Todo.todo_id)
    )
    return rows.mappings().all()


def group_ids_of(todos: Iterable[RowMapping]) -> set[int]:
    """Return the groups that todos belong to."""
    return {todo["groupId"] for todo in todos if todo["groupId"] is not None}


def write_trees(
    todos: Sequence[RowMapping], *, caller: str, group_ids: Collection[int]
) -> list[orjson.Fragment]:
    """Write out the trees of todos that the caller may read, by id; what hangs below a hidden one is hidden.

    Trees are written from the leaves up, for JSON writers refuse to descend a few hundred levels.

    Args:
        todos: Parents before children.
        caller: Reads their own personal todos.
        group_ids: Groups whose todos the caller may read.
    """
    below: dict[int | None, list[orjson.Fragment]] = defaultdict(list)
    roots: list[orjson.Fragment] = []
    for todo in reversed(todos):
        subtasks = below.pop(todo["todoId"], [])
        is_readable = (
            todo["cognitoSub"] == caller
            if todo["groupId"] is None
            else todo["groupId"] in group_ids
        )
        if not is_readable:
            continue
        fields = {name: value for name, value in todo.items() if name != "level"}
        tree = orjson.Fragment(orjson.dumps({**fields, "subtasks": subtasks[::-1]}))
        if todo["parentTodoId"] is None:
            roots.append(tree)
        else:
            below[todo["parentTodoId"]].append(tree)
    return roots[::-1]
