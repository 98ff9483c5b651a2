"""Faults on request: slow answers, forced throttling and failing statuses."""

from dataclasses import dataclass
from enum import Enum


class ThrottleForm(Enum):
    """How a throttled call is answered: as Canvas does since October 2025, or as older installations do."""

    TOO_MANY_REQUESTS = "429"
    FORBIDDEN = "403"


@dataclass
class Faults:
    """What is to go wrong.

    Latency holds for every call. `throttle` and `status` hold for the next `times` calls whose path contains
    `path` (`None`: all calls, any path); throttling comes first. `throttle` also sets the form in which the
    exhausted bucket answers, for as long as the fault is in place and even when `times` is used up.
    """

    latency_ms: float = 0
    throttle: ThrottleForm | None = None
    status: int | None = None
    path: str | None = None
    times: int | None = None

    @property
    def form(self) -> ThrottleForm:
        """Return how calls are answered that the bucket refuses."""
        return self.throttle or ThrottleForm.TOO_MANY_REQUESTS

    def strike(self, path: str) -> ThrottleForm | int | None:
        """Decide what this call meets, and count it: forced throttling, a failing status, or nothing."""
        fault = self.throttle or self.status
        if fault is None or self.times == 0 or (self.path is not None and self.path not in path):
            return None
        if self.times is not None:
            self.times -= 1
        return fault
