"""What a person looks like on the wire, to themselves and to others."""

from typing import Annotated

from pydantic import Field

from shared.web.schemas import Answer, NotBlank, RequestBody, WireDatetime

MAX_NAME_LENGTH = 100
"""Width of the column, in characters."""

UserName = Annotated[str, NotBlank, Field(max_length=MAX_NAME_LENGTH)]


class ProfileAnswer(Answer):
    """The caller's own row."""

    user_id: int = Field(validation_alias="id", serialization_alias="userId")
    email: str
    name: str
    cognito_sub: str
    is_active: bool
    created_at: WireDatetime
    updated_at: WireDatetime


class ProfileChange(RequestBody):
    """What a person may change about themselves."""

    name: UserName


class UserSummary(Answer):
    """A person beside a friend, a request or a group."""

    cognito_sub: str
    name: str
    email: str
    is_friend: bool | None = Field(description="filled by the search only")
    is_pending: bool | None = Field(description="filled by the search only")


class MessageAnswer(Answer):
    """What was done, for people."""

    message: str
