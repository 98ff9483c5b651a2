"""Which recurrence rules a schedule may be given."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from services.schedule_service.recurrence.errors import InvalidRecurrence
from services.schedule_service.recurrence.expansion import starts_between
from services.schedule_service.recurrence.grammar import Rule, read_rule
from shared.web.time_zone import on_wire


def check_rule(text: str, *, start: datetime, zone: ZoneInfo | None = None) -> None:
    """Check that a schedule may repeat by a rule.

    Args:
        text: The rule, with or without `RRULE:`.
        start: When the schedule first starts, as digits in `zone`.
        zone: The zone it is made in; None for UTC and for an all-day schedule.

    Raises:
        InvalidRecurrence: It may not; the message says why.
    """
    rule = on_wall_clock(read_rule(text), zone)
    if rule.until is not None and rule.until < start:
        raise InvalidRecurrence("UNTIL of the recurrence rule is before the schedule starts.")
    wanted = rule.count or 2
    followed = replace(rule, count=wanted, until=None)
    if sum(1 for _ in starts_between(followed, start, start, datetime.max)) < wanted:
        raise InvalidRecurrence(
            "The recurrence rule never occurs, or so rarely that its last occurrence is too far away."
        )


def on_wall_clock(rule: Rule, zone: ZoneInfo | None) -> Rule:
    """Return the rule with a UTC `UNTIL` as digits in a zone; None leaves the digits as they are."""
    if rule.until is None or not rule.is_until_utc or zone is None:
        return rule
    return replace(rule, until=on_wire(rule.until, zone), is_until_utc=False)
