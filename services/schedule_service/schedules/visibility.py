"""Which schedules a caller may link an item to: those that the caller may read (R-21)."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.schedule_service.groups.permissions import Permissions
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
    schedule = (
        await session.execute(
            select(Schedule.cognito_sub, Schedule.group_id)
            .where(Schedule.schedule_id == schedule_id)
            .with_for_update(read=True)
        )
    ).one_or_none()
    if schedule is None or not permissions.may_read(
        cognito_sub=schedule.cognito_sub, group_id=schedule.group_id
    ):
        raise ScheduleNotFound
