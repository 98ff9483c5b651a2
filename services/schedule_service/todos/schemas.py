"""What the API says about todos (rest.md 4.4)."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.web.schemas import (
    Answer,
    LenientLong,
    NotBlank,
    OptionalDatetime,
    OptionalLong,
    RequestBody,
    WireDate,
    WireDatetime,
    WireLong,
)

MAX_TITLE_LENGTH = 255
MAX_DESCRIPTION_BYTES = 65_535
"""What a TEXT column holds."""


class TodoStatus(StrEnum):
    """How far a todo is."""

    TODO = "TODO"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"


class Priority(StrEnum):
    """How urgent a todo is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    URGENT = "URGENT"


def _fits_column(value: str) -> str:
    if len(value.encode()) > MAX_DESCRIPTION_BYTES:
        # Not a rule of the field but of its column, so `BAD_REQUEST` (rest.md 1.7).
        raise PydanticCustomError("text_parsing", "is too long")
    return value


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


def _answer_example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"additionalProperties": False, "examples": [fields]})


class TodoWrite(RequestBody):
    """A todo as a client gives it; status and progress have calls of their own."""

    model_config = _example(
        title="Write the scheduler",
        description="Part A, then the tests",
        startDate="2026-03-01",
        dueDate="2026-03-04",
        deadline="2026-03-04T23:59:00",
        categoryId=12,
        groupId=7,
        priority="HIGH",
        parentTodoId=55,
        scheduleId=34,
    )

    title: Annotated[str, Field(max_length=MAX_TITLE_LENGTH), NotBlank]
    description: Annotated[str, AfterValidator(_fits_column)] | None = None
    start_date: WireDate
    due_date: WireDate
    deadline: OptionalDatetime = None
    category_id: WireLong
    group_id: OptionalLong = None
    priority: Annotated[Priority | None, Field(description="`MEDIUM` when absent or null")] = None
    parent_todo_id: Annotated[
        OptionalLong,
        Field(description="makes it a subtask when created; a todo keeps its parent for ever"),
    ] = None
    schedule_id: OptionalLong = None


class TodoStatusChange(RequestBody):
    """A todo's new status."""

    model_config = _example(status="IN_PROGRESS")

    status: TodoStatus


class TodoProgressChange(RequestBody):
    """A todo's new progress."""

    model_config = _example(progressPercentage=45)

    progress_percentage: Annotated[int, Field(ge=0, le=100), LenientLong]


@dataclass(frozen=True)
class TodoFilter:
    """Which todos of a list are wanted; None wants all."""

    starting_from: date | None = None
    due_until: date | None = None
    status: str | None = None
    priority: str | None = None
    """Status and priority in any case, as the client wrote them."""


_READ_EXAMPLE: dict[str, Any] = {
    "todoId": 56,
    "cognitoSub": "7b0e0f6a-1111-4222-8333-944455556666",
    "groupId": 7,
    "categoryId": 12,
    "title": "Write the scheduler",
    "description": "Part A, then the tests",
    "startDate": "2026-03-01",
    "dueDate": "2026-03-04",
    "deadline": "2026-03-04T23:59:00",
    "status": "IN_PROGRESS",
    "priority": "HIGH",
    "progressPercentage": 45,
    "parentTodoId": 55,
    "scheduleId": 34,
    "isAiGenerated": False,
    "createdAt": "2026-03-01T08:00:00.123456",
    "updatedAt": "2026-03-02T09:30:00.654321",
}


class TodoRead(Answer):
    """A todo."""

    model_config = _answer_example(**_READ_EXAMPLE)

    todo_id: int
    cognito_sub: str | None
    group_id: int | None
    category_id: int
    title: str
    description: str | None
    start_date: WireDate
    due_date: WireDate
    deadline: WireDatetime | None
    status: TodoStatus
    priority: Priority
    progress_percentage: Annotated[int, Field(ge=0, le=100)]
    parent_todo_id: int | None
    schedule_id: int | None
    is_ai_generated: bool
    created_at: WireDatetime
    updated_at: WireDatetime


class TodoTree(TodoRead):
    """A todo with everything below it."""

    model_config = _answer_example(**_READ_EXAMPLE, subtasks=[])

    subtasks: list["TodoTree"]
