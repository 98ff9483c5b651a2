"""How a course looks to a client and to a synchronisation."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from shared.web.schemas import Answer, WireDatetime


class CourseRead(Answer):
    """A course (rest.md 3.1)."""

    id: int = Field(examples=[3])
    canvas_course_id: int = Field(examples=[4711])
    name: str = Field(examples=["Operating Systems"])
    course_code: str | None = Field(examples=["OS-1"])
    description: str | None = Field(examples=[None])
    start_at: WireDatetime | None
    end_at: WireDatetime | None
    created_at: WireDatetime
    updated_at: WireDatetime


@dataclass(frozen=True)
class SeenCourse:
    """A course as a student's Canvas showed it."""

    canvas_course_id: int
    name: str
    course_code: str | None
    start_at: datetime | None
    end_at: datetime | None
