"""What a deletion is told and what it says of itself (rest.md I7, additions.md F)."""

from typing import Annotated

from pydantic import Field

from shared.identity.headers import MAX_SUB_LENGTH
from shared.web.schemas import Answer, RequestBody, WireLong

COGNITO_SUB_PATTERN = r"^[!-~]+$"
"""To the collation, other text could be equal to a sub."""

CognitoSub = Annotated[str, Field(pattern=COGNITO_SUB_PATTERN, max_length=MAX_SUB_LENGTH)]


class UserDeletion(RequestBody):
    """Who inherits what a user made for groups."""

    group_owners: dict[WireLong, CognitoSub] | None = None


class DeletedGroupData(Answer):
    """How much of a group was deleted; zeros when there was nothing."""

    group_id: int
    deleted_schedules: int
    deleted_todos: int
    deleted_categories: int
    success: bool = True


class DeletedUserData(Answer):
    """How much of a user was deleted and handed over; zeros when there was nothing."""

    deleted_schedules: int
    deleted_todos: int
    deleted_categories: int
    handed_over_items: int
    success: bool = True
