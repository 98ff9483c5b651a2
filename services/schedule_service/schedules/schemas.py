"""What the API says about schedules (rest.md 4.2)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from services.schedule_service.todos.schemas import TodoTree
from shared.web.schemas import Answer, WireDatetime


class ScheduleStatus(StrEnum):
    """How far a schedule is."""

    TODO = "TODO"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"


@dataclass(frozen=True)
class Period:
    """A stretch of time; schedules that only touch it are outside."""

    start: datetime
    end: datetime


class ScheduleRead(Answer):
    """A schedule."""

    schedule_id: int
    cognito_sub: str | None
    group_id: int | None
    category_id: int
    title: str
    description: str | None
    location: str | None
    start_time: WireDatetime
    end_time: WireDatetime
    is_all_day: bool
    status: ScheduleStatus
    recurrence_rule: str | None
    source: Literal["USER", "CANVAS", "GOOGLE_CALENDAR", "TODOIST"]
    source_id: str | None
    created_at: WireDatetime
    updated_at: WireDatetime


class ScheduleDetail(ScheduleRead):
    """A schedule with the trees of todos linked to it."""

    todos: list[TodoTree]
