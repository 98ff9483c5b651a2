"""What can be wrong between two people."""

from shared.web.errors import ServiceError


class SelfFriendship(ServiceError):
    """The other person is the caller."""

    status = 400
    code = "SELF_FRIENDSHIP"
    message = "You cannot do this with yourself."


class FriendshipNotFound(ServiceError):
    """There is no such request or friendship."""

    status = 404
    code = "FRIENDSHIP_NOT_FOUND"
    message = "There is no such friend request or friendship."


class FriendshipAlreadyExists(ServiceError):
    """Something is between the two already: a request, a friendship or a block."""

    status = 409
    code = "FRIENDSHIP_ALREADY_EXISTS"
    message = "There already is a request or a friendship between you."
