"""Examples for the OpenAPI document."""

from typing import Any

from pydantic import ConfigDict


def body_example(**fields: Any) -> ConfigDict:
    """Return the configuration of a body that shows an example, named as on the wire."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def answer_example(**fields: Any) -> ConfigDict:
    """Return the configuration of an answer that shows an example and holds exactly these fields."""
    return ConfigDict(json_schema_extra={"additionalProperties": False, "examples": [fields]})
