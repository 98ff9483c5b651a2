"""A message is a part of the trace that sent it, at a worker as at a function; without one it is processed alike."""

import asyncio
from typing import Any

import orjson
import pytest

from shared.events.routes import TASK_CREATION
from shared.messaging.consumer import Consumer
from shared.messaging.publisher import Publisher
from shared.messaging.queues import create_queues
from shared.testing.collector import Collector
from shared.testing.hostile_sqs import HostileSQS
from shared.tracing.messages import processing_record
from shared.tracing.spans import current_traceparent, flush_spans, span

QUEUE = TASK_CREATION.name
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"


@pytest.fixture
async def sqs() -> HostileSQS:
    queues = HostileSQS(copies=1, second=0.1)
    await create_queues(queues, {}, visibility_seconds=1)
    return queues


async def consume(sqs: HostileSQS, *, problem: Exception | None = None) -> list[str | None]:
    """Consume one message and return what its handler was told to be a part of."""
    seen: list[str | None] = []
    stopping = asyncio.Event()

    async def handle(event: dict[str, Any]) -> None:
        seen.append(current_traceparent())
        stopping.set()
        if problem is not None:
            raise problem

    consumer = Consumer(sqs, QUEUE, handle, visibility_seconds=1, long_poll_seconds=1)
    async with asyncio.timeout(8):
        await consumer.run(stopping)
    return seen


async def test_a_message_is_processed_in_the_trace_of_the_work_that_sent_it(
    sqs: HostileSQS, collector: Collector
) -> None:
    with span("POST", "server"):
        await Publisher(sqs).send(QUEUE, [orjson.dumps({"cognitoSub": "a"})])
    (told,) = await consume(sqs)
    flush_spans(5)

    sent, request, processed = collector.spans
    assert [each.kind for each in collector.spans] == ["producer", "server", "consumer"]
    assert {each.trace_id for each in collector.spans} == {request.trace_id}
    assert (sent.parent_id, processed.parent_id) == (request.span_id, sent.span_id)
    assert str(told).split("-")[1:3] == [request.trace_id, processed.span_id]
    assert processed.name == f"process {QUEUE}"
    assert processed.attributes["messaging.destination.name"] == QUEUE
    assert b"cognitoSub" not in b"".join(collector.bodies)


async def test_a_message_that_fails_is_marked(sqs: HostileSQS, collector: Collector) -> None:
    await Publisher(sqs).send(QUEUE, [orjson.dumps({"cognitoSub": "a"})])
    await consume(sqs, problem=ValueError("of a student"))
    flush_spans(5)

    processed = collector.spans[-1]
    assert (processed.is_failed, processed.attributes["error.type"]) == (True, "ValueError")
    assert b"of a student" not in b"".join(collector.bodies)


async def test_without_a_collector_a_message_has_no_trace_and_is_processed(sqs: HostileSQS) -> None:
    await Publisher(sqs).send(QUEUE, [orjson.dumps({"cognitoSub": "a"})])
    attributes = sqs.messages(QUEUE)[0].attributes

    assert "traceparent" not in attributes
    assert await consume(sqs) == [None]


def test_a_record_is_worked_on_in_the_trace_of_its_message(collector: Collector) -> None:
    traceparent = {"dataType": "String", "stringValue": f"00-{TRACE_ID}-{PARENT_ID}-01"}
    record = {
        "messageId": "m-1",
        "eventSourceARN": f"arn:aws:sqs:ap-northeast-2:123456789012:{QUEUE}",
        "messageAttributes": {"traceparent": traceparent},
    }
    with processing_record(record):
        pass
    flush_spans(5)

    (processed,) = collector.spans
    assert (processed.trace_id, processed.parent_id) == (TRACE_ID, PARENT_ID)
    assert (processed.name, processed.kind) == (f"process {QUEUE}", "consumer")
    assert processed.attributes["messaging.message.id"] == "m-1"


@pytest.mark.parametrize(
    "record",
    [
        None,
        "text",
        {},
        {"messageAttributes": None, "messageId": 7, "eventSourceARN": []},
        {"messageAttributes": {"traceparent": "00-abc"}},
        {"messageAttributes": {"traceparent": {"stringValue": 5}}},
    ],
)
def test_whatever_stands_for_a_record_begins_a_trace(collector: Collector, record: Any) -> None:
    with processing_record(record):
        pass
    flush_spans(5)

    assert [each.parent_id for each in collector.spans] == [""]
