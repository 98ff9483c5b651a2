"""How times are written in events (events.md 3.4, additions.md D)."""

from datetime import UTC, datetime


def read_event_time(value: str | None) -> datetime | None:
    """Read a Canvas or row time: its digits are kept, a fraction dropped, an offset converted to UTC first.

    Raises:
        ValueError: Not a date and time.
    """
    if not value:
        return None
    text = value.removesuffix("Z").removesuffix("z")
    moment = datetime.fromisoformat(text)
    if "T" not in text and " " not in text:
        raise ValueError(value)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(microsecond=0)


def write_event_time(moment: datetime | None) -> str | None:
    """Write a row's time as `YYYY-MM-DDTHH:MM:SS`, without zone and fraction."""
    return None if moment is None else moment.isoformat(timespec="seconds")


def write_order_mark(moment: datetime) -> str:
    """Write an `observedAt`, `snapshotAt` or `changedAt`: UTC with microseconds and a `Z`."""
    return moment.isoformat(timespec="microseconds") + "Z"


def read_order_mark(value: object) -> datetime | None:
    """Read an `observedAt`, `snapshotAt` or `changedAt`; absent means that the event claims no place in an order.

    Raises:
        ValueError: Present, but not a time with a zone, by which alone it could be compared.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("an order mark is a string")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an order mark carries a zone")
    return moment.astimezone(UTC).replace(tzinfo=None)
