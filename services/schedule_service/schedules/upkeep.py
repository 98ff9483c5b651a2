"""What becomes of schedules in bulk when their category, group or creator goes."""

from typing import Any

from sqlalchemy import case

from services.schedule_service.items import Items
from services.schedule_service.schedules.models import Schedule


class _Schedules(Items):
    def _handed_over(self, cognito_sub: str, new_sub: str) -> dict[str, Any]:
        # The source id of a Canvas schedule ends in the student's id. MySQL assigns one after the other, in
        # the table's order: the source is decided while its id is still there.
        names_creator = Schedule.source_id.contains(cognito_sub, autoescape=True)
        return {
            "source": case((names_creator, "USER"), else_=Schedule.source),
            "source_id": case((names_creator, None), else_=Schedule.source_id),
            **super()._handed_over(cognito_sub, new_sub),
        }


SCHEDULES = _Schedules(Schedule)
