"""The base of every event shape: camelCase on the wire, unknown fields ignored."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Event(BaseModel):
    """A message body or an entry in one; readers live with any optional field missing."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", coerce_numbers_to_str=True
    )

    def to_body(self) -> bytes:
        """Return the UTF-8 JSON of this event; optional fields that were never set are left out."""
        return self.model_dump_json(by_alias=True, exclude_unset=True).encode("utf-8")


def none_as_empty(value: Any) -> Any:
    """Read an absent list as an empty one."""
    return [] if value is None else value


@dataclass(frozen=True)
class EntriesOf:
    """Marks a list whose entries readers validate one by one, so that a bad one does not fail its neighbours.

    The published schema says what each entry should look like all the same.
    """

    shape: type[Event]
    is_nullable: bool = True

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of a list of the shape."""
        entries = handler(core_schema.list_schema(self.shape.__pydantic_core_schema__))
        return {**entries, "type": ["array", "null"]} if self.is_nullable else entries


EntryList = Annotated[list[Any], BeforeValidator(none_as_empty)]
"""A list of entries; null counts as empty."""

Sub = Annotated[str, Field(min_length=1, max_length=255)]
"""A student's Cognito sub."""

Identifier = Annotated[int, Field(gt=0, lt=2**63)]
"""A row or Canvas id; a numeric string is read as a number."""

IdentifierOrDigits = Annotated[
    Identifier,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2**63},
                {"type": "string", "pattern": "^[0-9]{1,19}$"},
            ]
        }
    ),
]
"""An id that the contract allows as a string, too; we send the number."""
