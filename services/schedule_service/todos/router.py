"""The HTTP door of todos (rest.md E45 to E53)."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.schedule_service.categories.errors import CategoryNotFound
from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.parameters import (
    GROUP_ID,
    INCLUDE_GROUPS,
    DateParameter,
    EmptyAsNull,
)
from services.schedule_service.schedules.errors import ScheduleNotFound
from services.schedule_service.todos import service, writing
from services.schedule_service.todos.errors import InvalidTodo, TodoNotFound
from services.schedule_service.todos.schemas import (
    TodoFilter,
    TodoProgressChange,
    TodoRead,
    TodoStatusChange,
    TodoWrite,
)
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import PAGED, ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer, read_position
from shared.web.schemas import BoolParameter, LongParameter, PathId

router = strict_router("/v1/todos", "Todos")

WRITE_ERRORS = documented_errors(
    ErrorCodeAnswer,
    AccessDenied,
    InvalidTodo,
    CategoryNotFound,
    TodoNotFound,
    ScheduleNotFound,
    has_body=True,
)
PROGRESS_ERRORS = documented_errors(ErrorCodeAnswer, AccessDenied, TodoNotFound, has_body=True)


@router.get(
    "",
    summary="List todos",
    response_model=list[TodoRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, InvalidTodo) | PAGED,
)
async def list_todos(
    caller: Caller,
    request: Request,
    database: DatabaseDep,
    groups: GroupsDep,
    page: PageParameters,
    group_id: Annotated[LongParameter, GROUP_ID] = None,
    include_groups: Annotated[BoolParameter, INCLUDE_GROUPS] = None,
    starting_from: Annotated[
        DateParameter, Query(alias="startDate", description="starting on this day or later")
    ] = None,
    due_until: Annotated[
        DateParameter, Query(alias="endDate", description="due on this day or earlier")
    ] = None,
    status: Annotated[
        str | None, EmptyAsNull, Query(description="`TODO`, `IN_PROGRESS` or `DONE` in any case")
    ] = None,
    priority: Annotated[
        str | None,
        EmptyAsNull,
        Query(description="`LOW`, `MEDIUM`, `HIGH` or `URGENT` in any case"),
    ] = None,
) -> Response:
    """List the caller's personal todos, one group's, or those of the caller and all their groups.

    Subtasks are listed like any other todo.
    """
    (after,) = read_position(page, int) or (None,)
    todos = await service.list_todos(
        database,
        groups,
        caller=caller,
        group_id=group_id,
        include_groups=bool(include_groups),
        wanted=TodoFilter(starting_from, due_until, status, priority),
        after=after,
        fetch=page.fetch,
    )
    return list_answer(request, page, todos, lambda todo: [todo["todoId"]])


@router.post(
    "",
    status_code=201,
    summary="Create a todo",
    response_model=TodoRead,
    responses=WRITE_ERRORS,
)
async def create_todo(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, todo: TodoWrite
) -> Response:
    """Create a todo, personal or of a group; a subtask when it names a parent."""
    return json_answer(
        await writing.create_todo(
            database, groups, caller=caller, todo=todo, parent_todo_id=todo.parent_todo_id
        ),
        201,
    )


@router.get(
    "/{todo_id}",
    summary="Read a todo",
    response_model=TodoRead,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, TodoNotFound),
)
async def read_todo(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, todo_id: PathId
) -> Response:
    """Read one todo that is the caller's own or of one of their groups."""
    return json_answer(await service.read_todo(database, groups, caller=caller, todo_id=todo_id))


@router.get(
    "/{todo_id}/subtasks",
    summary="List the direct subtasks of a todo",
    response_model=list[TodoRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, TodoNotFound) | PAGED,
)
async def list_subtasks(
    caller: Caller,
    request: Request,
    database: DatabaseDep,
    groups: GroupsDep,
    page: PageParameters,
    todo_id: PathId,
) -> Response:
    """List the direct subtasks that the caller may read."""
    (after,) = read_position(page, int) or (None,)
    subtasks = await service.list_subtasks(
        database,
        groups,
        caller=caller,
        todo_id=todo_id,
        after=after,
        fetch=page.fetch,
    )
    return list_answer(request, page, subtasks, lambda todo: [todo["todoId"]])


@router.post(
    "/{todo_id}/subtasks",
    status_code=201,
    summary="Create a subtask",
    response_model=TodoRead,
    responses=WRITE_ERRORS,
)
async def create_subtask(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, todo_id: PathId, todo: TodoWrite
) -> Response:
    """Create a todo below another one; a `parentTodoId` in the body is not looked at."""
    return json_answer(
        await writing.create_todo(
            database, groups, caller=caller, todo=todo, parent_todo_id=todo_id
        ),
        201,
    )


@router.put(
    "/{todo_id}",
    summary="Replace a todo",
    response_model=TodoRead,
    responses=WRITE_ERRORS,
)
async def update_todo(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, todo_id: PathId, todo: TodoWrite
) -> Response:
    """Replace what a todo says; its status, progress and parent stay."""
    return json_answer(
        await writing.update_todo(database, groups, caller=caller, todo_id=todo_id, todo=todo)
    )


@router.patch(
    "/{todo_id}/status",
    summary="Set a todo's status",
    response_model=TodoRead,
    responses=PROGRESS_ERRORS,
)
async def change_status(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    todo_id: PathId,
    change: TodoStatusChange,
) -> Response:
    """Set a todo's status; its progress follows, and that of all todos above it."""
    return json_answer(
        await writing.change_status(
            database, groups, caller=caller, todo_id=todo_id, status=change.status
        )
    )


@router.patch(
    "/{todo_id}/progress",
    summary="Set a todo's progress",
    response_model=TodoRead,
    responses=PROGRESS_ERRORS,
)
async def change_progress(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    todo_id: PathId,
    change: TodoProgressChange,
) -> Response:
    """Set a todo's progress in percent; its status follows, and the progress of all todos above it."""
    return json_answer(
        await writing.change_progress(
            database,
            groups,
            caller=caller,
            todo_id=todo_id,
            percentage=change.progress_percentage,
        )
    )


@router.delete(
    "/{todo_id}",
    status_code=204,
    summary="Delete a todo and all below it",
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, TodoNotFound),
)
async def delete_todo(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, todo_id: PathId
) -> Response:
    """Delete a todo and all todos below it; the todos above it are recalculated."""
    await writing.delete_todo(database, groups, caller=caller, todo_id=todo_id)
    return Response(status_code=204)
