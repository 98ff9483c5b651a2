"""Time that passes when a test says so."""


class Clock:
    """Called like `time.time` or `time.monotonic`."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return what the test has set."""
        return self.now
