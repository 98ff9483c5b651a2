"""Deletes accounts (additions.md F)."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.deletions.models import PendingDeletion
from services.user_service.deletions.service import Deletions, pending_user
from services.user_service.friends import service as friends
from services.user_service.groups import service as groups
from services.user_service.integrations import service as integrations
from services.user_service.sessions import service as sessions
from services.user_service.users import service as users
from services.user_service.users.errors import UserNotFound
from shared.database import Database


async def delete_account(database: Database, deletions: Deletions, caller: str) -> None:
    """Delete a user and everything of theirs: here at once, elsewhere at once or as soon as possible.

    Raises:
        UserNotFound: The caller has no row.
        OwnershipHolds: The caller owns a group with other members.
    """
    pending = await database.transaction(lambda session: _delete(session, caller))
    await asyncio.gather(*(deletions.attempt(each) for each in pending))


async def _delete(session: AsyncSession, caller: str) -> list[PendingDeletion]:
    user = await users.lock_user(session, caller)
    if user is None:
        raise UserNotFound
    owners, pending = await groups.leave_all(session, user)
    await friends.delete_all_of(session, user.cognito_sub)
    await integrations.delete_all_of(session, user.cognito_sub)
    await sessions.forget(session, user.cognito_sub)
    await users.delete_user(session, user)
    pending.append(pending_user(user.cognito_sub, owners))
    session.add(pending[-1])
    return pending
