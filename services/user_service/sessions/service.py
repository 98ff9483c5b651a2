"""Refreshes sessions, ends them everywhere, and tells gateways which ones have ended.

A token says in whole seconds when its session began. A sign-out therefore ends every session that
began in its own second, the one just ended among them for certain, and is answered when that second
is over: whoever signs in after the answer begins in a later one.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.auth.errors import InvalidCredentials
from services.user_service.auth.user_pool import PoolRefused, SignedIn, UserPool
from services.user_service.sessions.models import Revocation
from services.user_service.users import service as users
from services.user_service.users.models import User
from shared.database import Database, utc_now

LISTED_FOR = timedelta(hours=25)
"""No token lives longer than 24 h (J-02); an hour for clocks that disagree."""


async def refresh(database: Database, user_pool: UserPool, refresh_token: str) -> SignedIn:
    """Get new tokens for a session that has not ended.

    Raises:
        InvalidCredentials: The pool refuses, the user is gone or deactivated, or the session has ended.
        PoolUnavailable: The pool cannot be reached.
    """
    try:
        session = await user_pool.refresh(refresh_token)
    except PoolRefused as problem:
        raise InvalidCredentials("The session has ended. Please sign in again.") from problem
    user = await database.transaction(
        lambda s: _find_signed_in(s, session.cognito_sub, began_at=session.began_at)
    )
    if user is None:
        raise InvalidCredentials("The session has ended. Please sign in again.")
    return SignedIn(session, user.email, user.name)


async def sign_out(database: Database, user_pool: UserPool, cognito_sub: str) -> None:
    """End every session of a user, and return when a new one is sure to be a later one.

    Our own record comes first: with it the sessions have ended, even if the pool cannot be reached.

    Raises:
        PoolUnavailable: The pool cannot be reached; signing out again is harmless.
    """
    this_second = utc_now().replace(microsecond=0)
    await database.transaction(lambda session: _revoke(session, cognito_sub, this_second))
    await user_pool.sign_out(cognito_sub)
    remaining = this_second + timedelta(seconds=1) - utc_now()
    await asyncio.sleep(max(0.0, remaining.total_seconds()))


async def list_revocations(
    session: AsyncSession, *, since: datetime | None, now: datetime
) -> Sequence[tuple[str, datetime]]:
    """Return who ended all sessions at a UTC time or later, and up to which beginning.

    Deleted accounts are among them. Times are from before the commit that shows them, so whoever
    polls asks again for some seconds that the last answer covered.
    """
    earliest = max(since or datetime.min, now - LISTED_FOR)
    rows = await session.execute(
        select(Revocation.cognito_sub, Revocation.revoked_before).where(
            Revocation.revoked_before >= earliest.replace(microsecond=0)
        )
    )
    signed_out = [(row.cognito_sub, row.revoked_before) for row in rows]
    return [*signed_out, *await users.list_deleted_since(session, earliest)]


async def forget(session: AsyncSession, cognito_sub: str) -> None:
    """Delete the record of a user's sign-out, with the account."""
    await session.execute(delete(Revocation).where(Revocation.cognito_sub == cognito_sub))


async def _revoke(session: AsyncSession, cognito_sub: str, revoked_before: datetime) -> None:
    await users.lock_user(session, cognito_sub)
    if await users.is_deleted(session, cognito_sub):
        # Every session has ended with the account, and nothing here may name it again.
        return
    statement = insert(Revocation).values(cognito_sub=cognito_sub, revoked_before=revoked_before)
    await session.execute(
        statement.on_duplicate_key_update(
            revoked_before=func.greatest(Revocation.revoked_before, revoked_before)
        )
    )


async def _find_signed_in(session: AsyncSession, cognito_sub: str, *, began_at: int) -> User | None:
    user = await users.find_user(session, cognito_sub)
    if user is None or not user.is_active:
        return None
    revoked_before: datetime | None = await session.scalar(
        select(Revocation.revoked_before).where(Revocation.cognito_sub == cognito_sub)
    )
    if revoked_before is not None and began_at <= revoked_before.replace(tzinfo=UTC).timestamp():
        return None
    return user
