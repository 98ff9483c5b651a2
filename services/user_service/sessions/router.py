"""HTTP doors of sessions: `/v1/auth`, and the list of ended ones for gateways."""

from fastapi import Response, status

from services.user_service.auth.errors import InvalidCredentials
from services.user_service.auth.schemas import AuthAnswer
from services.user_service.dependencies import UserPoolDep
from services.user_service.sessions import service
from services.user_service.sessions.schemas import EndedSessions, Refresh, RevocationsAnswer
from shared.database import utc_now
from shared.identity.headers import Caller
from shared.web.dependencies import DatabaseDep, NoStore
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.schemas import DatetimeParameter

router = strict_router("/v1/auth", "Authentication")
internal_router = strict_router("/internal/v1/revocations", "Internal")


@router.post(
    "/refresh",
    summary="Get new tokens for a session",
    dependencies=[NoStore],
    responses=documented_errors(ErrorCodeAnswer, InvalidCredentials, has_body=True, public=True),
)
async def refresh(database: DatabaseDep, pool: UserPoolDep, body: Refresh) -> AuthAnswer:
    """Continue a session; the refresh token stays the same."""
    return AuthAnswer.of(await service.refresh(database, pool, body.refresh_token))


@router.post(
    "/signout",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End all sessions of the caller",
    responses=documented_errors(ErrorCodeAnswer),
)
async def sign_out(database: DatabaseDep, pool: UserPoolDep, caller: Caller) -> Response:
    """End every session, on every device, within seconds everywhere; takes up to a second."""
    await service.sign_out(database, pool, caller)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@internal_router.get("", include_in_schema=False)
async def list_revocations(
    database: DatabaseDep, since: DatetimeParameter = None
) -> RevocationsAnswer:
    """Return whose sessions have ended since a UTC time, by default in the last 25 hours."""
    now = utc_now()
    rows = await database.transaction(
        lambda session: service.list_revocations(session, since=since, now=now)
    )
    return RevocationsAnswer(
        revocations=[EndedSessions(cognito_sub=sub, revoked_before=at) for sub, at in rows],
        now=now,
    )
