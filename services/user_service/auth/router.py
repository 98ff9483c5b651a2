"""HTTP door of sign-up and sign-in: `/v1/auth`, public."""

import time

from fastapi import status

from services.user_service.auth import service
from services.user_service.auth.errors import AuthenticationFailed, InvalidCredentials
from services.user_service.auth.schemas import AuthAnswer, SignIn, SignUp
from services.user_service.dependencies import UserPoolDep
from services.user_service.users.errors import DuplicateUser, UserNotFound
from shared.web.dependencies import DatabaseDep, NoStore
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/auth", "Authentication")


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
    signed_in = await service.sign_up(
        database, pool, email=body.email, password=body.password, name=body.name
    )
    return AuthAnswer.of(signed_in)


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
    signed_in = await service.sign_in(database, pool, email=body.email, password=body.password)
    return AuthAnswer.of(signed_in)


@router.get(
    "/health",
    summary="Tell that the service answers",
    responses=documented_errors(ErrorCodeAnswer, public=True),
)
async def read_health() -> dict[str, str | int]:
    """Return `UP` with the time in epoch milliseconds."""
    return {"status": "UP", "service": "user-service", "timestamp": time.time_ns() // 1_000_000}
