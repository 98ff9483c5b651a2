"""Bodies and answers about friends."""

from typing import Annotated

from services.user_service.friends.models import FriendshipStatus
from services.user_service.users.schemas import UserSummary
from shared.web.schemas import Answer, NotBlank, RequestBody, WireDatetime


class FriendRequestBody(RequestBody):
    """Whom the caller would like to have as a friend."""

    friend_cognito_sub: Annotated[str, NotBlank]


class FriendshipAnswer(Answer):
    """The caller's side of a request or a friendship."""

    friendship_id: int
    friend: UserSummary
    status: FriendshipStatus
    created_at: WireDatetime


class FriendRequestAnswer(Answer):
    """A request that waits for the caller's answer."""

    request_id: int
    from_user: UserSummary
    created_at: WireDatetime
