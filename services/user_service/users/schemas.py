"""What the profile looks like on the wire."""

from pydantic import Field

from shared.web.schemas import Answer, WireDatetime


class ProfileAnswer(Answer):
    """The caller's own row."""

    user_id: int = Field(validation_alias="id", serialization_alias="userId")
    email: str
    name: str
    cognito_sub: str
    is_active: bool
    created_at: WireDatetime
    updated_at: WireDatetime
