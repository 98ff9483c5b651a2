"""What can be wrong with a recurrence."""

from shared.web.errors import ServiceError


class InvalidRecurrence(ServiceError):
    """The rule is not one RRULE of RFC 5545, or occurs too often, too late or never."""

    status = 400
    code = "INVALID_SCHEDULE"
    message = "The recurrence rule is not valid."


class TooManyOccurrences(ServiceError):
    """The schedules recur so often in the period that listing every occurrence would take too long."""

    status = 400
    code = "INVALID_SCHEDULE"
    message = "There are too many occurrences in this period. Please ask for a shorter one."
