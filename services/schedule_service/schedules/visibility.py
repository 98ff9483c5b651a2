"""Which schedules a caller may link an item to: those that the caller may read (R-21)."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.groups.permissions import Permissions, hold_readable
from services.schedule_service.schedules.errors import ScheduleNotFound
from services.schedule_service.schedules.models import Schedule


async def require_readable_schedule(
    session: AsyncSession, permissions: Permissions, *, schedule_id: int
) -> None:
    """Check that the caller may read a schedule, and keep it from being deleted until the transaction ends.

    Raises:
        ScheduleNotFound: There is none of that id that the caller may read.
        RoleNotAsked: It is of a group that was not asked about yet.
    """
    found = select(Schedule.cognito_sub, Schedule.group_id).where(
        Schedule.schedule_id == schedule_id
    )
    if not await hold_readable(session, permissions, found):
        raise ScheduleNotFound
