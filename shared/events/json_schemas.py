"""The published JSON Schema of each message, generated from its shape."""

from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.events.catalogue import SHAPES, UNTYPED

SCHEMAS = Path(__file__).parent / "schemas"
"""Where the generated files lie, one for each name; `python -m shared.events.publish` writes them anew."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Terse(GenerateJsonSchema):
    """Leaves out what only repeats: titles like the field's name, a default of null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Give no field a title."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Name a default only when it says more than that the field may be absent."""
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Allow null beside a plain type without a list of alternatives."""
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}


def message_schema(name: str) -> dict[str, Any]:
    """Return the schema of an event type, or of a message without one by its published name.

    It says what is sent. Readers take more: unknown fields, a number where a text is expected and the other way
    round, lists with a bad entry.

    Raises:
        KeyError: Nothing of that name is published.
    """
    shape = SHAPES.get(name) or UNTYPED[name]
    schema = shape.model_json_schema(by_alias=True, schema_generator=Terse)
    if name in SHAPES:
        schema["properties"]["eventType"] = {"const": name}
        others = [field for field in schema.get("required", []) if field != "eventType"]
        schema["required"] = ["eventType", *others]
    return {"$schema": DIALECT, "$id": f"urn:unisync:event:{name}", **schema, "title": name}
