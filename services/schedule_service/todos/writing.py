"""How todos are made, changed and deleted.

A subtask is in the group that its own body names, or personal, whatever its parent is: hanging it below a
parent needs the right to write there, and from then on each is read and written by its own group. Only
the shape and the progress are the tree's: a parent counts all its subtasks, and takes them along when it
is deleted, whoever made them.
"""

from typing import Any

from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.categories.visibility import require_visible_category
from services.schedule_service.groups.permissions import Permissions, permitted_transaction
from services.schedule_service.groups.service import GroupDirectory
from services.schedule_service.schedules.visibility import require_readable_schedule
from services.schedule_service.todos.errors import InvalidTodo, TodoNotFound
from services.schedule_service.todos.models import Todo
from services.schedule_service.todos.progress import (
    Progress,
    recalculate,
    with_percentage,
    with_status,
    write_progress,
)
from services.schedule_service.todos.schemas import Priority, TodoStatus, TodoWrite
from services.schedule_service.todos.service import find_todo
from services.schedule_service.todos.trees import MAX_LEVELS, lock_line, read_levels_below
from shared.database import Database, utc_now
from shared.web.time_zone import to_utc

IDS_PER_STATEMENT = 1_000
"""Bounds the length of one DELETE; a level of a tree is almost always shorter."""


async def create_todo(
    database: Database,
    groups: GroupDirectory,
    *,
    caller: str,
    todo: TodoWrite,
    parent_todo_id: int | None,
) -> RowMapping:
    """Create a todo, below a parent or at the root of a new tree, and return it.

    Args:
        database: The planner.
        groups: Asked about the groups of the todo, its category, its parent and its schedule.
        caller: Who creates it.
        todo: What it says; its own `parent_todo_id` is not looked at.
        parent_todo_id: The parent.

    Raises:
        AccessDenied: The caller may not write in the group named, or to the parent.
        InvalidTodo: The dates contradict each other, or the parent is nested too deeply already.
        CategoryNotFound: There is no such category that the caller may see.
        TodoNotFound: There is no such parent.
        ScheduleNotFound: There is no such schedule that the caller may read.
        Unavailable: user_service cannot be asked.
    """

    async def create(session: AsyncSession, permissions: Permissions) -> RowMapping:
        values = _values(todo)
        await require_visible_category(session, permissions, category_id=todo.category_id)
        above = []
        if parent_todo_id is not None:
            above = await _lock_writable(session, permissions, todo_id=parent_todo_id)
            if len(above) >= MAX_LEVELS:
                raise InvalidTodo(f"Subtasks are nested at most {MAX_LEVELS} levels deep.")
        if todo.schedule_id is not None:
            await require_readable_schedule(session, permissions, schedule_id=todo.schedule_id)
        now = utc_now()
        made = Todo(
            **values,
            cognito_sub=caller,
            parent_todo_id=parent_todo_id,
            created_at=now,
            updated_at=now,
        )
        session.add(made)
        await session.flush()
        await recalculate(session, above=above)
        return await find_todo(session, todo_id=made.todo_id)

    return await permitted_transaction(
        database, groups, caller=caller, work=create, group_id=todo.group_id
    )


async def update_todo(
    database: Database, groups: GroupDirectory, *, caller: str, todo_id: int, todo: TodoWrite
) -> RowMapping:
    """Replace what a todo says and return it; status, progress and parent stay.

    Raises:
        TodoNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it, or in a group newly given, or takes somebody else's
            todo out of its group.
        InvalidTodo: The dates contradict each other.
        CategoryNotFound: The category is another one, and none that the caller may see.
        ScheduleNotFound: There is no such schedule that the caller may read.
        Unavailable: user_service cannot be asked.
    """

    async def replace(session: AsyncSession, permissions: Permissions) -> RowMapping:
        rows = await session.execute(
            select(Todo.cognito_sub, Todo.group_id, Todo.category_id, Todo.schedule_id)
            .where(Todo.todo_id == todo_id)
            .with_for_update()
        )
        old = rows.one_or_none()
        if old is None:
            raise TodoNotFound
        permissions.require_move(
            cognito_sub=old.cognito_sub, group_id=old.group_id, new_group_id=todo.group_id
        )
        values = _values(todo)
        if todo.category_id != old.category_id:
            await require_visible_category(session, permissions, category_id=todo.category_id)
        if todo.schedule_id is not None:
            await require_readable_schedule(session, permissions, schedule_id=todo.schedule_id)
        if todo.schedule_id != old.schedule_id:
            # The hash is of texts and dates alone; without one a generated todo counts as edited, link included.
            values["generated_hash"] = None
        await session.execute(
            update(Todo).where(Todo.todo_id == todo_id).values(**values, updated_at=utc_now()),
            execution_options={"synchronize_session": False},
        )
        return await find_todo(session, todo_id=todo_id)

    return await permitted_transaction(database, groups, caller=caller, work=replace)


