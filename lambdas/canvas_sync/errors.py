"""Why an invocation fails; no message repeats a token, a key or what somebody sent."""


class InvocationInvalid(Exception):
    """The event has none of the shapes of events.md 2.1; the message says what is missing."""


class EnrollmentsUnavailable(Exception):
    """course_service did not say which courses the student synchronises."""


class TokenUnavailable(Exception):
    """user_service has no Canvas token of this student, or did not hand it out."""


class RunsUnavailable(Exception):
    """user_service did not say who is to be synchronised, or did not let a run begin or end."""


class SyncIncomplete(Exception):
    """Some courses could not be read or published; those that could are published."""


class SyncTimedOut(Exception):
    """The synchronisation did not end within its time; what was published stays."""


class RecordsFailed(Exception):
    """Queue records failed that cannot be reported one by one because they have no message id."""
