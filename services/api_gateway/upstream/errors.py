"""Why a service gave no usable answer."""


class ServiceFailed(Exception):
    """The service gave no usable answer to a call."""

    retry_after_seconds: int | None = None
    """When it is known that trying sooner is of no use."""


class Unreachable(ServiceFailed):
    """No connection to the service could be opened."""


class ConnectionBroke(ServiceFailed):
    """The connection ended before the answer did.

    `is_stale`: it had carried calls before and ended before this one's answer began, so that the service most likely
    closed it for its age and never saw the call.
    """

    def __init__(self, *, is_stale: bool = False) -> None:
        super().__init__()
        self.is_stale = is_stale


class AnswerLate(ServiceFailed):
    """The service did not answer in time."""


class NotHTTP(ServiceFailed):
    """The service's answer is not HTTP, or nobody can tell where it ends."""


class Overloaded(ServiceFailed):
    """More calls wait for the service than it could answer in time."""

    retry_after_seconds = 1


class CircuitOpen(ServiceFailed):
    """The service failed so often lately that it is left alone for a while."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds
