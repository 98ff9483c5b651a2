"""Which recurrence rules a schedule may be given."""

from datetime import datetime
from zoneinfo import ZoneInfo

from services.schedule_service.recurrence.grammar import read_rule


def check_rule(text: str, *, start: datetime, zone: ZoneInfo | None = None) -> None:
    """Check that a schedule may repeat by a rule.

    Args:
        text: The rule, with or without `RRULE:`.
        start: When the schedule first starts, as digits in `zone`.
        zone: The zone it is made in; None for UTC and for an all-day schedule.

    Raises:
        InvalidRecurrence: It may not; the message says why.
    """
    read_rule(text)
