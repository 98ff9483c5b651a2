"""Bounds second tries, so that an outage is not made worse by them (G-08)."""

SHARE = 0.1
"""Of all calls, at most."""

MAX_SAVED = 3.0
"""Tries saved up in good times: enough for a restart, nothing that an outage would notice."""


class RetryBudget:
    """Earns a tenth of a try with each call."""

    def __init__(self) -> None:
        self._saved = 0.0

    def earn(self) -> None:
        """Count a call."""
        if self._saved < MAX_SAVED:
            self._saved += SHARE

    def spend(self) -> bool:
        """Take one try out; False when there is none."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
