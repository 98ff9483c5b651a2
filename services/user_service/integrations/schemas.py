"""Bodies and answers of the connection to Canvas."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.web.schemas import Answer, NotBlank, RequestBody, WireDatetime

MAX_TOKEN_BYTES = 356
"""What the reference's column holds (R-9); Canvas makes tokens of about 70 characters."""

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")


def _check_token(token: str) -> str:
    if len(token.encode("utf-8")) > MAX_TOKEN_BYTES:
        raise PydanticCustomError(
            "too_long", "must be at most {limit} bytes", {"limit": MAX_TOKEN_BYTES}
        )
    if not _HEADER_TEXT.fullmatch(token):
        raise PydanticCustomError(
            "characters", "must be the token alone: no spaces, line breaks or special characters"
        )
    return token


class CanvasTokenRegistration(RequestBody):
    """A token that a student made in Canvas."""

    canvas_token: Annotated[str, NotBlank, AfterValidator(_check_token), Field(repr=False)]


class RegistrationAnswer(Answer):
    """The token was accepted and stored."""

    success: bool
    message: str


class MaskedTokenAnswer(Answer):
    """Enough of the token to recognise it."""

    canvas_token: str = Field(examples=["********abc"])
    last_validated_at: WireDatetime | None


class Integration(Answer):
    """The state of one connection."""

    is_connected: bool
    external_username: str | None
    last_validated_at: WireDatetime | None
    last_synced_at: WireDatetime | None


class IntegrationsAnswer(Answer):
    """The state of every connection; null where there is none."""

    canvas: Integration | None = None
    google_calendar: Integration | None = None
    outlook: Integration | None = None


class SyncAnswer(Answer):
    """What a synchronisation covered."""

    success: bool
    message: str
    courses_count: int
    assignments_count: int
    synced_at: str = Field(description="UTC, without zone")


class CredentialAnswer(Answer):
    """A token in clear, for functions only."""

    canvas_token: str = Field(repr=False)
    last_validated_at: WireDatetime | None
    external_user_id: str | None
    external_username: str | None
