"""Registers, shows, refuses and removes Canvas tokens.

Nothing waits for Canvas while it holds a database connection.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.integrations import runs
from services.user_service.integrations.canvas import CanvasProfile, CanvasProfiles
from services.user_service.integrations.errors import CanvasTokenNotFound
from services.user_service.integrations.models import Credential, Provider
from services.user_service.sealing import Sealer, UnreadableSecret
from services.user_service.users import service as users
from services.user_service.users.errors import UserNotFound
from shared.database import Database, utc_now
from shared.logging import get_logger

log = get_logger(__name__)

MASK = "*" * 8
"""Always as many, so that a mask does not tell a token's length."""

VISIBLE_CHARACTERS = 3
ROTATED_AT_ONCE = 100
"""Rows in one transaction of a key rotation: a registration waits for its row some milliseconds."""

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
    """Forget a user's Canvas token and its runs; what was synchronised with it stays.

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
    await runs.forget_runs(session, cognito_sub)


async def delete_all_of(session: AsyncSession, cognito_sub: str) -> None:
    """Forget every credential of a user and every run, with the account."""
    await session.execute(delete(Credential).where(Credential.cognito_sub == cognito_sub))
    await runs.forget_runs(session, cognito_sub)


async def refuse_canvas_token(
    session: AsyncSession, sealer: Sealer, cognito_sub: str, *, token_sha256: str | None
) -> None:
    """Note that Canvas refused a user's token, unless it was replaced meanwhile.

    Args:
        session: Its transaction.
        sealer: Opens the stored token, to compare.
        cognito_sub: Whose.
        token_sha256: SHA-256 of the refused token in hexadecimal digits; without it the stored one is meant.

    Raises:
        CanvasTokenNotFound: There is none.
    """
    row = await session.scalar(
        select(Credential)
        .where(Credential.cognito_sub == cognito_sub, Credential.provider == Provider.CANVAS)
        .with_for_update()
    )
    if row is None:
        raise CanvasTokenNotFound
    if token_sha256 is not None:
        stored = sealer.open(
            row.encrypted_token, provider=Provider.CANVAS, cognito_sub=row.cognito_sub
        )
        if not is_digest_of(stored, token_sha256):
            log.info("refused_token_already_replaced")
            return
    if row.is_connected:
        log.warning("canvas_token_no_longer_accepted")
        row.is_connected = False
        row.updated_at = utc_now()


async def list_connected(
    session: AsyncSession, *, after: str | None, limit: int
) -> tuple[list[str], str | None]:
    """Return the subs of students whose Canvas token is good, in order, and after which one the next page begins.

    Args:
        session: To read with.
        after: Leave out this sub and all before it.
        limit: How many at most.
    """
    query = select(Credential.cognito_sub).where(
        Credential.provider == Provider.CANVAS, Credential.is_connected.is_(True)
    )
    if after is not None:
        query = query.where(Credential.cognito_sub > after)
    rows = await session.scalars(query.order_by(Credential.cognito_sub).limit(limit + 1))
    subs = list(rows.all())
    if len(subs) <= limit:
        return subs, None
    return subs[:limit], subs[limit - 1]


@dataclass(frozen=True)
class Rotation:
    """How many stored tokens were under the writing key already, were sealed anew, or could not be opened."""

    current: int = 0
    sealed_anew: int = 0
    unreadable: int = 0


async def seal_anew(database: Database, sealer: Sealer) -> Rotation:
    """Seal every stored token under the writing key that is not.

    Rows are locked a few at a time, so that a token that is registered meanwhile is not overwritten. A row that no
    configured key opens stays as it is.
    """
    total = Rotation()
    last_id = 0
    while True:
        part, next_id = await database.transaction(
            partial(_seal_some_anew, sealer=sealer, after_id=last_id)
        )
        total = Rotation(
            total.current + part.current,
            total.sealed_anew + part.sealed_anew,
            total.unreadable + part.unreadable,
        )
        if next_id is None:
            return total
        last_id = next_id


async def _seal_some_anew(
    session: AsyncSession, *, sealer: Sealer, after_id: int
) -> tuple[Rotation, int | None]:
    rows = (
        await session.scalars(
            select(Credential)
            .where(Credential.id > after_id)
            .order_by(Credential.id)
            .limit(ROTATED_AT_ONCE)
            .with_for_update()
        )
    ).all()
    current = sealed_anew = unreadable = 0
    for row in rows:
        if sealer.is_current(row.encrypted_token):
            current += 1
            continue
        try:
            token = sealer.open(
                row.encrypted_token, provider=row.provider, cognito_sub=row.cognito_sub
            )
        except UnreadableSecret:
            log.error("stored_token_unreadable", credentialId=row.id)
            unreadable += 1
            continue
        row.encrypted_token = sealer.seal(token, provider=row.provider, cognito_sub=row.cognito_sub)
        sealed_anew += 1
    return Rotation(current, sealed_anew, unreadable), rows[-1].id if rows else None


def is_digest_of(token: str, sha256: str) -> bool:
    """Tell whether hexadecimal digits are the SHA-256 of a token."""
    return hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), sha256.lower())


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
