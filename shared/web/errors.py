"""Errors that carry their status and code, and how each service's error object looks."""

from collections.abc import Callable
from typing import Any, ClassVar

from shared.database import utc_now

ErrorShape = Callable[[str, str], dict[str, Any]]
"""Builds a service's error object from a code and a message."""


class ServiceError(Exception):
    """A rule was broken or a part is missing; the answer is this status and code."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    message: ClassVar[str] = "Something went wrong on our side."

    def __init__(self, message: str | None = None) -> None:
        self.text = message or self.message
        super().__init__(self.text)


class BadRequest(ServiceError):
    """The request cannot be read or does not make sense."""

    status = 400
    code = "BAD_REQUEST"
    message = "The request is malformed."


class Unauthorized(ServiceError):
    """The caller is not known."""

    status = 401
    code = "UNAUTHORIZED"
    message = "The caller is not identified."


class Unavailable(ServiceError):
    """Something this request needs cannot be reached; trying again later may help."""

    status = 503
    code = "SERVICE_UNAVAILABLE"
    message = "The service is temporarily unavailable. Please try again."


class InvalidFields(ServiceError):
    """Fields of the body violate `required`, a length, a pattern or a range."""

    status = 400
    code = "VALIDATION"
    message = "Some fields are not valid."

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


def error_code_shape(code: str, message: str) -> dict[str, Any]:
    """Build the error object of user_service and schedule_service (rest.md 1.7)."""
    return {"errorCode": code, "message": message, "timestamp": utc_now()}


def code_shape(code: str, message: str) -> dict[str, Any]:
    """Build the error object of course_service (rest.md 1.7)."""
    return {"code": code, "message": message}
