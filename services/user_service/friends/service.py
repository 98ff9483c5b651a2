"""The rules of requests, friendships and blocks (rest.md 2.3)."""

from typing import Any

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.user_service.friends.errors import (
    FriendshipAlreadyExists,
    FriendshipNotFound,
    SelfFriendship,
)
from services.user_service.friends.models import Friendship, FriendshipStatus
from services.user_service.users import service as users
from services.user_service.users.errors import UserNotFound
from services.user_service.users.models import User
from services.user_service.users.summaries import (
    BY_USER_ID,
    SUMMARY_COLUMNS,
    has_text,
    is_not,
    is_user,
    summary,
)
from shared.database import utc_now
from shared.web.errors import BadRequest

MAX_FOUND = 100
"""As long as a page of any list; whoever looks for somebody else types more of the name."""

NOT_ADDRESSEE = "Only the person who was asked can answer a friend request."
NOT_YOURS = "This friendship is not yours."


async def search_users(
    session: AsyncSession, caller: str, *, text: str, limit: int
) -> list[dict[str, Any]]:
    """Return people whose e-mail or name contains a text, without those whom the caller has blocked.

    Args:
        session: On user_db.
        caller: Not among the answers.
        text: Taken literally.
        limit: At most so many, and at most `MAX_FOUND`.
    """
    rows = await session.execute(
        select(*SUMMARY_COLUMNS, Friendship.status)
        .outerjoin(
            Friendship,
            and_(Friendship.user_cognito_sub == caller, is_user(Friendship.friend_cognito_sub)),
        )
        .where(
            is_not(caller),
            has_text(text),
            or_(Friendship.status.is_(None), Friendship.status != FriendshipStatus.BLOCKED),
        )
        .order_by(BY_USER_ID)
        .limit(min(limit, MAX_FOUND))
    )
    return [
        summary(
            row,
            is_friend=row.status == FriendshipStatus.ACCEPTED,
            is_pending=row.status == FriendshipStatus.PENDING,
        )
        for row in rows
    ]


