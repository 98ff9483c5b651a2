"""What the API says about free slots and conflicts (rest.md 4.3, additions.md F)."""

from datetime import date, time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.schedule_service.documentation import body_example
from services.schedule_service.parameters import EmptyAsNull
from shared.web.schemas import (
    Answer,
    RequestBody,
    WholeSecondsDatetime,
    WireDatetime,
    WireLong,
)


def _real_day(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("calendar", "must be a day of the calendar") from None
    return value


Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_real_day)]
TimeOfDay = Annotated[
    Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None, EmptyAsNull
]


class FreeSlotSearch(RequestBody):
    """Where and when free slots are wanted; days and hours are in the request's zone."""

    model_config = body_example(
        groupId=7,
        userIds=None,
        startDate="2026-03-04",
        endDate="2026-03-06",
        minDurationMinutes=90,
        workingHoursStart="09:00",
        workingHoursEnd="19:00",
        daysOfWeek=[1, 2, 3, 4, 5],
    )

    group_id: Annotated[WireLong, Field(gt=0)]
    user_ids: Annotated[
        list[str] | None, Field(description="`cognitoSub`s of members; all members without it")
    ] = None
    start_date: Day
    end_date: Annotated[Day, Field(description="included; at most 3,660 days after `startDate`")]
    min_duration_minutes: Annotated[WireLong, Field(ge=1)]
    working_hours_start: Annotated[
        TimeOfDay, Field(description="used together with `workingHoursEnd`")
    ] = None
    working_hours_end: TimeOfDay = None
    days_of_week: Annotated[
        list[Annotated[WireLong, Field(ge=1, le=7)]] | None,
        Field(description="1 is Monday; every day without it"),
    ] = None

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        return date.fromisoformat(self.start_date), date.fromisoformat(self.end_date)

    @property
    def working_hours(self) -> tuple[time, time] | None:
        """From when to when; None unless both are given."""
        if self.working_hours_start is None or self.working_hours_end is None:
            return None
        return time.fromisoformat(self.working_hours_start), time.fromisoformat(
            self.working_hours_end
        )


class SearchPeriod(Answer):
    """The days that were searched, as they were given."""

    start_date: str
    end_date: str


class FreeSlot(Answer):
    """A stretch of time in which everybody is free."""

    start_time: WholeSecondsDatetime
    end_time: WholeSecondsDatetime
    duration_minutes: int
    day_of_week: Literal[
        "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"
    ]


class FreeSlots(Answer):
    """What a search found."""

    group_id: int
    group_name: str | None
    member_count: int
    search_period: SearchPeriod
    free_slots: list[FreeSlot]
    total_free_slots_found: int


class ConflictCheck(RequestBody):
    """A time at which a group wants to meet."""

    model_config = body_example(
        groupId=7, startTime="2026-03-04T09:30:00", endTime="2026-03-04T11:00:00"
    )

    group_id: WireLong
    start_time: WireDatetime
    end_time: Annotated[WireDatetime, Field(description="after `startTime`, by at most 366 days")]


class Conflict(Answer):
    """A member's or the group's schedule at that time; its id and title show to those who may read it."""

    cognito_sub: str | None
    start_time: WireDatetime
    end_time: WireDatetime
    schedule_id: int | None
    title: str | None


class Conflicts(Answer):
    """What stands in the way."""

    group_id: int
    has_conflicts: bool
    conflicts: list[Conflict]
