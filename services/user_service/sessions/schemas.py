"""Body of a refresh, and the list that gateways poll."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, PlainSerializer

from shared.web.schemas import Answer, NotBlank, RequestBody

MAX_TOKEN_LENGTH = 16_384
"""Several times what any user pool issues."""


def _with_z(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"


Instant = Annotated[datetime, PlainSerializer(_with_z, return_type=str)]
"""A UTC time that says so: gateways compare it with the seconds of tokens."""


class Refresh(RequestBody):
    """The token of a session that should go on."""

    refresh_token: Annotated[str, NotBlank, Field(max_length=MAX_TOKEN_LENGTH, repr=False)]


class EndedSessions(Answer):
    """Sessions of this user that began at this time or earlier have ended."""

    cognito_sub: str
    revoked_before: Instant


class RevocationsAnswer(Answer):
    """Who signed out lately, and the time that the next question may start from."""

    revocations: list[EndedSessions]
    now: Instant
