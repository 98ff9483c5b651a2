"""The HTTP door of occurrences (additions.md F)."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response

from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.occurrences import service
from services.schedule_service.parameters import GROUP_ID, INCLUDE_GROUPS
from services.schedule_service.schedules.errors import InvalidSchedule
from services.schedule_service.schedules.listing import position_by_start
from services.schedule_service.schedules.schemas import ScheduleRead, all_on_wire
from shared.identity.headers import Caller
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import PAGED, ErrorCodeAnswer, documented_errors
from shared.web.errors import BadRequest
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer
from shared.web.schemas import BoolParameter, DatetimeParameter, LongParameter

router = strict_router("/v1/schedules", "Schedules")


@router.get(
    "/occurrences",
    summary="List occurrences of schedules",
    response_model=list[ScheduleRead],
    responses=documented_errors(ErrorCodeAnswer, AccessDenied, InvalidSchedule) | PAGED,
)
async def list_occurrences(
    request: Request,
    caller: Caller,
    database: DatabaseDep,
    groups: GroupsDep,
    page: PageParameters,
    start: Annotated[DatetimeParameter, Query(alias="startDate")],
    end: Annotated[DatetimeParameter, Query(alias="endDate", description="at most 366 days later")],
    group_id: Annotated[LongParameter, GROUP_ID] = None,
    include_groups: Annotated[BoolParameter, INCLUDE_GROUPS] = None,
) -> Response:
    """List the schedules of a period by start; a recurring one is there once for each occurrence, at its time."""
    listed = await service.list_occurrences(
        database,
        groups,
        caller=caller,
        group_id=group_id,
        include_groups=bool(include_groups),
        start=_given(start, "startDate"),
        end=_given(end, "endDate"),
        page=page,
    )
    return list_answer(request, page, all_on_wire(listed), position_by_start)


def _given(moment: datetime | None, name: str) -> datetime:
    if moment is None:
        raise BadRequest(f"{name}: is required")
    return moment
