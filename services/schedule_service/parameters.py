"""Query parameters that several lists share."""

from typing import Any

from fastapi import Query
from pydantic import BeforeValidator


def _empty_as_null(value: Any) -> Any:
    return None if value == "" else value


EmptyAsNull = BeforeValidator(_empty_as_null)
"""Marks a parameter that counts as absent when it is empty, as numbers and dates do."""

GROUP_ID = Query(alias="groupId", description="only this group's; wins over `includeGroups`")
INCLUDE_GROUPS = Query(
    alias="includeGroups", description="personal ones and those of all groups of the caller"
)
