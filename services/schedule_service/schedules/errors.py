"""What can be wrong with a schedule."""

from shared.web.errors import ServiceError


class ScheduleNotFound(ServiceError):
    """There is no such schedule."""

    status = 404
    code = "SCHEDULE_NOT_FOUND"
    message = "There is no such schedule."


class InvalidSchedule(ServiceError):
    """The times contradict each other."""

    status = 400
    code = "INVALID_SCHEDULE"
    message = "The end is before the start."
