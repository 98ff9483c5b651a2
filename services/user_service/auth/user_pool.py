"""What sign-up, sessions and the end of an account need of a user pool, and how a pool says no."""

from dataclasses import dataclass, field
from typing import Protocol

from shared.web.errors import Unavailable


class PoolUnavailable(Unavailable):
    """The user pool cannot be reached, fails or is throttling us."""


class PoolRefused(Exception):
    """The pool said no for a reason without a name of its own here."""


class UsernameTaken(PoolRefused):
    """The pool has a user with this e-mail."""


class PasswordBreaksPolicy(PoolRefused):
    """The password is too weak for the pool."""


class WrongCredentials(PoolRefused):
    """Wrong password or unknown e-mail."""


class UserNotConfirmed(PoolRefused):
    """The user exists, but was never confirmed."""


@dataclass(frozen=True)
class PoolSession:
    """What a successful sign-in or refresh yields."""

    cognito_sub: str
    began_at: int
    """When the password was given, in seconds since the epoch; 0 when the pool does not say."""
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)
    expires_in_seconds: int
    token_type: str


@dataclass(frozen=True)
class SignedIn:
    """A session of the pool and whose it is."""

    session: PoolSession
    email: str
    name: str


class UserPool(Protocol):
    """A Cognito user pool. Every call may raise `PoolUnavailable` or `PoolRefused`."""

    async def sign_up(self, *, email: str, password: str, name: str) -> str:
        """Create an unconfirmed user and return the sub. Raises `UsernameTaken`, `PasswordBreaksPolicy`."""

    async def confirm(self, email: str) -> None:
        """Confirm a user; a confirmed one stays confirmed."""

    async def sign_in(self, *, email: str, password: str) -> PoolSession:
        """Open a session. Raises `WrongCredentials`, `UserNotConfirmed`."""

    async def refresh(self, refresh_token: str) -> PoolSession:
        """Get new tokens for a session that goes on. Raises `WrongCredentials`."""

    async def sign_out(self, cognito_sub: str) -> None:
        """End every session of a user; one who is gone has none."""

    async def delete(self, cognito_sub: str) -> None:
        """Delete a user; one who is gone stays gone, and another one with the same e-mail stays, too."""
