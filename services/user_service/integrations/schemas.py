"""Bodies and answers of the connection to Canvas."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.user_service.integrations.canvas import SyncMode
from services.user_service.integrations.models import RunStatus, RunTrigger
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


class SyncRunAnswer(Answer):
    """One synchronisation."""

    run_id: int = Field(validation_alias="id")
    trigger: RunTrigger = Field(validation_alias="triggered_by")
    mode: SyncMode
    status: RunStatus
    started_at: WireDatetime
    finished_at: WireDatetime | None
    courses_count: int
    assignments_count: int
    error_code: str | None = Field(description="Why it failed", examples=["CANVAS_SYNC_ERROR"])


class SyncRunClaim(RequestBody):
    """A function asks to synchronise a student; `claim_id` lets it ask again after a lost answer."""

    cognito_sub: Annotated[str, NotBlank]
    sync_mode: SyncMode = SyncMode.ASSIGNMENTS
    claim_id: Annotated[str | None, Field(max_length=64)] = None


class SyncRunClaimed(Answer):
    """The run that began; it is to end before its lease does."""

    run_id: int
    lease_seconds: int


class SyncRunEnd(RequestBody):
    """How a run ended."""

    status: Literal[RunStatus.SUCCEEDED, RunStatus.FAILED]
    courses_count: Annotated[int, Field(ge=0)] = 0
    assignments_count: Annotated[int, Field(ge=0)] = 0
    synced_at: Annotated[str | None, Field(max_length=32)] = None
    error_code: Annotated[str | None, Field(pattern="^[A-Z_]{1,64}$")] = None


class TokenRefusal(RequestBody):
    """Which token Canvas refused; without a digest the stored one."""

    token_sha256: Annotated[str | None, Field(pattern="^[0-9a-fA-F]{64}$")] = None


class ConnectedAnswer(Answer):
    """A page of the students whose token is good; `next` is the `after` of the following page."""

    cognito_subs: list[str]
    next: str | None


class CredentialAnswer(Answer):
    """A token in clear, for functions only."""

    canvas_token: str = Field(repr=False)
    last_validated_at: WireDatetime | None
    external_user_id: str | None
    external_username: str | None
