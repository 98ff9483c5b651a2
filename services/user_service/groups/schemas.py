"""Bodies and answers about groups and members."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from services.user_service.groups.models import Role
from services.user_service.users.schemas import UserSummary
from shared.web.schemas import Answer, NotBlank, RequestBody, WireDatetime

MAX_NAME_LENGTH = 100
"""Width of the column, in characters."""

MAX_DESCRIPTION_BYTES = 65_535
"""What TEXT holds."""


def _check_description(description: str) -> str:
    if len(description.encode("utf-8")) > MAX_DESCRIPTION_BYTES:
        raise PydanticCustomError(
            "too_long", "must be at most {limit} bytes", {"limit": MAX_DESCRIPTION_BYTES}
        )
    return description


GroupName = Annotated[str, NotBlank, Field(max_length=MAX_NAME_LENGTH)]
Description = Annotated[
    str, AfterValidator(_check_description), Field(max_length=MAX_DESCRIPTION_BYTES)
]

GivenRole = Annotated[Role, WithJsonSchema({"type": "string", "enum": ["ADMIN", "MEMBER"]})]
"""A role that somebody may be given; OWNER is refused by the rules, after the question who asks."""


class GroupBody(RequestBody):
    """A new group."""

    name: GroupName
    description: Description | None = None


class GroupChange(RequestBody):
    """What changes; absent and null keep their value."""

    name: GroupName | None = None
    description: Description | None = None


class Invitation(RequestBody):
    """Who becomes a member at once; `cognitoSub` is another name of `userCognitoSub`."""

    user_cognito_sub: Annotated[str, NotBlank]
    role: GivenRole | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_other_name(cls, body: Any) -> Any:
        if isinstance(body, dict) and body.get("userCognitoSub") is None and "cognitoSub" in body:
            return {**body, "userCognitoSub": body["cognitoSub"]}
        return body


class RoleChange(RequestBody):
    """A member's new role."""

    role: GivenRole


class GroupAnswer(Answer):
    """A group as one of its members sees it in a list."""

    group_id: int
    name: str
    description: str | None
    owner: UserSummary
    my_role: Role
    member_count: int
    created_at: WireDatetime


class MemberAnswer(Answer):
    """A member of a group."""

    member_id: int
    user: UserSummary
    role: Role
    joined_at: WireDatetime


class GroupDetailAnswer(Answer):
    """A group with its members."""

    group_id: int
    name: str
    description: str | None
    owner: UserSummary
    members: list[MemberAnswer]
    created_at: WireDatetime
