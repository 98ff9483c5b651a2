"""What can be wrong about a user."""

from shared.web.errors import ServiceError


class UserNotFound(ServiceError):
    """There is no row of this user."""

    status = 404
    code = "USER_NOT_FOUND"
    message = "The user does not exist."


class DuplicateUser(ServiceError):
    """The e-mail is already known, to us or to the user pool."""

    status = 409
    code = "DUPLICATE_USER"
    message = "A user with this e-mail already exists."
