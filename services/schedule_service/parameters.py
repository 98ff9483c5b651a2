"""Query parameters that several lists share."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _empty_as_null(value: Any) -> Any:
    return None if value == "" else value


EmptyAsNull = BeforeValidator(_empty_as_null)
"""Marks a parameter that counts as absent when it is empty, as numbers and dates do."""

GROUP_ID = Query(alias="groupId", description="only this group's; wins over `includeGroups`")
INCLUDE_GROUPS = Query(
    alias="includeGroups", description="personal ones and those of all groups of the caller"
)


def _read_date(value: Any) -> Any:
    if value in ("", None):
        return None
    # pydantic would also take a number of seconds, and a datetime at midnight.
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("date_parsing", "must be a date such as 2026-03-04")


DateParameter = Annotated[date | None, BeforeValidator(_read_date), Query()]
"""A `date` of a query: exactly `YYYY-MM-DD`."""
