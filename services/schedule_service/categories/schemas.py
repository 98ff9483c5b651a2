"""What the API says about categories (rest.md 4.1)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from services.schedule_service.documentation import answer_example, body_example
from shared.web.schemas import Answer, NotBlank, OptionalLong, RequestBody, WireDatetime

MAX_NAME_LENGTH = 100
MAX_ICON_LENGTH = 50
COLOR_PATTERN = r"^#[0-9A-Fa-f]{6}$"


class CategorySource(StrEnum):
    """Where a category comes from."""

    USER_CREATED = "USER_CREATED"
    CANVAS_COURSE = "CANVAS_COURSE"
    GOOGLE_CALENDAR = "GOOGLE_CALENDAR"
    TODOIST_PROJECT = "TODOIST_PROJECT"


class CategoryWrite(RequestBody):
    """A category as a person makes it; a group's when it names one."""

    model_config = body_example(name="Reading", color="#4ECDC4", icon="📖", groupId=None)

    name: Annotated[
        str,
        Field(
            max_length=MAX_NAME_LENGTH,
            description="unique among all the creator's and among all the group's categories;"
            " case, accents and trailing spaces make no difference",
        ),
        NotBlank,
    ]
    color: Annotated[str, Field(pattern=COLOR_PATTERN)]
    icon: Annotated[str, Field(max_length=MAX_ICON_LENGTH)] | None = None
    group_id: OptionalLong = None


class CategoryRead(Answer):
    """A category."""

    model_config = answer_example(
        categoryId=12,
        cognitoSub="7b0e0f6a-1111-4222-8333-944455556666",
        groupId=None,
        name="Reading",
        color="#4ECDC4",
        icon="📖",
        isDefault=False,
        sourceType="USER_CREATED",
        sourceId=None,
        createdAt="2026-03-01T08:00:00.123456",
        updatedAt="2026-03-02T09:30:00.654321",
    )

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
