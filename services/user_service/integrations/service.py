"""Registers, shows and removes Canvas tokens, and starts synchronisations.

Nothing waits for Canvas or for the function while it holds a database connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.integrations.canvas import (
    CanvasProfile,
    CanvasProfiles,
    CanvasSync,
    SyncCounts,
    SyncMode,
)
from services.user_service.integrations.errors import CanvasTokenNotFound
from services.user_service.integrations.models import Credential, Provider
from services.user_service.sealing import Sealer
from services.user_service.users import service as users
from services.user_service.users.errors import UserNotFound
from shared.database import Database, utc_now

MASK = "*" * 8
"""Always as many, so that a mask does not tell a token's length."""

VISIBLE_CHARACTERS = 3
MIN_LENGTH_TO_SHOW_ANY = 12
"""Of a shorter token even three characters would be much."""


@dataclass(frozen=True)
class CanvasCredential:
    """A stored Canvas token, opened."""

    token: str = field(repr=False)
    last_validated_at: datetime | None
    external_user_id: str | None
    external_username: str | None


async def list_credentials(session: AsyncSession, cognito_sub: str) -> Sequence[Credential]:
    """Return a user's credentials, one per provider at most."""
    rows = await session.scalars(select(Credential).where(Credential.cognito_sub == cognito_sub))
    return rows.all()


async def register_canvas_token(
    database: Database, canvas: CanvasProfiles, sealer: Sealer, *, cognito_sub: str, token: str
) -> None:
    """Check a token with Canvas and store it, in place of an earlier one.

    Raises:
        InvalidCanvasToken: Canvas rejects it.
        CanvasUnavailable: Canvas does not say.
        UserNotFound: The account was deleted.
    """
    profile = await canvas.read_profile(token)
    sealed = sealer.seal(token, provider=Provider.CANVAS, cognito_sub=cognito_sub)
    await database.transaction(
        lambda session: _store(session, cognito_sub=cognito_sub, sealed=sealed, profile=profile)
    )


async def read_canvas_credential(
    session: AsyncSession, sealer: Sealer, cognito_sub: str
) -> CanvasCredential:
    """Return a user's Canvas token in clear.

    Raises:
        CanvasTokenNotFound: There is none.
    """
    row: Credential | None = await session.scalar(
        select(Credential).where(
            Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS
        )
    )
    if row is None:
        raise CanvasTokenNotFound
    token = sealer.open(row.encrypted_token, provider=Provider.CANVAS, cognito_sub=row.cognito_sub)
    return CanvasCredential(
        token, row.last_validated_at, row.external_user_id, row.external_username
    )


async def delete_canvas_token(session: AsyncSession, cognito_sub: str) -> None:
    """Forget a user's Canvas token; what was synchronised with it stays.

    Raises:
        CanvasTokenNotFound: There is none.
    """
    result = await session.execute(
        delete(Credential).where(
            Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS
        )
    )
    if not cast("CursorResult[Any]", result).rowcount:
        raise CanvasTokenNotFound


async def delete_all_of(session: AsyncSession, cognito_sub: str) -> None:
    """Forget every credential of a user, with the account."""
    await session.execute(delete(Credential).where(Credential.cognito_sub == cognito_sub))


async def sync_canvas(
    database: Database, canvas_sync: CanvasSync, *, cognito_sub: str, mode: SyncMode
) -> SyncCounts:
    """Run a synchronisation, wait for its end, and note when it was.

    Raises:
        CanvasTokenNotFound: There is no token to synchronise with; nothing was invoked.
        CanvasSyncFailed: It could not be run to its end.
    """
    if not await database.transaction(lambda session: _has_canvas_token(session, cognito_sub)):
        raise CanvasTokenNotFound
    counts = await canvas_sync.sync(cognito_sub, mode)
    await database.transaction(lambda session: _note_synced(session, cognito_sub))
    return counts


def mask(token: str) -> str:
    """Return asterisks and at most a token's last three characters."""
    if len(token) < MIN_LENGTH_TO_SHOW_ANY:
        return MASK
    return MASK + token[-VISIBLE_CHARACTERS:]


async def _store(
    session: AsyncSession, *, cognito_sub: str, sealed: str, profile: CanvasProfile
) -> None:
    await users.lock_user(session, cognito_sub)
    if await users.is_deleted(session, cognito_sub):
        raise UserNotFound
    now = utc_now()
    renewed = {
        # Written on renewal, too: the key of the table ignores case, the seal does not.
        "cognito_sub": cognito_sub,
        "encrypted_token": sealed,
        "is_connected": True,
        "external_user_id": profile.user_id,
        "external_username": profile.login_id,
        "last_validated_at": now,
        "updated_at": now,
    }
    statement = insert(Credential).values(provider=Provider.CANVAS, created_at=now, **renewed)
    await session.execute(statement.on_duplicate_key_update(renewed))


async def _has_canvas_token(session: AsyncSession, cognito_sub: str) -> bool:
    return bool(
        await session.scalar(
            select(
                exists().where(
                    Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS
                )
            )
        )
    )


async def _note_synced(session: AsyncSession, cognito_sub: str) -> None:
    now = utc_now()
    await session.execute(
        update(Credential)
        .where(Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS)
        .values(last_synced_at=now, updated_at=now)
    )
