"""A synchronisation is a part of the trace of whoever asked for it, and its spans leave before the answer does."""

from typing import Any

import pytest

from lambdas.canvas_sync import handler
from lambdas.canvas_sync.tests.test_handler import SUB, RecordingSync, function_of
from shared import function_runtime
from shared.events.routes import CANVAS_SYNC
from shared.function_runtime import flush_before_answer
from shared.testing.collector import Collector
from shared.tracing.spans import flush_spans

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


class Context:
    """What AWS Lambda tells of an invocation."""

    def __init__(self, milliseconds_left: int) -> None:
        self._milliseconds_left = milliseconds_left

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds_left


async def test_an_invocation_is_a_part_of_its_callers_trace(collector: Collector) -> None:
    payload = {"cognitoSub": SUB, "syncMode": "courses", "traceparent": TRACEPARENT}
    await handler.answer(function_of(RecordingSync()), payload)
    flush_spans(5)

    (work,) = collector.spans
    assert (work.trace_id, work.parent_id, work.kind) == (TRACE_ID, PARENT_ID, "server")
    assert SUB.encode() not in collector.bodies[0]


@pytest.mark.parametrize("traceparent", [None, 5, "", "00-abc", {"a": 1}])
async def test_whatever_an_invocation_says_of_its_trace_it_is_worked_on(
    collector: Collector, traceparent: Any
) -> None:
    payload = {"cognitoSub": SUB, "syncMode": "courses", "traceparent": traceparent}
    answered = await handler.answer(function_of(RecordingSync()), payload)
    flush_spans(5)

    assert answered["statusCode"] == 200
    assert [work.parent_id for work in collector.spans] == [""]


async def test_each_record_is_a_part_of_the_trace_of_its_own_message(collector: Collector) -> None:
    traces = [f"{number:032x}" for number in (7, 8)]
    records = [
        {
            "messageId": f"m-{number}",
            "body": f'{{"cognitoSub": "student-{number}"}}',
            "eventSourceARN": f"arn:aws:sqs:ap-northeast-2:123456789012:{CANVAS_SYNC.name}",
            "messageAttributes": {
                "traceparent": {
                    "dataType": "String",
                    "stringValue": f"00-{trace_id}-{PARENT_ID}-01",
                }
            },
        }
        for number, trace_id in enumerate(traces)
    ]
    failing = RecordingSync(fails=frozenset({"student-1"}))
    await handler.answer(function_of(failing), {"Records": records})
    flush_spans(5)

    works = sorted(collector.spans, key=lambda work: work.trace_id)
    assert [work.trace_id for work in works] == traces
    assert [work.is_failed for work in works] == [False, True]
    assert {work.name for work in works} == {f"process {CANVAS_SYNC.name}"}


@pytest.mark.parametrize(
    ("milliseconds_left", "seconds"), [(60_000, [1.0]), (1_500, [0.5]), (1_000, []), (200, [])]
)
def test_spans_are_waited_for_only_while_the_answer_is_in_time(
    monkeypatch: pytest.MonkeyPatch, milliseconds_left: int, seconds: list[float]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(function_runtime, "flush_spans", waited.append)

    flush_before_answer(Context(milliseconds_left))

    assert waited == seconds
