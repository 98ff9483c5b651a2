"""The zone of every `datetime` on the wire: `X-Time-Zone`, UTC without it (additions.md F).

Columns hold UTC. What a request says is converted where its meaning is known (`to_utc`, for an all-day
schedule has no zone); what an answer says is converted when it is written (`on_wire`).
"""

from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Header

from shared.web.errors import BadRequest

HEADER = "X-Time-Zone"
MAX_NAME_LENGTH = 64

_zone: ContextVar[ZoneInfo | None] = ContextVar("time_zone", default=None)


async def bind_time_zone(
    x_time_zone: Annotated[
        str | None, Header(description="IANA zone of every datetime here, UTC without it")
    ] = None,
) -> None:
    """Bind the caller's zone for the rest of the request.

    Raises:
        BadRequest: The header names no IANA zone.
    """
    _zone.set(None if x_time_zone in (None, "UTC") else read_zone(x_time_zone or ""))


def read_zone(name: str) -> ZoneInfo:
    """Return a zone by its IANA name.

    Raises:
        BadRequest: There is none of that name.
    """
    try:
        if len(name) <= MAX_NAME_LENGTH:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise BadRequest(f"{HEADER} names no known time zone.")


def is_utc() -> bool:
    """Tell whether the request's datetimes need no conversion."""
    return _zone.get() is None


def current_zone() -> ZoneInfo:
    """Return the zone of the current request."""
    return _zone.get() or ZoneInfo("UTC")


def to_utc(local: datetime, zone: ZoneInfo | None = None) -> datetime:
    """Return the UTC digits of a wall-clock time in a zone, by default that of the request.

    A time that does not exist moves forward; of an ambiguous one the first is meant.
    """
    zone = zone or _zone.get()
    if zone is None:
        return local
    try:
        return local.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise BadRequest("A time is out of range.") from None


def on_wire(stored: datetime, zone: ZoneInfo | None = None) -> datetime:
    """Return the wall-clock digits of a stored UTC time in a zone, by default that of the request."""
    zone = zone or _zone.get()
    if zone is None:
        return stored
    try:
        return stored.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return stored
