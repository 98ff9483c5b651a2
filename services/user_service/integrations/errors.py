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


class SyncRunTaken(ServiceError):
    """A synchronisation of this student is on."""

    status = 409
    code = "SYNC_ALREADY_RUNNING"
    message = "A synchronisation of this student is running."


class SyncRunNotFound(ServiceError):
    """There is no such run, perhaps because the student disconnected Canvas meanwhile."""

    status = 404
    code = "SYNC_RUN_NOT_FOUND"
    message = "There is no such run."


TOOK_TOO_LONG = "The synchronisation with Canvas took too long. Please try again later."


class CanvasSyncFailed(ServiceError):
    """The synchronisation could not be started, failed, or took too long."""

    status = 500
    code = "CANVAS_SYNC_ERROR"
    message = "The synchronisation with Canvas failed. Please try again later."
