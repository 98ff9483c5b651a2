"""The HTTP door of schedules (rest.md E38, E39)."""

from typing import Annotated

from fastapi import Query, Response

from services.schedule_service.dependencies import DatabaseDep
from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.parameters import GROUP_ID, INCLUDE_GROUPS, EmptyAsNull
from services.schedule_service.schedules import service
from services.schedule_service.schedules.errors import InvalidSchedule, ScheduleNotFound
from services.schedule_service.schedules.schemas import (
    ScheduleDetail,
    ScheduleRead,
    ScheduleStatus,
)
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.schemas import BoolParameter, DatetimeParameter, LongParameter, PathId

router = strict_router("/v1/schedules", "Schedules")


@router.get(
    "",
    summary="List schedules",
    response_model=list[ScheduleRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, InvalidSchedule),
)
async def list_schedules(
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    group_id: Annotated[LongParameter, GROUP_ID] = None,
    include_groups: Annotated[BoolParameter, INCLUDE_GROUPS] = None,
    start: Annotated[DatetimeParameter, Query(alias="startDate")] = None,
    end: Annotated[DatetimeParameter, Query(alias="endDate")] = None,
    status: Annotated[ScheduleStatus | None, EmptyAsNull, Query()] = None,
) -> Response:
    """List the caller's personal schedules, one group's, or those of the caller and all their groups."""
    return json_answer(
        await service.list_schedules(
            database,
            groups,
            caller=caller,
            group_id=group_id,
            include_groups=bool(include_groups),
            start=start,
            end=end,
            status=status,
        )
    )


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
