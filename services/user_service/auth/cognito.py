"""The user pool as Cognito offers it; turns the provider's errors into ours and keeps its texts inside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from jose import JWTError, jwt

from services.user_service.auth.user_pool import (
    PasswordBreaksPolicy,
    PoolRefused,
    PoolSession,
    PoolUnavailable,
    UsernameTaken,
    UserNotConfirmed,
    WrongCredentials,
)
from shared.logging import get_logger

log = get_logger(__name__)

_REFUSALS: dict[str, type[PoolRefused]] = {
    "UsernameExistsException": UsernameTaken,
    "InvalidPasswordException": PasswordBreaksPolicy,
    "UserNotFoundException": WrongCredentials,
    "UserNotConfirmedException": UserNotConfirmed,
}

_OUR_SIDE = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "LimitExceededException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "ThrottlingException",
    "TooManyRequestsException",
    "UnrecognizedClientException",
}
"""Codes of 4xx answers that no user can do anything about: throttling, and our own credentials and settings."""


class CognitoUserPool:
    """A Cognito user pool, reached through one of its app clients.

    Args:
        client: An aiobotocore `cognito-idp` client.
        user_pool_id: The pool.
        client_id: An app client without secret that allows USER_PASSWORD_AUTH.
    """

    def __init__(self, client: Any, *, user_pool_id: str, client_id: str) -> None:
        self._client = client
        self._user_pool_id = user_pool_id
        self._client_id = client_id

    async def sign_up(self, *, email: str, password: str, name: str) -> str:
        """Create an unconfirmed user and return the sub."""
        async with _translated("SignUp"):
            answer = await self._client.sign_up(
                ClientId=self._client_id,
                Username=email,
                Password=password,
                UserAttributes=[
                    {"Name": "email", "Value": email},
                    {"Name": "name", "Value": name},
                ],
            )
        return str(answer["UserSub"])

    async def confirm(self, email: str) -> None:
        """Confirm a user; a confirmed one stays confirmed."""
        try:
            async with _translated("AdminConfirmSignUp"):
                await self._client.admin_confirm_sign_up(
                    UserPoolId=self._user_pool_id, Username=email
                )
        except PoolRefused as problem:
            # Cognito refuses a second confirmation with NotAuthorizedException, `... status is CONFIRMED`.
            if "status is CONFIRMED" not in _provider_text(problem):
                raise

    async def sign_in(self, *, email: str, password: str) -> PoolSession:
        """Open a session with USER_PASSWORD_AUTH."""
        try:
            async with _translated("InitiateAuth"):
                answer = await self._client.initiate_auth(
                    ClientId=self._client_id,
                    AuthFlow="USER_PASSWORD_AUTH",
                    AuthParameters={"USERNAME": email, "PASSWORD": password},
                )
        except PoolRefused as problem:
            # One code for a wrong password and for a disabled user; only the text tells them apart.
            if _provider_code(problem) == "NotAuthorizedException" and (
                "disabled" not in _provider_text(problem)
            ):
                raise WrongCredentials from problem
            raise
        return _session(answer)

    async def refresh(self, refresh_token: str) -> PoolSession:
        """Get new tokens for a session that goes on with REFRESH_TOKEN_AUTH."""
        try:
            async with _translated("InitiateAuth"):
                answer = await self._client.initiate_auth(
                    ClientId=self._client_id,
                    AuthFlow="REFRESH_TOKEN_AUTH",
                    AuthParameters={"REFRESH_TOKEN": refresh_token},
                )
        except PoolRefused as problem:
            # Unknown, expired, revoked, of another client, of a user who is gone: none of it helps a thief.
            raise WrongCredentials from problem
        return _session(answer, refresh_token)

    async def sign_out(self, cognito_sub: str) -> None:
        """End every session of a user with AdminUserGlobalSignOut."""
        try:
            async with _translated("AdminUserGlobalSignOut"):
                await self._client.admin_user_global_sign_out(
                    UserPoolId=self._user_pool_id, Username=cognito_sub
                )
        except WrongCredentials:
            return

    async def delete(self, cognito_sub: str) -> None:
        """Delete a user by sub, which Cognito takes wherever it takes a user name."""
        try:
            async with _translated("AdminDeleteUser"):
                await self._client.admin_delete_user(
                    UserPoolId=self._user_pool_id, Username=cognito_sub
                )
        except WrongCredentials:
            return


@asynccontextmanager
async def _translated(operation: str) -> AsyncIterator[None]:
    try:
        yield
    except ClientError as problem:
        code = _provider_code(problem)
        status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if status >= 500 or status == 429 or code in _OUR_SIDE:
            log.error("user_pool_unavailable", operation=operation, code=code)
            raise PoolUnavailable from problem
        log.info("user_pool_refused", operation=operation, code=code)
        raise _REFUSALS.get(code, PoolRefused) from problem
    except (BotoCoreError, OSError, TimeoutError) as problem:
        log.error("user_pool_unavailable", operation=operation, code=type(problem).__name__)
        raise PoolUnavailable from problem


def _session(answer: dict[str, Any], refreshed_with: str | None = None) -> PoolSession:
    result = answer.get("AuthenticationResult")
    if result is None:
        # A challenge, such as a new password or a second factor, which this API has no step for.
        raise PoolRefused(answer.get("ChallengeName"))
    try:
        # Straight from the pool, over the connection we opened: there is nobody to distrust.
        claims = jwt.get_unverified_claims(result["IdToken"])
        return PoolSession(
            cognito_sub=str(claims["sub"]),
            began_at=_began_at(claims, refreshed_with),
            access_token=result["AccessToken"],
            # Only a pool that rotates refresh tokens sends a new one.
            refresh_token=result.get("RefreshToken", refreshed_with) or "",
            id_token=result["IdToken"],
            expires_in_seconds=int(result["ExpiresIn"]),
            token_type=result["TokenType"],
        )
    except (JWTError, KeyError, TypeError, ValueError) as problem:
        log.error("user_pool_unavailable", operation="InitiateAuth", code=type(problem).__name__)
        raise PoolUnavailable from problem


def _began_at(claims: dict[str, Any], refreshed_with: str | None) -> int:
    began_at = int(claims.get("auth_time", 0))
    if refreshed_with is None:
        return began_at
    # Cognito keeps a session's `auth_time` through every refresh, and its refresh tokens are opaque.
    # ministack 1.x sets it anew; there, the refresh token is a JWT that says when it was issued.
    try:
        issued_at = jwt.get_unverified_claims(refreshed_with).get("iat")
    except JWTError:
        return began_at
    return min(began_at, issued_at) if isinstance(issued_at, int) else began_at


def _provider_code(problem: BaseException) -> str:
    error = problem if isinstance(problem, ClientError) else problem.__cause__
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else ""


def _provider_text(problem: BaseException) -> str:
    error = problem if isinstance(problem, ClientError) else problem.__cause__
    return str(error.response["Error"].get("Message")) if isinstance(error, ClientError) else ""
