"""Bodies and answer of sign-up and sign-in."""

from typing import Annotated

from pydantic import Field

from services.user_service.auth.email_address import EmailAddress
from shared.web.schemas import Answer, NotBlank, RequestBody


class SignUp(RequestBody):
    """Who wants to join."""

    email: EmailAddress
    password: Annotated[str, NotBlank, Field(min_length=8, repr=False)]
    name: Annotated[str, NotBlank, Field(max_length=100)]


class SignIn(RequestBody):
    """Who wants to come in."""

    email: EmailAddress
    password: Annotated[str, NotBlank, Field(repr=False)]


class AuthAnswer(Answer):
    """Tokens from the user pool, and whose they are."""

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    id_token: str = Field(repr=False)
    expires_in: int = Field(description="seconds")
    token_type: str
    cognito_sub: str
    email: str
    name: str
    message: str | None = Field(None, description="always null")
