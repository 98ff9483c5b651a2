"""Bodies of sign-up and sign-in, and what a session looks like on the wire."""

from typing import Annotated, Self

from pydantic import Field

from services.user_service.auth.email_address import EmailAddress
from services.user_service.auth.user_pool import SignedIn
from services.user_service.users.schemas import UserName
from shared.web.schemas import Answer, NotBlank, RequestBody


class SignUp(RequestBody):
    """Who wants to join."""

    email: EmailAddress
    password: Annotated[str, NotBlank, Field(min_length=8, repr=False)]
    name: UserName


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

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """Return the answer that opens a session."""
        session = signed_in.session
        return cls(
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            id_token=session.id_token,
            expires_in=session.expires_in_seconds,
            token_type=session.token_type,
            cognito_sub=session.cognito_sub,
            email=signed_in.email,
            name=signed_in.name,
            message=None,
        )
