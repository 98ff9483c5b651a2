"""How long a server asks callers to wait before they come back."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_SECONDS = 1e9
"""Thirty years: anything above, infinity among it, is no answer."""


def retry_after_seconds(text: str) -> float | None:
    """Read `Retry-After`, in seconds or as an HTTP date (RFC 9110 10.2.3); what asks for no pause counts as absent."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return seconds if 0 < seconds < MAX_SECONDS else None
