"""How status and progress depend on each other, in a todo and up the tree (rest.md 4.4, coupling rules)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.todos.models import Todo
from services.schedule_service.todos.schemas import TodoStatus
from shared.database import utc_now

FULL = 100

LockedTodo = RowMapping | Mapping[str, Any]
"""A todo's values by column."""


class Progress(NamedTuple):
    """How far a todo is; the two parts always agree when one of them was set by a rule."""

    status: TodoStatus
    percentage: int


def with_percentage(percentage: int) -> Progress:
    """Return the progress of that many percent; the status follows."""
    if percentage == 0:
        return Progress(TodoStatus.TODO, 0)
    if percentage == FULL:
        return Progress(TodoStatus.DONE, FULL)
    return Progress(TodoStatus.IN_PROGRESS, percentage)


def with_status(status: TodoStatus, *, percentage: int) -> Progress:
    """Return the progress in a status that replaces one of so many percent; `IN_PROGRESS` leaves them."""
    if status is TodoStatus.DONE:
        return Progress(status, FULL)
    if status is TodoStatus.TODO:
        return Progress(status, 0)
    return Progress(status, percentage)


async def write_progress(
    session: AsyncSession, *, line: Sequence[LockedTodo], progress: Progress
) -> None:
    """Give a todo its progress and recalculate everything above it.

    Args:
        session: The transaction that locked the line.
        line: The todo and all above it, up to the root.
        progress: What the todo is to have.
    """
    await write_all(session, {line[0]["todo_id"]: progress})
    await recalculate(session, above=line[1:])


async def recalculate(session: AsyncSession, *, above: Sequence[LockedTodo]) -> None:
    """Bring todos to the mean of their direct subtasks, from the changed subtask's parent up to the root.

    A todo without subtasks keeps its values, and then nothing changes for those above it.

    Args:
        session: The transaction that locked them and changed, made or deleted a subtask of the first.
        above: From the parent up to the root.
    """
    if not above:
        return
    rows = await session.execute(
        select(Todo.parent_todo_id, func.sum(Todo.progress_percentage), func.count(Todo.todo_id))
        .where(Todo.parent_todo_id.in_(sorted(todo["todo_id"] for todo in above)))
        .group_by(Todo.parent_todo_id)
    )
    subtasks = {parent: (int(total), count) for parent, total, count in rows}
    changed: dict[int, Progress] = {}
    # The sums were read before any of these todos was written, so each carries its change up.
    difference = 0
    for todo in above:
        if todo["todo_id"] not in subtasks:
            break
        total, count = subtasks[todo["todo_id"]]
        progress = with_percentage((total + difference) // count)
        difference = progress.percentage - todo["progress_percentage"]
        if progress != (todo["status"], todo["progress_percentage"]):
            changed[todo["todo_id"]] = progress
    await write_all(session, changed)


async def write_all(session: AsyncSession, progress_by_id: dict[int, Progress]) -> None:
    """Give todos their progress; what is above them is not recalculated."""
    if not progress_by_id:
        return
    now = utc_now()
    await (await session.connection()).execute(
        update(Todo)
        .where(Todo.todo_id == bindparam("id"))
        .values(
            status=bindparam("new_status"),
            progress_percentage=bindparam("new_percentage"),
            updated_at=now,
        ),
        [
            {
                "id": todo_id,
                "new_status": progress.status.value,
                "new_percentage": progress.percentage,
            }
            for todo_id, progress in progress_by_id.items()
        ],
    )
