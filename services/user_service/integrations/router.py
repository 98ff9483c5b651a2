"""HTTP doors of the connection to Canvas: `/v1/integrations`, and tokens and runs for functions."""

from typing import Annotated

from fastapi import Query, Response, status

from services.user_service.integrations import runs, service
from services.user_service.integrations.canvas import (
    CanvasProfiles,
    CanvasSync,
    SyncCounts,
    SyncMode,
)
from services.user_service.integrations.errors import (
    CanvasSyncFailed,
    CanvasTokenNotFound,
    CanvasUnavailable,
    InvalidCanvasToken,
)
from services.user_service.integrations.models import Provider, RunStatus
from services.user_service.integrations.schemas import (
    CanvasTokenRegistration,
    ConnectedAnswer,
    CredentialAnswer,
    Integration,
    IntegrationsAnswer,
    MaskedTokenAnswer,
    RegistrationAnswer,
    SyncAnswer,
    SyncRunAnswer,
    SyncRunClaim,
    SyncRunClaimed,
    SyncRunEnd,
    TokenRefusal,
)
from services.user_service.sealing import Sealer
from services.user_service.users.errors import UserNotFound
from shared.identity.headers import Caller
from shared.web.dependencies import DatabaseDep, NoStore, RequiresAPIKey, part_of_process
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/integrations", "Integrations")
internal_router = strict_router("/internal/v1/credentials", "Internal")
runs_router = strict_router("/internal/v1/sync-runs", "Internal")

MAX_PAGE = 1_000
"""Subs of one page: 40 KB."""


CanvasProfilesDep = Annotated[CanvasProfiles, part_of_process("canvas_profiles")]
CanvasSyncDep = Annotated[CanvasSync, part_of_process("canvas_sync")]
SealerDep = Annotated[Sealer, part_of_process("sealer")]


@router.get(
    "/status",
    summary="Read the state of the caller's connections",
    responses=documented_errors(ErrorCodeAnswer),
)
async def read_status(database: DatabaseDep, caller: Caller) -> IntegrationsAnswer:
    """Return one entry per provider, null where there is no credential."""
    rows = await database.transaction(lambda session: service.list_credentials(session, caller))
    by_provider = {row.provider: Integration.model_validate(row) for row in rows}
    return IntegrationsAnswer(
        canvas=by_provider.get(Provider.CANVAS),
        google_calendar=by_provider.get(Provider.GOOGLE_CALENDAR),
    )


@router.post(
    "/canvas/credentials",
    summary="Register a Canvas token",
    responses=documented_errors(
        ErrorCodeAnswer, InvalidCanvasToken, CanvasUnavailable, UserNotFound, has_body=True
    ),
)
async def register_canvas_token(
    database: DatabaseDep,
    canvas: CanvasProfilesDep,
    sealer: SealerDep,
    caller: Caller,
    body: CanvasTokenRegistration,
) -> RegistrationAnswer:
    """Check the token with Canvas and store it sealed; an earlier one is replaced."""
    await service.register_canvas_token(
        database, canvas, sealer, cognito_sub=caller, token=body.canvas_token
    )
    return RegistrationAnswer(success=True, message="The Canvas token is registered.")


@router.get(
    "/canvas/credentials",
    summary="Recognise the registered Canvas token",
    dependencies=[NoStore],
    responses=documented_errors(ErrorCodeAnswer, CanvasTokenNotFound),
)
async def read_masked_canvas_token(
    database: DatabaseDep, sealer: SealerDep, caller: Caller
) -> MaskedTokenAnswer:
    """Return asterisks and the last characters of the token."""
    credential = await database.transaction(
        lambda session: service.read_canvas_credential(session, sealer, caller)
    )
    return MaskedTokenAnswer(
        canvas_token=service.mask(credential.token),
        last_validated_at=credential.last_validated_at,
    )