async def change_status(
    database: Database, groups: GroupDirectory, *, caller: str, todo_id: int, status: TodoStatus
) -> RowMapping:
    """Set a todo's status and return it; its progress follows, and everything above it.

    Raises:
        TodoNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it.
        Unavailable: user_service cannot be asked.
    """

    async def change(session: AsyncSession, permissions: Permissions) -> RowMapping:
        line = await _lock_writable(session, permissions, todo_id=todo_id)
        progress = with_status(status, percentage=line[0]["progress_percentage"])
        return await _write_and_read(session, line=line, progress=progress)

    return await permitted_transaction(database, groups, caller=caller, work=change)


async def change_progress(
    database: Database, groups: GroupDirectory, *, caller: str, todo_id: int, percentage: int
) -> RowMapping:
    """Set a todo's progress and return it; its status follows, and everything above it.

    Raises:
        TodoNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it.
        Unavailable: user_service cannot be asked.
    """

    async def change(session: AsyncSession, permissions: Permissions) -> RowMapping:
        line = await _lock_writable(session, permissions, todo_id=todo_id)
        return await _write_and_read(session, line=line, progress=with_percentage(percentage))

    return await permitted_transaction(database, groups, caller=caller, work=change)


async def delete_todo(
    database: Database, groups: GroupDirectory, *, caller: str, todo_id: int
) -> None:
    """Delete a todo and everything below it; everything above it follows.

    Raises:
        TodoNotFound: There is none of that id; said before any permission is looked at.
        AccessDenied: The caller may not write to it.
        Unavailable: user_service cannot be asked.
    """

    async def remove(session: AsyncSession, permissions: Permissions) -> None:
        line = await _lock_writable(session, permissions, todo_id=todo_id)
        # From the leaves up: InnoDB gives up on a cascade after 15 levels.
        for level in reversed(await read_levels_below(session, todo_id=todo_id)):
            for start in range(0, len(level), IDS_PER_STATEMENT):
                await session.execute(
                    delete(Todo).where(Todo.todo_id.in_(level[start : start + IDS_PER_STATEMENT])),
                    execution_options={"synchronize_session": False},
                )
        await recalculate(session, above=line[1:])

    await permitted_transaction(database, groups, caller=caller, work=remove)


async def _lock_writable(
    session: AsyncSession, permissions: Permissions, *, todo_id: int
) -> list[RowMapping]:
    """Lock a todo that the caller may write to, and all above it; return them from the todo up.

    Raises:
        TodoNotFound: There is none of that id.
        AccessDenied: The caller may not write to it.
        RoleNotAsked: It is of a group that was not asked about yet.
    """
    line = await lock_line(session, todo_id=todo_id)
    if not line:
        raise TodoNotFound
    permissions.require_writer(cognito_sub=line[0]["cognito_sub"], group_id=line[0]["group_id"])
    return line


async def _write_and_read(
    session: AsyncSession, *, line: list[RowMapping], progress: Progress
) -> RowMapping:
    await write_progress(session, line=line, progress=progress)
    return await find_todo(session, todo_id=line[0]["todo_id"])


def _values(todo: TodoWrite) -> dict[str, Any]:
    """Return the columns that a client sets.

    Raises:
        InvalidTodo: The dates contradict each other; the deadline's is compared as the client wrote it.
        BadRequest: The deadline cannot be told in UTC.
    """
    if todo.due_date < todo.start_date:
        raise InvalidTodo("dueDate is before startDate.")
    if todo.deadline is not None and todo.due_date > todo.deadline.date():
        raise InvalidTodo("dueDate is after the date of the deadline.")
    return {
        "title": todo.title,
        "description": todo.description,
        "start_date": todo.start_date,
        "due_date": todo.due_date,
        "deadline": None if todo.deadline is None else to_utc(todo.deadline),
        "category_id": todo.category_id,
        "group_id": todo.group_id,
        "priority": (todo.priority or Priority.MEDIUM).value,
        "schedule_id": todo.schedule_id,
    }
