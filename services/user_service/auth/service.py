"""Signs people up and in: the steps between the user pool and our row, each of them safe to repeat.

The pool and the database cannot commit together. A sign-up that stops half way leaves a pool user
without a row; the same sign-up, sent again, finds that user, proves the password by signing in, and
adds the row. Whoever cannot prove the password gets the same 409 as for a complete user.
"""

import asyncio
import time

from services.user_service.auth.errors import (
    AuthenticationFailed,
    InvalidCredentials,
    PasswordRefused,
)
from services.user_service.auth.user_pool import (
    PasswordBreaksPolicy,
    PoolRefused,
    PoolSession,
    PoolUnavailable,
    SignedIn,
    UsernameTaken,
    UserNotConfirmed,
    UserPool,
    WrongCredentials,
)
from services.user_service.users import service as users
from services.user_service.users.errors import DuplicateUser, UserNotFound
from shared.database import Database
from shared.logging import get_logger

log = get_logger(__name__)

REFUSAL_SECONDS = 0.4
"""S-06: a refusal takes at least this long, which is above what the pool needs to check a password."""


async def sign_up(
    database: Database, user_pool: UserPool, *, email: str, password: str, name: str
) -> SignedIn:
    """Create and confirm a pool user, add the row, and sign in.

    Args:
        database: user_db.
        user_pool: Where passwords live.
        email: In lower case.
        password: Passed on to the pool and to nobody else.
        name: At most 100 characters.

    Raises:
        DuplicateUser: The e-mail is known to us, or to the pool with another password.
        PasswordRefused: The password breaks the pool's policy.
        AuthenticationFailed: The pool refuses for another reason.
        PoolUnavailable: The pool cannot be reached; the same sign-up may be sent again.
    """
    if await database.transaction(lambda session: users.is_email_known(session, email)):
        raise DuplicateUser
    try:
        cognito_sub = await user_pool.sign_up(email=email, password=password, name=name)
    except UsernameTaken:
        return await _complete_sign_up(
            database, user_pool, email=email, password=password, name=name
        )
    except PasswordBreaksPolicy as problem:
        raise PasswordRefused from problem
    except PoolRefused as problem:
        raise AuthenticationFailed("The sign-up is refused.") from problem
    try:
        await user_pool.confirm(email)
    except PoolRefused as problem:
        await _delete_pool_user(user_pool, cognito_sub)
        raise AuthenticationFailed("The sign-up is refused.") from problem
    try:
        await _add_row(database, email=email, name=name, cognito_sub=cognito_sub)
    except DuplicateUser:
        # Either a repeated sign-up has completed this very user, or the column takes the e-mail for
        # that of somebody else; then nobody could ever use the new pool user.
        if await database.transaction(lambda s: users.find_user(s, cognito_sub)) is None:
            await _delete_pool_user(user_pool, cognito_sub)
        raise
    try:
        session = await user_pool.sign_in(email=email, password=password)
    except PoolRefused as problem:
        raise AuthenticationFailed from problem
    return SignedIn(session, email, name)


async def sign_in(
    database: Database, user_pool: UserPool, *, email: str, password: str
) -> SignedIn:
    """Open a session for a user who has a row.

    Raises:
        InvalidCredentials: Wrong password or unknown e-mail, alike in every respect.
        AuthenticationFailed: Not confirmed, deactivated, or refused for another reason.
        UserNotFound: The pool knows the user, we do not.
        PoolUnavailable: The pool cannot be reached.
    """
    started = time.monotonic()
    try:
        session = await user_pool.sign_in(email=email, password=password)
    except WrongCredentials as problem:
        await asyncio.sleep(max(0.0, started + REFUSAL_SECONDS - time.monotonic()))
        raise InvalidCredentials from problem
    except PoolRefused as problem:
        raise AuthenticationFailed from problem
    user = await database.transaction(lambda s: users.find_user(s, session.cognito_sub))
    if user is None:
        raise UserNotFound
    if not user.is_active:
        raise AuthenticationFailed
    return SignedIn(session, user.email, user.name)


async def _complete_sign_up(
    database: Database, user_pool: UserPool, *, email: str, password: str, name: str
) -> SignedIn:
    try:
        session = await _sign_in_confirming(user_pool, email=email, password=password)
    except PoolRefused as problem:
        raise DuplicateUser from problem
    await _add_row(database, email=email, name=name, cognito_sub=session.cognito_sub)
    log.info("sign_up_completed")
    return SignedIn(session, email, name)


async def _sign_in_confirming(user_pool: UserPool, *, email: str, password: str) -> PoolSession:
    try:
        return await user_pool.sign_in(email=email, password=password)
    except UserNotConfirmed:
        # Every sign-up is confirmed without a code, so this gives away nothing.
        await user_pool.confirm(email)
        return await user_pool.sign_in(email=email, password=password)


async def _add_row(database: Database, *, email: str, name: str, cognito_sub: str) -> None:
    await database.transaction(
        lambda session: users.add_user(session, email=email, name=name, cognito_sub=cognito_sub)
    )


async def _delete_pool_user(user_pool: UserPool, cognito_sub: str) -> None:
    try:
        await user_pool.delete(cognito_sub)
    except (PoolRefused, PoolUnavailable) as problem:
        log.error("pool_user_left_behind", reason=type(problem).__name__)
