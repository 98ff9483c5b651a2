"""HTTP doors of the connection to Canvas: `/v1/integrations`, and tokens for functions."""

from typing import Annotated

from fastapi import Depends, Request, Response, status

from services.user_service.dependencies import DatabaseDep, NoStore, RequiresAPIKey
from services.user_service.integrations import service
from services.user_service.integrations.canvas import CanvasProfiles, CanvasSync, SyncMode
from services.user_service.integrations.errors import (
    CanvasSyncFailed,
    CanvasTokenNotFound,
    CanvasUnavailable,
    InvalidCanvasToken,
)
from services.user_service.integrations.models import Provider
from services.user_service.integrations.schemas import (
    CanvasTokenRegistration,
    CredentialAnswer,
    Integration,
    IntegrationsAnswer,
    MaskedTokenAnswer,
    RegistrationAnswer,
    SyncAnswer,
)
from services.user_service.sealing import Sealer
from services.user_service.users.errors import UserNotFound
from shared.identity.headers import Caller
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router

router = strict_router("/v1/integrations", "Integrations")
internal_router = strict_router("/internal/v1/credentials", "Internal")


async def canvas_profiles(request: Request) -> CanvasProfiles:
    """Return the process's way to ask Canvas."""
    found: CanvasProfiles = request.app.state.canvas_profiles
    return found


async def canvas_sync(request: Request) -> CanvasSync:
    """Return the process's way to synchronise."""
    found: CanvasSync = request.app.state.canvas_sync
    return found


async def sealer(request: Request) -> Sealer:
    """Return the process's sealer."""
    found: Sealer = request.app.state.sealer
    return found


CanvasProfilesDep = Annotated[CanvasProfiles, Depends(canvas_profiles)]
CanvasSyncDep = Annotated[CanvasSync, Depends(canvas_sync)]
SealerDep = Annotated[Sealer, Depends(sealer)]


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
    responses=documented_errors(ErrorCodeAnswer, CanvasTokenNotFound, CanvasSyncFailed),
)
async def sync_canvas(
    database: DatabaseDep,
    function: CanvasSyncDep,
    caller: Caller,
    mode: SyncMode = SyncMode.ASSIGNMENTS,
) -> SyncAnswer:
    """Read courses, or the assignments of enabled courses; schedules appear shortly after the answer."""
    counts = await service.sync_canvas(database, function, cognito_sub=caller, mode=mode)
    return SyncAnswer(
        success=True,
        message="The synchronisation with Canvas is complete.",
        courses_count=counts.courses,
        assignments_count=counts.assignments,
        synced_at=counts.synced_at,
    )


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
