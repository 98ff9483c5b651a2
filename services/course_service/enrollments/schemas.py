"""How an enrollment looks to a client and to a synchronisation."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from services.course_service.courses.schemas import CourseRead
from shared.web.schemas import Answer, RequestBody, WireBool, WireDatetime


class EnrollmentRead(Answer):
    """An enrollment (rest.md 3.3)."""

    id: int = Field(examples=[7])
    cognito_sub: str = Field(examples=["7b0e0f6a-1111-4222-8333-944455556666"])
    course: CourseRead
    is_sync_leader: bool = Field(description="first enrollment of the course", examples=[True])
    is_sync_enabled: bool = Field(description="the course is in the planner", examples=[True])
    enrolled_at: WireDatetime


class SyncSwitch(RequestBody):
    """Whether a course belongs into the caller's planner."""

    is_sync_enabled: WireBool = Field(examples=[False])


class EnabledCourse(Answer):
    """A course that the caller wants synchronised (I6)."""

    course_id: int
    canvas_course_id: int
    course_name: str


@dataclass(frozen=True)
class CourseView:
    """How one student stands to one course, and how fresh what we know is."""

    course_id: int
    enrolled_at: datetime
    is_listed: bool
    course_observed_at: datetime | None
    listing_observed_at: datetime | None
