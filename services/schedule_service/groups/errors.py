"""What stops a caller from seeing an item."""

from shared.web.errors import ServiceError


class AccessDenied(ServiceError):
    """The item is another user's, or of a group in which the caller may not do this."""

    status = 403
    code = "UNAUTHORIZED_ACCESS"
    message = "You have no access to this."
