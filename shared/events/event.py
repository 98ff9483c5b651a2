"""The base of every event shape: camelCase on the wire, unknown fields ignored."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Event(BaseModel):
    """A message body or an entry in one; readers live with any optional field missing."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", coerce_numbers_to_str=True
    )

    def to_body(self) -> bytes:
        """Return the UTF-8 JSON of this event; optional fields that were never set are left out."""
        return self.model_dump_json(by_alias=True, exclude_unset=True).encode("utf-8")


def _none_as_empty(value: Any) -> Any:
    return [] if value is None else value


EntryList = Annotated[list[Any], BeforeValidator(_none_as_empty)]
"""Entries that are validated one by one, so that a bad one does not fail its neighbours."""

Sub = Annotated[str, Field(min_length=1, max_length=255)]
"""A student's Cognito sub."""

Identifier = Annotated[int, Field(gt=0, lt=2**63)]
"""A row or Canvas id; a numeric string is read as a number."""
