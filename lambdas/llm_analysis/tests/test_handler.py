"""The door: each record for itself, and what comes again (Q-05, Q-10)."""

import asyncio
import json
import logging
import random
import re
from pathlib import Path
from typing import Any

import pytest

from lambdas.llm_analysis import handler
from lambdas.llm_analysis.errors import InvocationInvalid, RecordsFailed
from lambdas.llm_analysis.handler import answer, lambda_handler
from lambdas.llm_analysis.tests.doubles import (
    SUB,
    Harness,
    ScheduleService,
    assignment_event,
    record,
)
from shared.events.llm_analysis import TasksGenerated
from shared.events.routes import LLM_ANALYSIS, TASK_CREATION
from shared.logging import JSONFormatter
from shared.settings import SettingsError
from shared.testing.hostile_sqs import HostileSQS

SAMPLES = Path("shared/events/samples")
MALFORMED: dict[str, Any] = {
    "no JSON": "no JSON",
    "an array": "[]",
    "null": "null",
    "a number as type": '{"eventType": 5}',
    "an empty object": {},
    "a next major version": {"eventType": "ASSIGNMENT_CREATED_V2", "courseId": 3},
    "another queue's event": {"eventType": "COURSE_DISABLED", "cognitoSub": SUB, "courseId": 3},
    "no course": assignment_event(courseId=None),
    "a word as id": assignment_event(canvasAssignmentId="nine"),
    "words as date": assignment_event(dueAt="next week"),
    "words as change": assignment_event(changedAt="yesterday"),
    "a change in no zone": assignment_event(changedAt="2026-11-20T03:04:05"),
    "no description": {
        key: value for key, value in assignment_event().items() if key != "description"
    },
    "a submission of nobody": {
        "eventType": "SUBMISSION_DETECTED",
        "courseId": 3,
        "assignmentId": 12,
    },
}


async def test_two_hundred_random_batches_bring_back_only_what_failed(outline: Harness) -> None:
    """Q-05"""
    choose = random.Random(5)
    expected_published = 0
    for _ in range(200):
        is_good = [choose.random() < 0.7 for _ in range(choose.randint(1, 10))]
        bodies = [
            assignment_event() if good else choose.choice(list(MALFORMED.values()))
            for good in is_good
        ]

        failed = await outline.invoke(*bodies)

        assert failed == [f"m-{n}" for n, good in enumerate(is_good) if not good]
        expected_published += sum(is_good)
    assert len(outline.published()) == expected_published


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_a_record_that_cannot_be_understood_is_left_for_the_dead_letter_queue(
    outline: Harness, body: Any
) -> None:
    """Q-10: also on its last try, and no type that is unknown vanishes."""
    assert await outline.invoke(body, receive_count=3) == ["m-0"]
    assert outline.published() == []


@pytest.mark.parametrize("event", [{}, {"Records": None}, {"Records": "all"}, [], None])
async def test_an_event_without_records_is_an_error(outline: Harness, event: Any) -> None:
    with pytest.raises(InvocationInvalid):
        await answer(outline.function, event)


async def test_no_records_are_no_failures(outline: Harness) -> None:
    assert await outline.invoke() == []


@pytest.mark.parametrize("broken", [{"body": "no JSON"}, {}, None, {"messageId": "", "body": 5}])
async def test_a_failed_record_without_a_message_id_fails_the_invocation(
    outline: Harness, broken: Any
) -> None:
    """It could not be named, and an answer without it would acknowledge it."""
    with pytest.raises(RecordsFailed, match="1 of 2"):
        await answer(outline.function, {"Records": [record(0, assignment_event()), broken]})


@pytest.mark.parametrize("name", ["ASSIGNMENT_CREATED", "ASSIGNMENT_UPDATED"])
async def test_the_published_samples_are_understood(outline: Harness, name: str) -> None:
    sample = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))

    assert await outline.invoke({**sample, "dueAt": assignment_event()["dueAt"], "new": 1}) == []

    [event] = outline.published()
    assert TasksGenerated.model_validate(event).canvas_assignment_id == 90210


async def test_what_is_published_is_complete_and_of_the_published_shape(outline: Harness) -> None:
    """events.md 4.3, additions.md E"""
    request = assignment_event()

    await outline.invoke(request)

    [event] = outline.published()
    sample = json.loads((SAMPLES / "TASKS_GENERATED.json").read_text(encoding="utf-8"))
    assert event.keys() == sample.keys()
    assert event["tasks"][0].keys() == sample["tasks"][0].keys()
    assert (event["courseId"], event["canvasAssignmentId"]) == (3, 90210)
    assert event["dueAt"] == request["dueAt"]
    assert event["changedAt"] == request["changedAt"]
    assert re.fullmatch(r"[0-9a-f]{64}", event["contentHash"])
    assert [task["title"] for task in event["tasks"]] == [
        "Part A. Implement round robin",
        "Part B. Write a report",
    ]


