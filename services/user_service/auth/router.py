"""HTTP door of sign-up and sign-in: `/v1/auth`, public."""

import time
from typing import Annotated

from fastapi import Depends, Request, status

from services.user_service.auth import service
from services.user_service.auth.errors import AuthenticationFailed, InvalidCredentials
from services.user_service.auth.schemas import AuthAnswer, SignIn, SignUp
from services.user_service.auth.service import SignedIn
from services.user_service.auth.user_pool import UserPool
from services.user_service.dependencies import DatabaseDep, NoStore
from services.user_service.users.errors import DuplicateUser, UserNotFound
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/auth", "Authentication")


async def user_pool(request: Request) -> UserPool:
    """Return the process's user pool."""
    found: UserPool = request.app.state.user_pool
    return found


UserPoolDep = Annotated[UserPool, Depends(user_pool)]


@router.post(
    "/signup",
    status_code=status.HTTP_201_CREATED,
    summary="Sign up and be signed in at once",
    dependencies=[NoStore],
    responses=documented_errors(
        ErrorCodeAnswer, AuthenticationFailed, DuplicateUser, has_body=True, public=True
    ),
)
async def sign_up(database: DatabaseDep, pool: UserPoolDep, body: SignUp) -> AuthAnswer:
    """Create a user."""
    return _answer(
        await service.sign_up(
            database, pool, email=body.email, password=body.password, name=body.name
        )
    )


@router.post(
    "/signin",
    summary="Sign in with e-mail and password",
    dependencies=[NoStore],
    responses=documented_errors(
        ErrorCodeAnswer,
        InvalidCredentials,
        AuthenticationFailed,
        UserNotFound,
        has_body=True,
        public=True,
    ),
)
async def sign_in(database: DatabaseDep, pool: UserPoolDep, body: SignIn) -> AuthAnswer:
    """Open a session."""
    return _answer(await service.sign_in(database, pool, email=body.email, password=body.password))


@router.get("/health", summary="Tell that the service answers")
async def read_health() -> dict[str, str | int]:
    """Return `UP` with the time in epoch milliseconds."""
    return {"status": "UP", "service": "user-service", "timestamp": time.time_ns() // 1_000_000}


def _answer(signed_in: SignedIn) -> AuthAnswer:
    session = signed_in.session
    return AuthAnswer(
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
