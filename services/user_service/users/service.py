"""Finds, adds, renames and deletes users, and remembers the deleted ones."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.users.errors import DuplicateUser, UserNotFound
from services.user_service.users.models import DeletedUser, User
from shared.database import is_duplicate_key, utc_now


async def is_email_known(session: AsyncSession, email: str) -> bool:
    """Tell whether a row has this e-mail, as the column compares: case, accents, trailing spaces aside."""
    return bool(await session.scalar(select(exists().where(User.email == email))))


async def find_user(session: AsyncSession, cognito_sub: str) -> User | None:
    """Return the user with this sub, or nothing."""
    user: User | None = await session.scalar(select(User).where(User.cognito_sub == cognito_sub))
    return user


async def read_user(session: AsyncSession, cognito_sub: str) -> User:
    """Return the user with this sub.

    Raises:
        UserNotFound: There is no such row.
    """
    user = await find_user(session, cognito_sub)
    if user is None:
        raise UserNotFound
    return user


async def lock_user(session: AsyncSession, cognito_sub: str) -> User | None:
    """Return the user with this sub, or nothing, and let nobody else change or delete them meanwhile.

    Whoever locks several users does so in the order of their subs, and before any group: then nobody
    waits for each other.
    """
    user: User | None = await session.scalar(
        select(User)
        .where(User.cognito_sub == cognito_sub)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return user


async def lock_users(session: AsyncSession, *cognito_subs: str) -> list[User]:
    """Lock several users, and return those who exist, once each, in the order of their subs."""
    found = [await lock_user(session, sub) for sub in sorted(cognito_subs, key=str.casefold)]
    return list(dict.fromkeys(user for user in found if user is not None))


async def rename(session: AsyncSession, cognito_sub: str, *, name: str) -> User:
    """Change a user's name.

    Raises:
        UserNotFound: There is no such row.
    """
    user = await lock_user(session, cognito_sub)
    if user is None:
        raise UserNotFound
    user.name = name
    user.updated_at = utc_now()
    return user


async def delete_user(session: AsyncSession, user: User) -> None:
    """Delete a user's row and remember that this account is gone."""
    await session.delete(user)
    await session.flush()
    now = utc_now()
    statement = insert(DeletedUser).values(cognito_sub=user.cognito_sub, deleted_at=now)
    await session.execute(statement.on_duplicate_key_update(deleted_at=now))


async def is_deleted(session: AsyncSession, cognito_sub: str) -> bool:
    """Tell whether this was the account of somebody who deleted it."""
    return bool(
        await session.scalar(select(exists().where(DeletedUser.cognito_sub == cognito_sub)))
    )


async def list_deleted_since(
    session: AsyncSession, moment: datetime
) -> Sequence[tuple[str, datetime]]:
    """Return who deleted their account at a UTC time or later, and when."""
    rows = await session.execute(
        select(DeletedUser.cognito_sub, DeletedUser.deleted_at).where(
            DeletedUser.deleted_at >= moment
        )
    )
    return [(row.cognito_sub, row.deleted_at) for row in rows]


async def add_user(session: AsyncSession, *, email: str, name: str, cognito_sub: str) -> User:
    """Insert an active user.

    Raises:
        DuplicateUser: A row has this e-mail or this sub, perhaps since a moment ago; or the account with
            this sub was deleted, and the pool has yet to forget it.
    """
    if await is_deleted(session, cognito_sub):
        raise DuplicateUser
    now = utc_now()
    user = User(
        email=email,
        name=name,
        cognito_sub=cognito_sub,
        is_active=True,
        created_at=now,
        updated_at=now,
    )
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as problem:
        if is_duplicate_key(problem):
            raise DuplicateUser from problem
        raise
    return user
