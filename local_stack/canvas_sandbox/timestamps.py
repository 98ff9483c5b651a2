"""Times as Canvas writes them: ISO 8601, UTC, whole seconds, `Z`.

They are kept as text: this one form sorts by time as it stands.
"""

from datetime import UTC, datetime


def written(moment: datetime) -> str:
    """Write a moment the way Canvas does; one without a zone counts as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """Write the present moment the way Canvas does."""
    return written(datetime.now(UTC))


def seconds_between(earlier: str, later: str) -> int:
    """Count the seconds from one written moment to another; negative when they are the other way round."""
    return int((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())


def parsed(text: str) -> str:
    """Rewrite an ISO 8601 time with any offset or none (then it is UTC) the way Canvas writes it.

    Raises:
        ValueError: The text is not a time, or a date alone.
    """
    if "T" not in text.upper():
        raise ValueError("not a full time")
    return written(datetime.fromisoformat(text))