async def test_a_request_without_an_order_mark_is_analysed(outline: Harness) -> None:
    """events.md: a consumer lives without new fields."""
    request = assignment_event()
    del request["changedAt"]

    assert await outline.invoke(request) == []
    assert outline.published()[0].get("changedAt") is None


async def test_the_correlation_id_runs_on(
    outline: Harness, schedule_service: ScheduleService
) -> None:
    await outline.invoke(assignment_event())

    url = (await outline.sqs.get_queue_url(QueueName=TASK_CREATION.name))["QueueUrl"]
    received = await outline.sqs.receive_message(QueueUrl=url)
    attributes = received["Messages"][0]["MessageAttributes"]
    assert attributes["correlationId"]["StringValue"] == "request-0001"
    assert {call.headers["x-request-id"] for call in schedule_service.server.calls} == {
        "request-0001"
    }


async def test_records_that_an_outage_failed_come_back_within_five_minutes(
    outline: Harness, schedule_service: ScheduleService
) -> None:
    """L-04: malformed ones keep the queue's own wait."""
    url = (await outline.sqs.get_queue_url(QueueName=LLM_ANALYSIS.name))["QueueUrl"]
    for body in (assignment_event(), {"eventType": "UNKNOWN"}):
        entry = {"Id": "0", "MessageBody": json.dumps(body)}
        await outline.sqs.send_message_batch(QueueUrl=url, Entries=[entry])
    received = await outline.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    changed: dict[str, int] = {}

    async def change_message_visibility_batch(*, QueueUrl: str, Entries: Any) -> dict[str, Any]:
        changed.update({entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in Entries})
        return {}

    outline.sqs.change_message_visibility_batch = change_message_visibility_batch
    schedule_service.status = 503
    records = [
        {
            **record(0, message["Body"]),
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
        }
        for message in received["Messages"]
    ]

    answered = await answer(outline.function, {"Records": records})

    assert len(answered["batchItemFailures"]) == 2
    outage = next(m for m in received["Messages"] if "ASSIGNMENT" in m["Body"])
    assert list(changed) == [outage["ReceiptHandle"]]
    assert all(180 < seconds <= 300 for seconds in changed.values())


async def test_a_queue_that_does_not_answer_fails_the_record_only(
    outline: Harness, schedule_service: ScheduleService
) -> None:
    outline.sqs.is_away = True

    assert await outline.invoke(assignment_event()) == ["m-0"]

    outline.sqs.is_away = False
    assert await outline.invoke(assignment_event()) == []
    assert len(outline.published()) == 1


async def test_the_platforms_time_limit_is_kept(
    outline: Harness, schedule_service: ScheduleService
) -> None:
    schedule_service.server.is_hanging = True

    failed = await outline.invoke(assignment_event(), max_seconds=0.1)

    assert failed == ["m-0"]


async def test_logs_hold_neither_texts_nor_students(
    outline: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """S-07"""
    sample = json.loads((SAMPLES / "SUBMISSION_DETECTED.json").read_text(encoding="utf-8"))
    with caplog.at_level(logging.INFO):
        await outline.invoke(assignment_event(), sample, "no JSON")

    lines = [JSONFormatter("llm_analysis").format(entry) for entry in caplog.records]
    assert any('"tasks_generated"' in line for line in lines)
    assert any('"submission_checked"' in line for line in lines)
    assert any('"record_failed"' in line for line in lines)
    secrets = (SUB, "round robin", "lab.zip", "key-of-the-function")
    assert [line for line in lines if any(secret in line for secret in secrets)] == []


async def test_an_invocation_reads_its_environment(
    monkeypatch: pytest.MonkeyPatch, schedule_service: ScheduleService
) -> None:
    sqs = HostileSQS(copies=1)

    class Opened:
        async def __aenter__(self) -> HostileSQS:
            await sqs.create_queue(QueueName="other-tasks-queue")
            return sqs

        async def __aexit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr("lambdas.llm_analysis.runtime.aws_client", lambda *_, **__: Opened())
    monkeypatch.setattr("lambdas.llm_analysis.runtime.configure_logging", lambda *_: None)
    monkeypatch.setenv("SCHEDULE_SERVICE_URL", schedule_service.server.url)
    monkeypatch.setenv("TASK_CREATION_QUEUE_NAME", "other-tasks-queue")
    monkeypatch.delenv("CANVAS_SYNC_API_KEY", raising=False)
    event = {"Records": [record(0, assignment_event())]}
    try:
        with pytest.raises(SettingsError, match="CANVAS_SYNC_API_KEY"):
            await asyncio.to_thread(lambda_handler, event, None)
        monkeypatch.setenv("CANVAS_SYNC_API_KEY", "key-of-the-function")

        answered = await asyncio.to_thread(lambda_handler, event, None)

        assert answered == {"statusCode": 200, "body": "1 done", "batchItemFailures": []}
        assert len(sqs.bodies("other-tasks-queue")) == 1
    finally:
        handler._runtime.close()
