"""The event table, the shapes, the published schemas and the samples agree."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.events.catalogue import SHAPES, UNTYPED, messages_of
from shared.events.json_schemas import SCHEMAS, message_schema
from shared.events.routes import QUEUES, queue_of

SAMPLES = Path("shared/events/samples")
NAMES = [*SHAPES, *UNTYPED]


def sample(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def published(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("event_type", SHAPES)
def test_every_event_shape_has_a_sample_and_a_queue(event_type: str) -> None:
    assert sample(event_type)["eventType"] == event_type
    assert event_type in queue_of(event_type).events


def test_every_queue_carries_something_and_every_event_of_a_queue_has_a_shape() -> None:
    assert [name for queue in QUEUES for name in messages_of(queue) if name not in NAMES] == []
    assert [queue.name for queue in QUEUES if not messages_of(queue)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_survives_its_shape_unchanged(name: str) -> None:
    parsed = {**SHAPES, **UNTYPED}[name].model_validate(sample(name))

    assert json.loads(parsed.to_body()) == sample(name)


def test_no_sample_and_no_schema_is_without_a_shape() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(NAMES)
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_published_schema_is_the_one_of_its_shape_today(name: str) -> None:
    """Q-10: `python -m shared.events.publish` writes them anew."""
    assert published(name) == message_schema(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_meets_its_published_schema(name: str) -> None:
    Draft202012Validator.check_schema(published(name))

    Draft202012Validator(published(name)).validate(sample(name))


def test_no_event_goes_to_two_queues() -> None:
    events = [event for queue in QUEUES for event in queue.events]

    assert len(events) == len(set(events))


def test_every_queue_has_a_dead_letter_queue_of_its_own() -> None:
    names = {queue.dead_letter_name for queue in QUEUES}

    assert len(names) == len(QUEUES)
    assert all(queue.dead_letter_name == f"{queue.name}-dlq" for queue in QUEUES)
