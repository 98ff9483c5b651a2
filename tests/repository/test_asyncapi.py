"""The AsyncAPI document of the queues is current and valid.

`asyncapi-3.0-schema.json` is the AsyncAPI Initiative's schema of version 3.0.0 (npm `@asyncapi/specs` 6.11.1,
Apache-2.0) without its explanations.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from shared.events.catalogue import messages_of
from shared.events.publish import ASYNCAPI, asyncapi_text
from shared.events.routes import QUEUES

META_SCHEMA = Path(__file__).parent / "asyncapi-3.0-schema.json"


def document() -> dict[str, Any]:
    return yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for inner in value.values() for ref in references(inner)]
    return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []


def resolve(root: dict[str, Any], reference: str) -> Any:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_document_is_the_one_of_the_route_table_and_the_shapes_today() -> None:
    """`python -m shared.events.publish` writes it anew."""
    assert ASYNCAPI.read_text(encoding="utf-8") == asyncapi_text()


def test_the_document_is_valid_asyncapi() -> None:
    meta_schema = json.loads(META_SCHEMA.read_text(encoding="utf-8"))

    assert [
        str(error.message)[:200] for error in Draft7Validator(meta_schema).iter_errors(document())
    ] == []


def test_the_schema_of_asyncapi_refuses_a_document_that_is_none() -> None:
    meta_schema = json.loads(META_SCHEMA.read_text(encoding="utf-8"))
    broken = document()
    broken["operations"]["course_service.send.task-creation-queue"]["action"] = "shout"

    assert not Draft7Validator(meta_schema).is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    root = document()
    leading = {reference: resolve(root, reference) for reference in references(root)}

    print(f"{len(leading)} references")
    assert all(isinstance(target, dict) for target in leading.values())


def test_every_queue_is_a_channel_with_its_messages_and_both_its_sides() -> None:
    root = document()
    sides = {
        f"{deployable}.{action}.{queue.name}"
        for queue in QUEUES
        for deployable, action in [
            *((producer, "send") for producer in queue.producers),
            (queue.consumer, "receive"),
        ]
    }

    assert {name: set(channel["messages"]) for name, channel in root["channels"].items()} == {
        queue.name: set(messages_of(queue)) for queue in QUEUES
    }
    assert set(root["operations"]) == sides


def test_every_example_meets_the_payload_it_stands_beside() -> None:
    root = document()
    for name, message in root["components"]["messages"].items():
        schema = {**message["payload"], "components": root["components"]}

        Draft202012Validator(schema).validate(message["examples"][0]["payload"])
        assert name == message["name"]
