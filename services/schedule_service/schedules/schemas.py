"""What the API says about schedules (rest.md 4.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.schedule_service.documentation import answer_example, body_example
from services.schedule_service.todos.schemas import TodoTree
from shared.web.schemas import (
    Answer,
    NotBlank,
    OptionalBool,
    OptionalLong,
    RequestBody,
    WireDatetime,
    WireLong,
)
from shared.web.time_zone import is_utc, to_utc

MAX_LENGTH = 255
"""Of titles, locations, rules and source ids."""

MAX_DESCRIPTION_BYTES = 65_535
"""What a TEXT column holds."""


class ScheduleStatus(StrEnum):
    """How far a schedule is."""

    TODO = "TODO"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"


class ScheduleSource(StrEnum):
    """Where a schedule comes from."""

    USER = "USER"
    CANVAS = "CANVAS"
    GOOGLE_CALENDAR = "GOOGLE_CALENDAR"
    TODOIST = "TODOIST"


@dataclass(frozen=True)
class Period:
    """A stretch of time; schedules that only touch it are outside.

    Args:
        start: In UTC, as the times of schedules are stored.
        end: Likewise.
        all_day_start: The start on the caller's clock, for all-day schedules have no zone.
        all_day_end: Likewise.
    """

    start: datetime
    end: datetime
    all_day_start: datetime
    all_day_end: datetime


def period_on_wire(start: datetime, end: datetime) -> Period:
    """Return a stretch of time given in the request's zone.

    Raises:
        BadRequest: A time is out of range.
    """
    return Period(to_utc(start), to_utc(end), start, end)


def _fits_column(value: str) -> str:
    if len(value.encode()) > MAX_DESCRIPTION_BYTES:
        # Not a rule of the field but of its column, so `BAD_REQUEST` (rest.md 1.7).
        raise PydanticCustomError("text_parsing", "is too long")
    return value


class ScheduleWrite(RequestBody):
    """A schedule as a person makes it; a group's when it names one."""

    model_config = body_example(
        title="Study group",
        description="Chapter 5",
        location="Library 3F",
        startTime="2026-03-04T09:30:00",
        endTime="2026-03-04T11:00:00",
        isAllDay=False,
        categoryId=12,
        groupId=None,
        recurrenceRule="FREQ=WEEKLY;BYDAY=WE;COUNT=10",
        source="USER",
        sourceId=None,
    )

    title: Annotated[str, Field(max_length=MAX_LENGTH), NotBlank]
    start_time: WireDatetime
    end_time: Annotated[WireDatetime, Field(description="not before `startTime`")]
    category_id: WireLong
    description: Annotated[str, AfterValidator(_fits_column)] | None = None
    location: Annotated[str, Field(max_length=MAX_LENGTH)] | None = None
    is_all_day: Annotated[
        OptionalBool, Field(description="its times have no zone and are never converted")
    ] = None
    group_id: OptionalLong = None
    recurrence_rule: Annotated[
        Annotated[str, Field(max_length=MAX_LENGTH)] | None,
        Field(description="RRULE of RFC 5545, with or without `RRULE:`; blank counts as none"),
    ] = None
    source: Annotated[
        ScheduleSource | None,
        Field(description="`USER` when absent; `CANVAS` is refused; kept by an update"),
    ] = None
    source_id: Annotated[
        Annotated[str, Field(max_length=MAX_LENGTH)] | None, Field(description="kept by an update")
    ] = None


class StatusChange(RequestBody):
    """A schedule's new status."""

    model_config = body_example(status="DONE")

    status: ScheduleStatus


_READ_EXAMPLE: dict[str, Any] = {
    "scheduleId": 34,
    "cognitoSub": "7b0e0f6a-1111-4222-8333-944455556666",
    "groupId": None,
    "categoryId": 12,
    "title": "Study group",
    "description": "Chapter 5",
    "location": "Library 3F",
    "startTime": "2026-03-04T09:30:00",
    "endTime": "2026-03-04T11:00:00",
    "isAllDay": False,
    "status": "TODO",
    "recurrenceRule": "FREQ=WEEKLY;BYDAY=WE;COUNT=10",
    "source": "USER",
    "sourceId": None,
    "createdAt": "2026-03-01T08:00:00.123456",
    "updatedAt": "2026-03-02T09:30:00.654321",
}


class ScheduleRead(Answer):
    """A schedule."""

    model_config = answer_example(**_READ_EXAMPLE)

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
    source: ScheduleSource
    source_id: str | None
    created_at: WireDatetime
    updated_at: WireDatetime


class ScheduleDetail(ScheduleRead):
    """A schedule with the trees of todos linked to it."""

    model_config = answer_example(**_READ_EXAMPLE, todos=[])

    todos: list[TodoTree]


def on_wire(schedule: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a schedule to be written out: an all-day one shows the digits stored, in every zone."""
    if is_utc() or not schedule["isAllDay"]:
        return schedule
    times = {name: schedule[name].isoformat() for name in ("startTime", "endTime")}
    return {**schedule, **times}


def all_on_wire(schedules: Sequence[Mapping[Any, Any]]) -> Sequence[Mapping[Any, Any]]:
    """Return a list of schedules to be written out, each as by `on_wire`."""
    return schedules if is_utc() else [on_wire(schedule) for schedule in schedules]
