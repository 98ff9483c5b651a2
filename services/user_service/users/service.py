"""Finds and adds users."""

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.users.errors import DuplicateUser, UserNotFound
from services.user_service.users.models import User
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


async def add_user(session: AsyncSession, *, email: str, name: str, cognito_sub: str) -> User:
    """Insert an active user.

    Raises:
        DuplicateUser: A row has this e-mail or this sub, perhaps since a moment ago.
    """
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
