"""What the API says about todos (rest.md 4.4)."""

from typing import Literal

from shared.web.schemas import Answer, WireDate, WireDatetime


class TodoRead(Answer):
    """A todo."""

    todo_id: int
    cognito_sub: str | None
    group_id: int | None
    category_id: int
    title: str
    description: str | None
    start_date: WireDate
    due_date: WireDate
    deadline: WireDatetime | None
    status: Literal["TODO", "IN_PROGRESS", "DONE"]
    priority: Literal["LOW", "MEDIUM", "HIGH", "URGENT"]
    progress_percentage: int
    parent_todo_id: int | None
    schedule_id: int | None
    is_ai_generated: bool
    created_at: WireDatetime
    updated_at: WireDatetime


class TodoTree(TodoRead):
    """A todo with everything below it."""

    subtasks: list["TodoTree"]