async def list_received(
    session: AsyncSession, caller: str, *, after_id: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Return the requests that wait for the caller's answer, by id."""
    rows = await session.execute(
        select(Friendship.id, Friendship.created_at, *SUMMARY_COLUMNS)
        .where(
            Friendship.friend_cognito_sub == caller,
            Friendship.status == FriendshipStatus.PENDING,
            Friendship.id > after_id,
            is_user(Friendship.user_cognito_sub),
        )
        .order_by(Friendship.id)
        .limit(limit)
    )
    return [
        {"requestId": row.id, "fromUser": summary(row), "createdAt": row.created_at} for row in rows
    ]


async def list_friends(
    session: AsyncSession, caller: str, *, after_id: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Return the caller's accepted friendships, by id."""
    rows = await session.execute(
        select(Friendship.id, Friendship.created_at, *SUMMARY_COLUMNS)
        .where(
            Friendship.user_cognito_sub == caller,
            Friendship.status == FriendshipStatus.ACCEPTED,
            Friendship.id > after_id,
            is_user(Friendship.friend_cognito_sub),
        )
        .order_by(Friendship.id)
        .limit(limit)
    )
    return [
        {
            "friendshipId": row.id,
            "friend": summary(row),
            "status": FriendshipStatus.ACCEPTED,
            "createdAt": row.created_at,
        }
        for row in rows
    ]


async def request_friendship(
    session: AsyncSession, caller: str, *, addressee: str
) -> dict[str, Any]:
    """Ask somebody for their friendship, and return the caller's side of it.

    Raises:
        SelfFriendship: The addressee is the caller.
        UserNotFound: There is no such user.
        FriendshipAlreadyExists: Something is between the two already, in either direction.
    """
    me, friend = await _lock_both(session, caller, addressee)
    if await session.scalar(select(exists().where(or_(_row(me, friend), _row(friend, me))))):
        raise FriendshipAlreadyExists
    now = utc_now()
    row = Friendship(
        user_cognito_sub=me.cognito_sub,
        friend_cognito_sub=friend.cognito_sub,
        status=FriendshipStatus.PENDING,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    await session.flush()
    return {
        "friendshipId": row.id,
        "friend": summary(friend),
        "status": row.status,
        "createdAt": row.created_at,
    }


async def accept(session: AsyncSession, caller: str, *, request_id: int) -> None:
    """Make a received request a friendship of both.

    Raises:
        FriendshipNotFound: There is no such row, or it is a block.
        BadRequest: The caller is not the addressee.
        FriendshipAlreadyExists: It was accepted before.
    """
    row = await _lock_request(session, caller, request_id)
    if row.status == FriendshipStatus.ACCEPTED:
        raise FriendshipAlreadyExists
    now = utc_now()
    row.status = FriendshipStatus.ACCEPTED
    row.updated_at = now
    await session.flush()
    await _set(session, row.friend_cognito_sub, row.user_cognito_sub, FriendshipStatus.ACCEPTED)


async def reject(session: AsyncSession, caller: str, *, request_id: int) -> None:
    """Delete a received request; a new one is possible.

    Raises:
        FriendshipNotFound: There is no such request, or it is no request any more.
        BadRequest: The caller is not the addressee.
    """
    row = await _lock_request(session, caller, request_id)
    if row.status != FriendshipStatus.PENDING:
        raise FriendshipNotFound
    await session.delete(row)


async def remove(session: AsyncSession, caller: str, *, friendship_id: int) -> None:
    """End a friendship for both sides, withdraw a request, or lift a block.

    Raises:
        FriendshipNotFound: There is no such row.
        BadRequest: It is somebody else's row.
    """
    row = await _lock_row(session, friendship_id)
    if row.user_cognito_sub != caller:
        raise BadRequest(NOT_YOURS)
    if row.status != FriendshipStatus.BLOCKED:
        await _delete_unless_blocked(session, row.friend_cognito_sub, row.user_cognito_sub)
    await session.delete(row)


async def block(session: AsyncSession, caller: str, *, blocked: str) -> None:
    """Block somebody: whatever else was between the two ends, but for a block by the other side.

    Raises:
        SelfFriendship: That is the caller.
        UserNotFound: There is no such user.
    """
    me, other = await _lock_both(session, caller, blocked)
    await _set(session, me.cognito_sub, other.cognito_sub, FriendshipStatus.BLOCKED)
    await _delete_unless_blocked(session, other.cognito_sub, me.cognito_sub)


async def delete_all_of(session: AsyncSession, cognito_sub: str) -> None:
    """Delete everything between a user and anybody else."""
    # Two statements, for one with OR would scan the table.
    await session.execute(delete(Friendship).where(Friendship.user_cognito_sub == cognito_sub))
    await session.execute(delete(Friendship).where(Friendship.friend_cognito_sub == cognito_sub))


async def _lock_both(session: AsyncSession, caller: str, other: str) -> tuple[User, User]:
    if other == caller:
        raise SelfFriendship
    found = await users.lock_users(session, caller, other)
    me = next((user for user in found if user.cognito_sub == caller), None)
    others = [user for user in found if user is not me]
    if me is not None and not others and await users.find_user(session, other) is me:
        # The column took another spelling of the caller's sub for the caller.
        raise SelfFriendship
    if me is None or not others:
        raise UserNotFound
    return me, others[0]


async def _lock_request(session: AsyncSession, caller: str, request_id: int) -> Friendship:
    row = await _lock_row(session, request_id)
    if row.status == FriendshipStatus.BLOCKED:
        raise FriendshipNotFound
    if row.friend_cognito_sub != caller:
        raise BadRequest(NOT_ADDRESSEE)
    return row


async def _lock_row(session: AsyncSession, friendship_id: int) -> Friendship:
    """Lock both people of a row, then read it as it is now."""
    pair = (
        await session.execute(
            select(Friendship.user_cognito_sub, Friendship.friend_cognito_sub).where(
                Friendship.id == friendship_id
            )
        )
    ).one_or_none()
    if pair is None:
        raise FriendshipNotFound
    await users.lock_users(session, *pair)
    row: Friendship | None = await session.scalar(
        select(Friendship).where(Friendship.id == friendship_id).with_for_update()
    )
    if row is None:
        raise FriendshipNotFound
    return row


def _row(user: User, friend: User) -> Any:
    return and_(
        Friendship.user_cognito_sub == user.cognito_sub,
        Friendship.friend_cognito_sub == friend.cognito_sub,
    )


async def _set(
    session: AsyncSession, user: str, friend: str, friendship_status: FriendshipStatus
) -> None:
    now = utc_now()
    statement = insert(Friendship).values(
        user_cognito_sub=user,
        friend_cognito_sub=friend,
        status=friendship_status,
        created_at=now,
        updated_at=now,
    )
    await session.execute(
        statement.on_duplicate_key_update(status=friendship_status, updated_at=now)
    )


async def _delete_unless_blocked(session: AsyncSession, user: str, friend: str) -> None:
    await session.execute(
        delete(Friendship).where(
            Friendship.user_cognito_sub == user,
            Friendship.friend_cognito_sub == friend,
            Friendship.status != FriendshipStatus.BLOCKED,
        )
    )
