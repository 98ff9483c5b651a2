"""The HTTP door of free slots and conflicts (rest.md E44, additions.md F)."""

from fastapi import Response

from services.schedule_service.free_slots import conflicts, service
from services.schedule_service.free_slots.schemas import (
    ConflictCheck,
    Conflicts,
    FreeSlots,
    FreeSlotSearch,
)
from services.schedule_service.groups.dependencies import GroupsDep
from services.schedule_service.groups.errors import AccessDenied
from services.schedule_service.schedules.errors import InvalidSchedule
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/schedules", "Schedules")

ERRORS = documented_errors(ErrorCodeAnswer, AccessDenied, InvalidSchedule, has_body=True)


@router.post(
    "/find-free-slots",
    summary="Find when members of a group are free",
    response_model=FreeSlots,
    responses=ERRORS,
)
async def find_free_slots(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, body: FreeSlotSearch
) -> Response:
    """Find slots in which nobody of a group, or of some of its members, has a schedule.

    With working hours or days of the week each day is handled on its own, else a slot may span several days.
    """
    return json_answer(await service.find_free_slots(database, groups, caller=caller, wanted=body))


@router.post(
    "/check-conflicts",
    summary="Check a time for conflicts",
    response_model=Conflicts,
    responses=ERRORS,
)
async def check_conflicts(
    caller: Caller, database: DatabaseDep, groups: GroupsDep, body: ConflictCheck
) -> Response:
    """Tell which schedules of a group and its members overlap a time; what only touches it does not.

    Of a schedule that the caller may not read `scheduleId` and `title` are null.
    """
    return json_answer(
        await conflicts.check_conflicts(database, groups, caller=caller, wanted=body)
    )
