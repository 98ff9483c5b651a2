"""What can be wrong with a request about an enrollment."""

from shared.web.errors import ServiceError


class EnrollmentNotFound(ServiceError):
    """There is no such enrollment, or it is someone else's: the answers are the same (R-14)."""

    status = 404
    code = "ENROLLMENT_NOT_FOUND"
    message = "There is no such enrollment."
