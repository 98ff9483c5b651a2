"""HTTP door of friends: `/v1/friends`."""

from typing import Annotated

from fastapi import Query, Request, Response, status

from services.user_service.friends import service
from services.user_service.friends.errors import (
    FriendshipAlreadyExists,
    FriendshipNotFound,
    SelfFriendship,
)
from services.user_service.friends.schemas import (
    FriendRequestAnswer,
    FriendRequestBody,
    FriendshipAnswer,
)
from services.user_service.users.errors import UserNotFound
from services.user_service.users.schemas import MessageAnswer, UserSummary
from shared.identity.headers import Caller
from shared.web.app import json_answer
from shared.web.dependencies import DatabaseDep
from shared.web.documentation import ErrorCodeAnswer, documented_errors
from shared.web.json_body import strict_router
from shared.web.pages import PageParameters, list_answer, read_position
from shared.web.schemas import PathId

router = strict_router("/v1/friends", "Friends")


@router.get(
    "/search",
    summary="Find people by e-mail or name",
    response_model=list[UserSummary],
    responses=documented_errors(ErrorCodeAnswer),
)
async def search_users(
    database: DatabaseDep,
    caller: Caller,
    query: Annotated[str, Query(description="part of the e-mail or the name")],
    limit: Annotated[
        int, Query(ge=0, description=f"at most so many, and at most {service.MAX_FOUND}")
    ] = 10,
) -> Response:
    """Return people, and whether they are friends or have been asked."""
    if limit == 0:
        return json_answer([])
    found = await database.transaction(
        lambda session: service.search_users(session, caller, text=query, limit=limit)
    )
    return json_answer(found)


@router.post(
    "/requests",
    status_code=status.HTTP_201_CREATED,
    summary="Ask somebody for their friendship",
    response_model=FriendshipAnswer,
    responses=documented_errors(
        ErrorCodeAnswer, SelfFriendship, UserNotFound, FriendshipAlreadyExists, has_body=True
    ),
)
async def request_friendship(
    database: DatabaseDep, caller: Caller, body: FriendRequestBody
) -> Response:
    """Send a request."""
    asked = await database.transaction(
        lambda session: service.request_friendship(
            session, caller, addressee=body.friend_cognito_sub
        )
    )
    return json_answer(asked, status.HTTP_201_CREATED)


@router.get(
    "/requests/pending",
    summary="List the requests that wait for the caller's answer",
    response_model=list[FriendRequestAnswer],
    responses=documented_errors(ErrorCodeAnswer),
)
async def list_received(
    request: Request, database: DatabaseDep, caller: Caller, page: PageParameters
) -> Response:
    """Return received requests, by id."""
    (after_id,) = read_position(page, int) or (0,)
    rows = await database.transaction(
        lambda session: service.list_received(session, caller, after_id=after_id, limit=page.fetch)
    )
    return list_answer(request, page, rows, lambda row: [row["requestId"]])


@router.post(
    "/requests/{request_id}/accept",
    summary="Accept a friend request",
    responses=documented_errors(ErrorCodeAnswer, FriendshipNotFound, FriendshipAlreadyExists),
)
async def accept(database: DatabaseDep, caller: Caller, request_id: PathId) -> MessageAnswer:
    """Become friends."""
    await database.transaction(
        lambda session: service.accept(session, caller, request_id=request_id)
    )
    return MessageAnswer(message="친구 요청을 수락했습니다.")


@router.post(
    "/requests/{request_id}/reject",
    summary="Reject a friend request",
    responses=documented_errors(ErrorCodeAnswer, FriendshipNotFound),
)
async def reject(database: DatabaseDep, caller: Caller, request_id: PathId) -> MessageAnswer:
    """Delete the request; it may be sent again."""
    await database.transaction(
        lambda session: service.reject(session, caller, request_id=request_id)
    )
    return MessageAnswer(message="친구 요청을 거절했습니다.")


@router.get(
    "",
    summary="List the caller's friends",
    response_model=list[FriendshipAnswer],
    responses=documented_errors(ErrorCodeAnswer),
)
async def list_friends(
    request: Request, database: DatabaseDep, caller: Caller, page: PageParameters
) -> Response:
    """Return accepted friendships, by id."""
    (after_id,) = read_position(page, int) or (0,)
    rows = await database.transaction(
        lambda session: service.list_friends(session, caller, after_id=after_id, limit=page.fetch)
    )
    return list_answer(request, page, rows, lambda row: [row["friendshipId"]])


@router.delete(
    "/{friendship_id}",
    summary="End a friendship, withdraw a request or lift a block",
    responses=documented_errors(ErrorCodeAnswer, FriendshipNotFound),
)
async def remove(database: DatabaseDep, caller: Caller, friendship_id: PathId) -> MessageAnswer:
    """Delete the caller's row; a friendship ends for both."""
    await database.transaction(
        lambda session: service.remove(session, caller, friendship_id=friendship_id)
    )
    return MessageAnswer(message="친구를 삭제했습니다.")


@router.post(
    "/{friend_cognito_sub}/block",
    summary="Block somebody",
    responses=documented_errors(ErrorCodeAnswer, SelfFriendship, UserNotFound),
)
async def block(database: DatabaseDep, caller: Caller, friend_cognito_sub: str) -> MessageAnswer:
    """Hide somebody from the caller's search and refuse their requests; they are not told."""
    await database.transaction(
        lambda session: service.block(session, caller, blocked=friend_cognito_sub)
    )
    return MessageAnswer(message="사용자를 차단했습니다.")
