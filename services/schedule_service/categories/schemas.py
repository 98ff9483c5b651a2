"""What the API says about categories (rest.md 4.1)."""

from enum import StrEnum

from shared.web.schemas import Answer, WireDatetime


class CategorySource(StrEnum):
    """Where a category comes from."""

    USER_CREATED = "USER_CREATED"
    CANVAS_COURSE = "CANVAS_COURSE"
    GOOGLE_CALENDAR = "GOOGLE_CALENDAR"
    TODOIST_PROJECT = "TODOIST_PROJECT"


class CategoryRead(Answer):
    """A category."""

    category_id: int
    cognito_sub: str | None
    group_id: int | None
    name: str
    color: str
    icon: str | None
    is_default: bool
    source_type: str | None
    source_id: str | None
    created_at: WireDatetime
    updated_at: WireDatetime
