"""How todos are read: in lists, one by one, and as the trees below a schedule."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import orjson
from sqlalchemy import (
    ColumnElement,
    Executable,
    RowMapping,
    and_,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from services.schedule_service.groups.service import (
    GroupDirectory,
    reading_scope,
    require_reader,
)
from services.schedule_service.todos.errors import InvalidTodo, TodoNotFound
from services.schedule_service.todos.models import Todo
from services.schedule_service.todos.schemas import Priority, TodoFilter, TodoStatus
from services.schedule_service.todos.trees import LEVELS_PER_STATEMENT
from shared.database import Database
from shared.web.app import json_bytes

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


async def list_todos(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    group_id: int | None,
    include_groups: bool,
    wanted: TodoFilter,
    after: int | None,
    fetch: int | None,
) -> Sequence[RowMapping]:
    """Return the todos of one group, of all the caller's groups and the caller, or of the caller, by id.

    Args:
        database: The planner.
        groups: Asked whose todos the caller may read.
        caller: Who asks.
        group_id: Only this group's; wins over `include_groups`.
        include_groups: Also those of all the caller's groups.
        wanted: Which of them.
        after: Only todos of a greater id.
        fetch: At most so many.

    Raises:
        AccessDenied: The caller is not a member of the named group; said before the filter is looked at.
        InvalidTodo: No todo can have the status or the priority that is wanted.
        Unavailable: user_service cannot be asked.
    """
    scope = await reading_scope(
        groups, caller=caller, group_id=group_id, include_groups=include_groups
    )
    conditions = _conditions(wanted)
    if after is not None:
        conditions.append(Todo.todo_id > after)
    branches = scope.branches(Todo.cognito_sub, Todo.group_id)
    parts = [select(*TODO_FIELDS).where(branch, *conditions) for branch in branches]
    if fetch is not None:
        parts = [part.order_by(Todo.todo_id).limit(fetch) for part in parts]
    return await _read(database, union_all(*parts).order_by("todoId").limit(fetch))


async def read_todo(
    database: Database, groups: GroupDirectory, *, caller: str, todo_id: int
) -> RowMapping:
    """Return one todo.

    Raises:
        TodoNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: It is someone else's, or of a group that the caller is not in.
        Unavailable: user_service cannot be asked.
    """
    todo = await database.read(lambda connection: find_todo(connection, todo_id=todo_id))
    await require_reader(
        groups, caller=caller, cognito_sub=todo["cognitoSub"], group_id=todo["groupId"]
    )
    return todo


async def list_subtasks(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    todo_id: int,
    after: int | None,
    fetch: int | None,
) -> Sequence[RowMapping]:
    """Return the direct subtasks of a todo that the caller may read, by id.

    Args:
        database: The planner.
        groups: Asked about the todo's group, and about all the caller's when subtasks are in others.
        caller: Who asks.
        todo_id: The parent.
        after: Only subtasks of a greater id.
        fetch: At most so many.

    Raises:
        TodoNotFound: There is no such parent; said before any permission is looked at.
        AccessDenied: The parent is someone else's, or of a group that the caller is not in.
        Unavailable: user_service cannot be asked.
    """
    parent, met = await database.read(
        lambda connection: _find_with_groups_below(connection, todo_id=todo_id)
    )
    await require_reader(
        groups, caller=caller, cognito_sub=parent["cognitoSub"], group_id=parent["groupId"]
    )
    readable = {parent["groupId"]} - {None}
    if met - readable:
        readable |= met & set(await groups.group_ids_of(caller))
    is_readable = or_(
        and_(Todo.group_id.is_(None), Todo.cognito_sub == caller),
        Todo.group_id.in_(sorted(readable)),
    )
    subtasks = select(*TODO_FIELDS).where(Todo.parent_todo_id == todo_id, is_readable)
    if after is not None:
        subtasks = subtasks.where(Todo.todo_id > after)
    return await _read(database, subtasks.order_by(Todo.todo_id).limit(fetch))


async def find_todo(session: AsyncSession | AsyncConnection, *, todo_id: int) -> RowMapping:
    """Return one todo, whoever may read it.

    Raises:
        TodoNotFound: There is none of that id.
    """
    rows = await session.execute(select(*TODO_FIELDS).where(Todo.todo_id == todo_id))
    todo = rows.mappings().one_or_none()
    if todo is None:
        raise TodoNotFound
    return todo


def _conditions(wanted: TodoFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.starting_from is not None:
        conditions.append(Todo.start_date >= wanted.starting_from)
    if wanted.due_until is not None:
        conditions.append(Todo.due_date <= wanted.due_until)
    try:
        if wanted.status is not None:
            conditions.append(Todo.status == TodoStatus(_upper(wanted.status)).value)
        if wanted.priority is not None:
            conditions.append(Todo.priority == Priority(_upper(wanted.priority)).value)
    except ValueError as problem:
        raise InvalidTodo("There is no such status or priority.") from problem
    return conditions


def _upper(value: str) -> str:
    # Some letters of other alphabets have an upper case in ours.
    return value.upper() if value.isascii() else value


async def _read(database: Database, statement: Executable) -> Sequence[RowMapping]:
    async def query(connection: AsyncConnection) -> Sequence[RowMapping]:
        return (await connection.execute(statement)).mappings().all()

    return await database.read(query)


async def _find_with_groups_below(
    connection: AsyncConnection, *, todo_id: int
) -> tuple[RowMapping, set[int]]:
    parent = await find_todo(connection, todo_id=todo_id)
    found = await connection.scalars(
        select(Todo.group_id)
        .where(Todo.parent_todo_id == todo_id, Todo.group_id.is_not(None))
        .distinct()
    )
    return parent, {group_id for group_id in found if group_id is not None}


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
        tree = orjson.Fragment(json_bytes({**fields, "subtasks": subtasks[::-1]}))
        if todo["parentTodoId"] is None:
            roots.append(tree)
        else:
            below[todo["parentTodoId"]].append(tree)
    return roots[::-1]
