"""What can go wrong between a student and Canvas."""

from shared.web.errors import ServiceError


class InvalidCanvasToken(ServiceError):
    """Canvas rejects the token."""

    status = 400
    code = "INVALID_CANVAS_TOKEN"
    message = "Canvas does not accept this token. Please make a new one in Canvas."


class CanvasUnavailable(ServiceError):
    """Canvas cannot be reached, fails, is throttling us, or answers something else than a profile."""

    status = 503
    code = "CANVAS_UNAVAILABLE"
    message = "Canvas cannot be reached at the moment. Please try again later."


class CanvasTokenNotFound(ServiceError):
    """The user has no stored Canvas token."""

    status = 404
    code = "CANVAS_TOKEN_NOT_FOUND"
    message = "No Canvas token is registered."


class CanvasSyncFailed(ServiceError):
    """The synchronisation could not be started, failed, or took too long."""

    status = 500
    code = "CANVAS_SYNC_ERROR"
    message = "The synchronisation with Canvas failed. Please try again later."
