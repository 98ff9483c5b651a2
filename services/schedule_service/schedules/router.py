"""The HTTP door of schedules (rest.md E38 to E43)."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.schedule_service.categories.errors import CategoryNotFound
from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.parameters import GROUP_ID, INCLUDE_GROUPS, EmptyAsNull
from services.schedule_service.schedules import service, writing
from services.schedule_service.schedules.errors import InvalidSchedule, ScheduleNotFound
from services.schedule_service.schedules.schemas import (
    ScheduleDetail,
    ScheduleRead,
    ScheduleStatus,
    ScheduleWrite,
    StatusChange,
    all_on_wire,
    on_wire,
)
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import PAGED, ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer
from shared.web.schemas import BoolParameter, DatetimeParameter, LongParameter, PathId

router = strict_router("/v1/schedules", "Schedules")


@router.get(
    "",
    summary="List schedules",
    response_model=list[ScheduleRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, InvalidSchedule) | PAGED,
)
async def list_schedules(
    request: Request,
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    page: PageParameters,
    group_id: Annotated[LongParameter, GROUP_ID] = None,
    include_groups: Annotated[BoolParameter, INCLUDE_GROUPS] = None,
    start: Annotated[DatetimeParameter, Query(alias="startDate")] = None,
    end: Annotated[DatetimeParameter, Query(alias="endDate")] = None,
    status: Annotated[ScheduleStatus | None, EmptyAsNull, Query()] = None,
) -> Response:
    """List the caller's personal schedules, one group's, or those of the caller and all their groups."""
    listed, position = await service.list_schedules(
        database,
        groups,
        caller=caller,
        group_id=group_id,
        include_groups=bool(include_groups),
        start=start,
        end=end,
        status=status,
        page=page,
    )
    return list_answer(request, page, all_on_wire(listed), position)


@router.post(
    "",
    summary="Make a schedule",
    status_code=201,
    response_model=ScheduleRead,
    responses=documented_errors(
        ErrorCodeAnswer, AccessDenied, InvalidSchedule, CategoryNotFound, has_body=True
    ),
)
async def create_schedule(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, body: ScheduleWrite
) -> Response:
    """Make a personal schedule, or one of a group in which the caller is OWNER or ADMIN."""
    made = await writing.create_schedule(database, groups, caller=caller, given=body)
    return json_answer(on_wire(made), 201)


@router.get(
    "/{schedule_id}",
    summary="Read a schedule with its todos",
    response_model=ScheduleDetail,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, ScheduleNotFound),
)
async def read_schedule(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, schedule_id: PathId
) -> Response:
    """Read one schedule that is the caller's own or of one of their groups, and the todos below it."""
    return json_answer(
        await service.read_schedule(database, groups, caller=caller, schedule_id=schedule_id)
    )


@router.put(
    "/{schedule_id}",
    summary="Replace a schedule",
    response_model=ScheduleRead,
    responses=documented_errors(
        ErrorCodeAnswer,
        AccessDenied,
        InvalidSchedule,
        ScheduleNotFound,
        CategoryNotFound,
        has_body=True,
    ),
)
async def update_schedule(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    schedule_id: PathId,
    body: ScheduleWrite,
) -> Response:
    """Replace a schedule but for source, status and creator; only the creator takes it out of its group."""
    return json_answer(
        on_wire(
            await writing.update_schedule(
                database, groups, caller=caller, schedule_id=schedule_id, given=body
            )
        )
    )


@router.patch(
    "/{schedule_id}/status",
    summary="Set how far a schedule is",
    response_model=ScheduleRead,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, ScheduleNotFound, has_body=True),
)
async def set_status(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    schedule_id: PathId,
    body: StatusChange,
) -> Response:
    """Set the status, whatever it was; linked todos stay as they are."""
    return json_answer(
        on_wire(
            await writing.set_status(
                database, groups, caller=caller, schedule_id=schedule_id, status=body.status
            )
        )
    )


@router.delete(
    "/{schedule_id}",
    summary="Delete a schedule",
    status_code=204,
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, ScheduleNotFound),
)
async def delete_schedule(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, schedule_id: PathId
) -> None:
    """Delete a schedule; todos linked to it stay and lose the link."""
    await writing.delete_schedule(database, groups, caller=caller, schedule_id=schedule_id)