@router.delete(
    "/canvas/credentials",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Forget the Canvas token",
    responses=documented_errors(ErrorCodeAnswer, CanvasTokenNotFound),
)
async def delete_canvas_token(database: DatabaseDep, caller: Caller) -> Response:
    """Delete the credential; courses and schedules stay."""
    await database.transaction(lambda session: service.delete_canvas_token(session, caller))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/canvas/sync",
    summary="Synchronise with Canvas and wait for the end",
    responses=documented_errors(
        ErrorCodeAnswer, CanvasTokenNotFound, InvalidCanvasToken, CanvasSyncFailed
    ),
)
async def sync_canvas(
    database: DatabaseDep,
    function: CanvasSyncDep,
    caller: Caller,
    mode: SyncMode = SyncMode.ASSIGNMENTS,
) -> SyncAnswer:
    """Read courses, or the assignments of enabled courses; schedules appear shortly after the answer.

    While a synchronisation of the caller is on, the answer is that one's.
    """
    counts = await runs.synchronise(database, function, cognito_sub=caller, mode=mode)
    return SyncAnswer(
        success=True,
        message="The synchronisation with Canvas is complete.",
        courses_count=counts.courses,
        assignments_count=counts.assignments,
        synced_at=counts.synced_at,
    )


@router.get(
    "/canvas/sync/runs",
    summary="List the caller's last synchronisations",
    responses=documented_errors(ErrorCodeAnswer),
)
async def list_sync_runs(database: DatabaseDep, caller: Caller) -> list[SyncRunAnswer]:
    """Return the last 50, asked for by the caller or by the schedule, the newest first."""
    rows = await database.transaction(lambda session: runs.list_runs(session, caller))
    return [SyncRunAnswer.model_validate(row) for row in rows]


@internal_router.get(
    "/canvas/connected", include_in_schema=False, dependencies=[RequiresAPIKey, NoStore]
)
async def list_connected(
    database: DatabaseDep,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> ConnectedAnswer:
    """Return who is to be synchronised by the schedule, page by page."""
    subs, next_after = await database.transaction(
        lambda session: service.list_connected(session, after=after, limit=limit)
    )
    return ConnectedAnswer(cognito_subs=subs, next=next_after)


@internal_router.post(
    "/canvas/{cognito_sub}/refused",
    status_code=status.HTTP_204_NO_CONTENT,
    include_in_schema=False,
    dependencies=[RequiresAPIKey],
)
async def refuse_canvas_token(
    database: DatabaseDep,
    sealer: SealerDep,
    cognito_sub: str,
    body: TokenRefusal | None = None,
) -> Response:
    """Take a function's word that Canvas refused the student's token."""
    token_sha256 = body.token_sha256 if body else None
    await database.transaction(
        lambda session: service.refuse_canvas_token(
            session, sealer, cognito_sub, token_sha256=token_sha256
        )
    )
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@runs_router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    include_in_schema=False,
    dependencies=[RequiresAPIKey],
)
async def claim_sync_run(database: DatabaseDep, body: SyncRunClaim) -> SyncRunClaimed:
    """Begin a scheduled run; 409 while one is on, 404 or 400 when there is no good token."""
    run = await database.transaction(
        lambda session: runs.claim_scheduled_run(
            session,
            cognito_sub=body.cognito_sub,
            mode=body.sync_mode,
            claim_id=body.claim_id,
        )
    )
    return SyncRunClaimed(run_id=run.id, lease_seconds=int(runs.LEASE.total_seconds()))


@runs_router.put(
    "/{run_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    include_in_schema=False,
    dependencies=[RequiresAPIKey],
)
async def finish_sync_run(database: DatabaseDep, run_id: int, body: SyncRunEnd) -> Response:
    """Note how a run ended."""
    counts = None
    if body.status is RunStatus.SUCCEEDED:
        counts = SyncCounts(body.courses_count, body.assignments_count, body.synced_at or "")
    await database.transaction(
        lambda session: runs.finish_run(session, run_id, counts=counts, error_code=body.error_code)
    )
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@internal_router.get(
    "/canvas/by-cognito-sub/{cognito_sub}",
    include_in_schema=False,
    dependencies=[RequiresAPIKey, NoStore],
)
async def read_canvas_token(
    database: DatabaseDep, sealer: SealerDep, cognito_sub: str
) -> CredentialAnswer:
    """Return the token in clear to a function that presents the key."""
    credential = await database.transaction(
        lambda session: service.read_canvas_credential(session, sealer, cognito_sub)
    )
    return CredentialAnswer(
        canvas_token=credential.token,
        last_validated_at=credential.last_validated_at,
        external_user_id=credential.external_user_id,
        external_username=credential.external_username,
    )
