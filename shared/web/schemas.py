"""How bodies and parameters are read and written: camelCase, lenient scalars, zoneless times (rest.md 1.5, 1.6)."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from shared.web.time_zone import on_wire

MAX_LONG = 2**63 - 1
_EXAMPLE = "2026-03-04T09:30:00"

_DATETIME = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2})?(\.\d{1,9})?(Z)?", re.ASCII)
_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2}|\[.*\])+$", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONG = re.compile(r"-?\d{1,19}", re.ASCII)


class RequestBody(BaseModel):
    """A JSON body: camelCase, unknown fields ignored, numbers accepted for strings."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", coerce_numbers_to_str=True, frozen=True
    )


class Answer(BaseModel):
    """A JSON answer: exactly these fields, camelCase, null written out."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        # Documents hold answers to exactly these fields; reading a row that has more is no mistake.
        json_schema_extra={"additionalProperties": False},
    )


def _unreadable(kind: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError(f"{kind}_parsing", "must be {expected}", {"expected": expected})


def parse_datetime(value: str) -> datetime:
    """Read `YYYY-MM-DDTHH:MM[:SS[.fraction]][Z]`; the digits are kept, a `Z` is dropped.

    Raises:
        ValueError: Anything else, an offset included.
    """
    match = _DATETIME.fullmatch(value)
    if match is None:
        raise ValueError(value)
    day, minutes, seconds, fraction, _ = match.groups()
    return datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}{(fraction or '')[:7]}")


def _read_datetime(value: Any) -> Any:
    if value == "" or value is None:
        return None
    if isinstance(value, datetime):
        # An answer made from a row; JSON holds none.
        return value
    if isinstance(value, str):
        try:
            return parse_datetime(value)
        except ValueError:
            pass
    raise _unreadable("datetime", "a date and time such as 2026-03-04T09:30:00")


def _read_datetime_parameter(value: Any) -> Any:
    return _read_datetime(_ZONE.sub("", value) if isinstance(value, str) else value)


def _read_date(value: Any) -> Any:
    if value == "" or value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            if _DATE.fullmatch(value):
                return date.fromisoformat(value)
            return parse_datetime(value).date()
        except ValueError:
            pass
    raise _unreadable("date", "a date such as 2026-03-04")


def _read_long(value: Any) -> Any:
    if value == "" or value is None:
        return None
    if isinstance(value, str) and _LONG.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_LONG:
        return value
    raise _unreadable("long", "a whole number")


def _read_bool(value: Any) -> Any:
    if value == "" or value is None:
        return None
    lowered = value.lower() if isinstance(value, str) else value
    if lowered in ("true", "false"):
        return lowered == "true"
    if isinstance(value, bool):
        return value
    raise _unreadable("bool", "true or false")


def _not_blank(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return value


_DATETIME_RULES = (
    PlainSerializer(on_wire, return_type=datetime, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^{_DATETIME.pattern}$", "examples": [_EXAMPLE]},
        mode="validation",
    ),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?$",
            "examples": [_EXAMPLE],
        },
        mode="serialization",
    ),
)
"""No zone on the wire, so not JSON Schema's `date-time`."""

WireDatetime = Annotated[datetime, BeforeValidator(_read_datetime), *_DATETIME_RULES]
"""A `datetime` of a body, as its digits stand there, or of an answer, in the request's zone."""

WireDate = Annotated[date, BeforeValidator(_read_date)]
"""A `date` of a body or an answer."""

LenientLong = BeforeValidator(_read_long)
"""Marks an integer that is also read from a numeric string; stands after its bounds, to document them."""

WireLong = Annotated[int, LenientLong]
"""A 64-bit integer of a body; numeric strings are read."""

WireBool = Annotated[bool, BeforeValidator(_read_bool)]
"""A boolean of a body; `"true"` and `"false"` are read."""

OptionalDatetime = Annotated[
    Annotated[datetime, *_DATETIME_RULES] | None, BeforeValidator(_read_datetime)
]
OptionalDate = Annotated[date | None, BeforeValidator(_read_date)]
OptionalLong = Annotated[int | None, BeforeValidator(_read_long)]
OptionalBool = Annotated[bool | None, BeforeValidator(_read_bool)]
"""The same for fields that may be null; an empty string counts as null."""

NotBlank = BeforeValidator(_not_blank)
"""Marks a string that must hold more than white space."""


def _whole_seconds(value: datetime) -> datetime:
    return on_wire(value.replace(microsecond=0))


WholeSecondsDatetime = Annotated[
    WireDatetime, PlainSerializer(_whole_seconds, return_type=datetime, when_used="json")
]
"""A `datetime` of an answer that never carries a fraction."""

PathId = Annotated[int, BeforeValidator(_read_long), Path()]
"""An id in a path: a decimal `long`."""

LongParameter = Annotated[int | None, BeforeValidator(_read_long), Query()]
BoolParameter = Annotated[bool | None, BeforeValidator(_read_bool), Query()]
DatetimeParameter = Annotated[
    Annotated[datetime, *_DATETIME_RULES] | None,
    BeforeValidator(_read_datetime_parameter),
    Query(),
]
